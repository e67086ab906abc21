"""Finding the files of modules in the same way as Python, without importing anything."""

import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import Distribution, PackageNotFoundError, distributions
from pathlib import Path
from typing import Literal

SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
INSTALLED = {"site-packages", "dist-packages"}
STANDARD = tuple({Path(sysconfig.get_path(which)) for which in ("stdlib", "platstdlib")})

Origin = Literal["own", "standard", "installed"]


@dataclass(frozen=True)
class Place:
    """The location of a module.

    Attributes:
        file: the file; None for a namespace package, or a module that is built into Python.
        folders: the folders of submodules; empty if the module is not a package.
    """

    file: Path | None
    folders: tuple[Path, ...] = ()

    @cached_property
    def origin(self) -> Origin:
        """`standard` for Python's library, `installed` if a package manager installed it, otherwise `own`."""
        path = next(iter((*filter(None, [self.file]), *self.folders)), None)
        if path is None:
            return "standard"
        if not INSTALLED.isdisjoint(path.parts):
            return "installed"
        return "standard" if any(path.is_relative_to(folder) for folder in STANDARD) else "own"


def find_module(name: str) -> Place | None:
    """Return the location of a module, or None if it does not exist.

    >>> find_module("antivenom.storage.modules").file.name
    'modules.py'
    >>> find_module("json").origin, find_module("torch").origin
    ('standard', 'installed')
    """
    loaded = sys.modules.get(name)
    if loaded is not None and isinstance(file := getattr(loaded, "__file__", None), str):
        return Place(Path(file), tuple(map(Path, getattr(loaded, "__path__", ()))))
    above, dot, last = name.rpartition(".")
    if not dot:
        return _find_top(name)
    parent = find_module(above) if above else None
    return None if parent is None else _find_below(parent.folders, last)


def submodules(place: Place) -> Iterator[str]:
    """Yield the names of the modules directly below a package, sorted."""
    names = set()
    for folder in filter(Path.is_dir, place.folders):
        for path in folder.iterdir():
            stem = path.name.partition(".")[0]
            if stem.isidentifier() and stem != "__init__" and (path.is_dir() or path.name.endswith(SUFFIXES)):
                names.add(stem)
    yield from sorted(names - {"__pycache__"})


def library_of(name: str, place: Place) -> tuple[str, str] | None:
    """Return the distribution of an installed module and its version, or None if no distribution contains it."""
    path = place.file or place.folders[0]
    start = max(index for index, part in enumerate(path.parts) if part in INSTALLED) + 1
    return _library(name.partition(".")[0], Path(*path.parts[start:]).as_posix())


@cache
def _library(top: str, file: str) -> tuple[str, str] | None:
    try:
        return top, _version(Distribution.from_name(top))
    except (PackageNotFoundError, ValueError):
        pass
    for one in distributions():
        if f"\n{file}" in f"\n{one.read_text('RECORD') or ''}":
            return one.metadata["Name"], _version(one)
    return None


def _version(distribution: Distribution) -> str:
    """Return the version faster than `distribution.version`, which parses the whole file."""
    match = re.search(r"^Version: *(.+)$", distribution.read_text("METADATA") or "", re.MULTILINE)
    return match[1].strip() if match else distribution.version


def _find_top(name: str) -> Place | None:
    """Return the location of a top-level module. This imports nothing."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    folders = tuple(map(Path, spec.submodule_search_locations or ()))
    return Place(Path(spec.origin) if spec.has_location and spec.origin else None, folders)


def _find_below(folders: tuple[Path, ...], name: str) -> Place | None:
    spaces = []
    for folder in folders:
        inner = folder / name
        for suffix in SUFFIXES if inner.is_dir() else ():
            if (file := inner / f"__init__{suffix}").is_file():
                return Place(file, (inner,))
        for suffix in SUFFIXES:
            if (file := folder / f"{name}{suffix}").is_file():
                return Place(file)
        spaces += [inner] if inner.is_dir() else []
    return Place(None, tuple(spaces)) if spaces else None
