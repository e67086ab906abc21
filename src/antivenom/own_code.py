"""The user's own modules: what `--allow-code` lets Python import from a folder.

Only the modules that a spec names, and the modules that these import, are found there. They never take the place of an
installed module. So a file such as `matplotlib.py` beside the spec does not run.
"""

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from antivenom.errors import DataError
from antivenom.files.opening import read_bytes
from antivenom.files.source_code import parse_source

MAX_SOURCE_BYTES = 16 << 20
MAX_FILES = 1000
"""The largest number of files of a package whose imports are read."""


class OwnCode(MetaPathFinder):
    """Finds modules in a folder, but only those that were named, and those that they import.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = set[str]()

    def name(self, module: str) -> None:
        """Let a module be found, and the modules that its files import. No file runs."""
        top = module.partition(".")[0]
        if top in self.names or not top.isidentifier():
            return
        files = list(self._files(top))
        if files:
            self.names.add(top)
        for file in files:
            for imported in _imports(file):
                self.name(imported)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module in the folder; None for a module that was not named."""
        if path is not None or fullname not in self.names:
            return None
        return PathFinder.find_spec(fullname, [str(self.folder)], target)

    def _files(self, top: str) -> Iterator[Path]:
        file, package = self.folder / f"{top}.py", self.folder / top
        if file.is_file():
            yield file
        elif package.is_dir():
            yield from sorted(package.rglob("*.py"))[:MAX_FILES]


def allow_folder(folder: Path) -> None:
    """Let the modules that are named later be imported from a folder."""
    if folder not in own_folders():
        sys.meta_path.append(OwnCode(folder))  # the last one, so that installed modules come first


def own_folders() -> list[Path]:
    """Return the folders from which named modules may be imported."""
    return [finder.folder for finder in sys.meta_path if isinstance(finder, OwnCode)]


def name_module(module: str) -> None:
    """Let a module be imported from the folders that were allowed."""
    for finder in sys.meta_path:
        if isinstance(finder, OwnCode):
            finder.name(module)


def take_over(path: list[str], folders: list[Path]) -> None:
    """Let this process import what its parent can import: pass `list(sys.path)` and `own_folders()` of the parent."""
    sys.path[:] = path
    for folder in folders:
        allow_folder(folder)


@contextmanager
def safe_children() -> Iterator[None]:
    """Start Python processes that do not search the working directory for modules."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _imports(file: Path) -> Iterator[str]:
    """Yield the absolute names of the modules that a file imports."""
    try:
        tree = parse_source(read_bytes(file, MAX_SOURCE_BYTES))
    except (DataError, SyntaxError, ValueError, RecursionError, MemoryError):  # the import itself says what is wrong
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
