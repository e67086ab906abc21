"""Components by kind and name, found by file name and read without being imported.

A component is a class decorated with `component` that stands in a file of its kind's package and whose name is the
file's, but for case and underscores: `attacks/label_flip.py` holds `LabelFlip`, which specs call `label_flip`. A family
of several files is a folder: `defences/neural_cleanse/neural_cleanse.py`. No list is kept. Other packages add theirs
through entry points: group `antivenom.attacks`, name `my_attack`, value `package.module:Class`.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from antivenom.errors import UnknownComponentError


@dataclass(frozen=True)
class Kind:
    """A kind of component: its word in the singular, the package it lives in, the methods of which one makes it one."""

    singular: str
    package: str
    methods: tuple[str, ...]


KINDS = {
    "datasets": Kind("dataset", "antivenom.data.sources", ("load",)),
    "models": Kind("model", "antivenom.models", ("build",)),
    "triggers": Kind("trigger", "antivenom.triggers", ("apply",)),
    "goals": Kind("goal", "antivenom.goals", ("success",)),
    "attacks": Kind("attack", "antivenom.attacks", ("poison",)),
    "surrogates": Kind("surrogate", "antivenom.surrogates", ("recipe",)),
    "arrivals": Kind("arrival", "antivenom.arrivals", ("arrange",)),
    "defences": Kind("defence", "antivenom.defences", ("score", "suspicion", "scan", "blame")),
    "repairs": Kind("repair", "antivenom.repairs", ("repair",)),
    "analyses": Kind("analysis", "antivenom.analysis", ("start",)),
    "trainings": Kind("training", "antivenom.training", ("fit",)),
}


@dataclass(frozen=True)
class Entry:
    """What is known of a component before it is imported.

    `missing` names the top-level packages that its file imports and that are not installed; `broken` says why its
    file could not be read at all.
    """

    kind: str
    name: str
    module: str
    class_name: str
    summary: str
    missing: tuple[str, ...] = ()
    broken: str | None = None

    def load(self) -> type[Any]:
        """Import the component's class.

        Raises:
            UnknownComponentError: its file is broken, or needs a package that is not installed.
        """
        singular = KINDS[self.kind].singular
        if self.missing:
            raise UnknownComponentError(
                f"The {singular} '{self.name}' needs {' and '.join(self.missing)}, which is not installed. "
                f"Install it beside antivenom to use this {singular}."
            )
        try:
            return getattr(importlib.import_module(self.module), self.class_name)  # type: ignore[no-any-return]
        except (ImportError, AttributeError, SyntaxError, ValueError) as error:  # ValueError: null bytes, before 3.11.4
            raise UnknownComponentError(
                f"The {singular} '{self.name}' cannot be loaded from {self.module}: {self.broken or error}"
            ) from error


@cache
def entries(kind: str) -> dict[str, Entry]:
    """All components of a kind by name, sorted; none of them is imported.

    >>> entries("attacks")["badnets"].class_name
    'BadNets'
    """
    package = KINDS[kind].package
    found = {}
    for folder in _folders(package):
        for file in sorted((*folder.glob("[!_]*.py"), *folder.glob("[!_]*/[!_]*.py"))):
            module = ".".join(file.relative_to(folder).with_suffix("").parts)
            entry = _read(kind, f"{package}.{module}", file)
            if entry is not None:
                found[entry.name] = entry
    for point in entry_points(group=package if kind != "datasets" else "antivenom.datasets"):
        module, _, class_name = point.value.partition(":")
        origin = f"from {point.dist.name}" if point.dist else "from an entry point"
        found[point.name] = Entry(kind, point.name, module, class_name, origin)
    return dict(sorted(found.items()))


def find(kind: str, name: str) -> type[Any]:
    """The class of a component.

    Raises:
        UnknownComponentError: no component has that name; the message names the nearest.

    >>> find("attacks", "badnet")
    Traceback (most recent call last):
        ...
    antivenom.errors.UnknownComponentError: Unknown attack 'badnet'. Did you mean 'badnets'? ...
    """
    known = entries(kind)
    if name not in known:
        hint = did_you_mean(name, known)
        raise UnknownComponentError(
            f"Unknown {KINDS[kind].singular} '{name}'.{hint} `antivenom list {kind}` shows all."
        )
    return known[name].load()


def name_of(kind: str, cls: type[Any]) -> str:
    """The name by which a spec calls a class; `module:Class` for one that is not registered."""
    for entry in entries(kind).values():
        if getattr(sys.modules.get(entry.module), entry.class_name or " ", None) is cls:
            return entry.name
    return f"{cls.__module__}:{cls.__qualname__}"


def is_registered_module(path: str) -> bool:
    """Whether `package.module:Class` names a class in a module that holds a registered component.

    Naming that component runs the module: its other classes, such as the trigger of an attack, run nothing more.

    >>> is_registered_module("antivenom.attacks.badnets:BadNets"), is_registered_module("os:abort")
    (True, False)
    """
    module, _, name = path.partition(":")
    return name.isidentifier() and any(module == entry.module for kind in KINDS for entry in entries(kind).values())


def import_named(path: str) -> Any:
    """What `package.module:name` stands for. This runs the module: ask first.

    Raises:
        UnknownComponentError: there is no such module, or no such name in it.
    """
    module, _, name = path.partition(":")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        advice = f"Move {name} from the script that was run into a module, import it there, and run again."
        if module != "__main__":
            advice = "Write package.module:name; the folder of your own files must be on the PYTHONPATH."
        raise UnknownComponentError(f"Cannot import '{path}': {error}. {advice}") from error
    return found


def lazily(kind: str, homes: Mapping[str, str] | None = None) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a kind's package: `from antivenom.attacks import BadNets` works.

    Args:
        kind: a key of `KINDS`.
        homes: other names that are imported when they are first used, and the modules that they are in. The package
            holds them as `_HOMES`, written out, where the store's import graph reads them.
    """
    package, others = KINDS[kind].package, homes or {}

    def __getattr__(name: str) -> Any:
        if name in others:
            return getattr(importlib.import_module(others[name]), name)
        for entry in entries(kind).values():
            if entry.class_name == name and not name.startswith("_"):
                return entry.load()
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *others, *(entry.class_name for entry in entries(kind).values())})

    return __getattr__, __dir__


def did_you_mean(word: str, known: object) -> str:
    """` Did you mean 'x'?`, or nothing where nothing is near.

    >>> did_you_mean("epoch", ["epochs", "seed"])
    " Did you mean 'epochs'?"
    """
    close = get_close_matches(str(word), [str(item) for item in known], n=1)  # type: ignore[attr-defined]
    return f" Did you mean '{close[0]}'?" if close else ""


def _folders(package: str) -> list[Path]:
    """Where a package's files are; asking for it by its full name would import what is above it."""
    top, *below = package.split(".")
    spec = importlib.util.find_spec(top)
    return [Path(folder, *below) for folder in (spec.submodule_search_locations if spec else None) or ()]


def _read(kind: str, module: str, file: Path) -> Entry | None:
    name = file.stem
    draft = Entry(kind, name, module, "", "")
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        return replace(draft, broken=f"{type(error).__name__}: {error}", summary="cannot be read")
    for node in tree.body:
        if (
            isinstance(node, ast.ClassDef)
            and node.name.lower() == name.replace("_", "")
            and any(ast.unparse(d).split(".")[-1] == "component" for d in node.decorator_list)
        ):
            doc = ast.get_docstring(node) or ""
            return replace(draft, class_name=node.name, summary=doc.partition("\n")[0], missing=_missing(tree))
    return None


def _missing(tree: ast.Module) -> tuple[str, ...]:
    wanted = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            wanted |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            wanted.add(node.module.partition(".")[0])
    return tuple(sorted(name for name in wanted if not _installed(name)))


@cache
def _installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None
