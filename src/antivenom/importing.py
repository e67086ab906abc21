"""Import the objects that a spec names by their import path, with messages for the usual mistakes."""

import importlib
import sys
from pathlib import Path
from typing import Any

from antivenom.errors import UnknownComponentError, in_words
from antivenom.own_code import name_module
from antivenom.registry import did_you_mean
from antivenom.stopping import Stopped


def import_named(path: str) -> Any:
    """Import and return the object `package.module:name`. This runs the module: check permission first.

    Raises:
        UnknownComponentError: the module does not exist, or does not define the name.
    """
    module, _, name = path.partition(":")
    name_module(module)
    try:
        named: Any = importlib.import_module(module)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # the module of a user may raise anything
        words = in_words(error) if not isinstance(error, ImportError) else str(error)
        advice = "Correct the file."
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            advice = "Write package.module:name, and add the folder of your own files to PYTHONPATH."
        elif isinstance(error, ValueError):  # an empty name
            advice = "Write package.module:name."
        raise UnknownComponentError(f"Cannot import '{path}': {words.rstrip('.')}. {advice}") from error
    for part in name.split("."):
        if not hasattr(named, part):
            raise UnknownComponentError(f"Cannot import '{path}': {_no_such_name(named, module, part)}")
        named = getattr(named, part)
    return named


def _no_such_name(owner: object, module: str, name: str) -> str:
    """Return why a module or class does not have a name, and what to do."""
    file = getattr(sys.modules[module], "__file__", None)
    lacks = f"{module}, imported from {file}, does not define '{name}'." if file else f"{module} lacks '{name}'."
    if module == "__main__":
        return f"{lacks} Move {name} from your script into a module, import it from there, and run again."
    own = Path.cwd() / f"{module.partition('.')[0]}.py"
    if file and own.is_file() and not own.samefile(file):
        return f"{lacks} Your file {own.name} has the name of an installed module. Rename it."
    return lacks + did_you_mean(name, [each for each in dir(owner) if not each.startswith("_")])
