"""The parts of a stage's key: settings, bytes of files, source code, versions and hardware."""

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from antivenom.data.home import data_home
from antivenom.data.remotes import REMOTES
from antivenom.errors import DataError, MissingDataError
from antivenom.files.opening import missing, open_handle, url_in
from antivenom.settings import COMPONENT, codes_of, describe, is_component, is_live
from antivenom.storage.sources import GRAPH, Closure

BLOCK = 1 << 20

CORE = ("antivenom.data", "antivenom.rng")
"""Modules that every stage uses, even if its component does not import them."""


@runtime_checkable
class Identified(Protocol):
    """An object made in Python that has an identity, such as a data set in memory or a trained classifier."""

    def identity(self) -> dict[str, Any] | None:
        """Return plain values that differ if the results could differ; None if the object does not have an identity."""

    def code(self) -> Iterable[object]:
        """Return the classes and functions that it uses. Their source is part of its identity."""


def identity(kind: str, component: Any) -> dict[str, Any] | None:
    """Return the identity of a component: settings, source and libraries; None if it does not have one.

    The source covers the component, the components in its settings, and every file that they import.
    """
    if is_component(type(component)):
        settings = describe(kind, component)
        closures = [*map(_closure_of, _parts(component)), *map(_named, _codes(component))]
    elif isinstance(component, Identified) and (made := component.identity()) is not None:
        settings, closures = made, [_working(one) for one in component.code()]
    else:
        return None
    if is_live(settings) or None in closures:
        return None
    known = [closure for closure in closures if closure is not None]
    libraries = {name: number for closure in known for name, number in closure.libraries.items()}
    return {"settings": settings, "source": sorted({closure.digest for closure in known}), "libraries": libraries}


def code_of(*stages: str) -> dict[str, Any] | None:
    """Return digests of the modules of stages, without their imports, and of the modules that every stage uses.

    Return None if a file was edited after this process imported it. Then the store keeps nothing.
    """
    alone = [GRAPH.digest_alone(module) for module in stages]
    core = GRAPH.current_closure(CORE, since=None)
    return None if core is None or None in alone else {"stages": alone, "core": core.digest}


def arithmetic(device: torch.device) -> dict[str, Any]:
    """Return versions, device, threads and instruction set: numbers also depend on them."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scikit-learn": version("scikit-learn"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def bytes_of(files: tuple[Path, ...]) -> list[str]:
    """Return, for each file, its path relative to the common folder and the SHA-256 of its bytes.

    Raises:
        MissingDataError: a file is missing.
        DataError: a file cannot be read.
    """
    if not files:
        return []
    names = [os.fspath(file) for file in files]
    start = len(os.path.commonpath([os.path.dirname(min(names)), os.path.dirname(max(names))]))  # noqa: PTH120
    return [f"{name[start:]} {_digest(name)}" for name in names]


def missing_files_message(files: Sequence[Path]) -> str:
    """Return one sentence about missing files, and one about what to do."""
    folder, home = files[0].parent, data_home()
    names = ", ".join(str(file.relative_to(folder) if file.is_relative_to(folder) else file) for file in files)
    if url_in(files[0]) is not None:
        return missing(files[0])
    problem = f"{files[0]} is missing." if len(files) == 1 else f"{len(files)} files are missing in {folder}: {names}."
    if not files[0].is_relative_to(home):
        return f"{problem} Correct the path."
    name = files[0].relative_to(home).parts[0]
    advice = f"Run `antivenom data get {name}`" if name in REMOTES else "Put the data set there"
    return f"{problem} {advice}, or set $ANTIVENOM_DATA to the folder of your data sets."


def _digest(file: str) -> str:
    digest = hashlib.sha256()
    try:
        opened = open_handle(file)  # a data set may have 60,000 files; a file object takes twice the time
        try:
            while block := os.read(opened, BLOCK):
                digest.update(block)
        finally:
            os.close(opened)
    except MissingDataError as error:
        raise MissingDataError(missing_files_message([Path(file)])) from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _parts(part: Any) -> Iterator[Any]:
    """Yield a component and the components in its settings."""
    if isinstance(part, tuple):
        for member in part:
            yield from _parts(member)
    elif is_component(type(part)):
        yield part
        for member in vars(part).values():
            yield from _parts(member)


def _codes(component: Any) -> Iterator[str]:
    for part in _parts(component):
        yield from codes_of(part)


def _closure_of(part: Any) -> Closure | None:
    """Return the source of a component: the modules of its class and of the base classes."""
    made = type(part)
    return _class_closure(made, own=made.__module__.partition(".")[0], since=getattr(made, COMPONENT))


def _named(code: str) -> Closure | None:
    """Return the source of the function that `package.module:function` names."""
    return GRAPH.current_closure([code.partition(":")[0]], since=None)


def _working(one: Any) -> Closure | None:
    """Return the source of a class or a function that an object made in Python uses."""
    if isinstance(one, type):
        return _class_closure(one, own=None, since=None)
    return GRAPH.current_closure([one.__module__], since=None)


def _class_closure(made: type, *, own: str | None, since: int | None) -> Closure | None:
    """Return the source of a class, or None if its file does not define it, for example after `exec`."""
    if not GRAPH.defines(made.__module__, made.__name__):
        return None
    modules = {base.__module__ for base in made.__mro__}
    return GRAPH.current_closure(modules, own=[own] if own else [], since=since)
