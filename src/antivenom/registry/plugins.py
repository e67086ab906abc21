"""The components that other packages add by entry points."""

import glob
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path

from antivenom.registry.entry import Entry, printable, read_entry
from antivenom.registry.kinds import KINDS

METADATA_ERRORS = (OSError, ValueError, TypeError, LookupError, AttributeError)
"""What the metadata of a damaged package raises in the parser of the standard library."""


def plugins(kind: str, group: str) -> Iterator[Entry]:
    """Yield the components of a kind that other packages add. A package whose metadata is damaged is broken."""
    try:
        points = list(entry_points(group=group))
    except METADATA_ERRORS:
        points = []
        for distribution in distributions():
            try:
                points += distribution.entry_points.select(group=group)
            except METADATA_ERRORS as error:
                yield _broken_package(kind, distribution, error)
    yield from (_plugin(kind, point) for point in points)


def folders_of(package: str) -> list[Path]:
    """Return the folders of a package. `find_spec` of its full name would import its parents."""
    top, *below = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module that was made in Python
        return []
    return [Path(folder, *below) for folder in (spec.submodule_search_locations if spec else None) or ()]


def _broken_package(kind: str, distribution: Distribution, error: Exception) -> Entry:
    place = printable(str(getattr(distribution, "_path", "a package")))
    broken = f"cannot be read: the entry points in {place}: {type(error).__name__}"
    return Entry(kind, Path(place).name, "", "", "no description", KINDS[kind].singular, broken=broken)


def _plugin(kind: str, point: EntryPoint) -> Entry:
    """Return the entry of a component that another package adds. Its file is read, not imported."""
    module, _, class_name = point.value.partition(":")
    name = printable(point.name)
    plain = Entry(kind, name, module, class_name, "no description", KINDS[kind].singular)
    try:
        file, exists = _file_of(module)
        entry = (None if file is None else read_entry(kind, module, file, class_name)) or plain
        if not exists and module not in sys.modules:
            entry = replace(plain, broken=f"cannot be found: the module {printable(module)!r} does not exist")
    except (OSError, ValueError, ImportError) as error:  # a null character, a very long name, or only dots
        entry = replace(plain, broken=f"cannot be found: {printable(f'{module!r}: {error}')}")
    package, version = _package_of(point)
    return replace(entry, name=name, class_name=class_name, package=package, version=version)


def _file_of(module: str) -> tuple[Path | None, bool]:
    """Return the Python file of a module, or None; and whether there is any file of it, such as a compiled one."""
    above, _, stem = module.rpartition(".")
    places = [folder / f"{stem}.py" for folder in (folders_of(above) if above else ())]
    places += [folder / "__init__.py" for folder in folders_of(module)]
    places += _top_level(module) if not above else []
    files = [place for place in places if place.is_file()]
    python = next((file for file in files if file.suffix == ".py"), None)
    compiled = (each for place in places for each in place.parent.glob(f"{glob.escape(place.stem)}.*"))
    return python, bool(files) or any(each.is_file() for each in compiled)


def _top_level(module: str) -> list[Path]:
    """Return the file of a module that is not in a package. It is not imported."""
    try:
        spec = importlib.util.find_spec(module) if module else None
    except ValueError:  # a module that was made in Python
        return []
    return [Path(spec.origin)] if spec and spec.origin else []


def _package_of(point: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of the package of an entry point; empty text for metadata without them."""
    try:
        return (printable(str(point.dist.name)), printable(str(point.dist.version))) if point.dist else ("", "")
    except METADATA_ERRORS:
        return "", ""
