"""What a stage's key is made of: settings, bytes, source code and the machine's arithmetic."""

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from antivenom.data.home import data_home
from antivenom.errors import DataError, MissingDataError
from antivenom.settings import COMPONENT, codes_of, describe, is_component, is_live
from antivenom.storage.sources import GRAPH, Closure

BLOCK = 1 << 20

CORE = ("antivenom.data", "antivenom.rng")
"""What every stage works with, whether its component imports it or not."""


@runtime_checkable
class Identified(Protocol):
    """What is made in Python and can say what it is, such as a data set in memory or a trained classifier."""

    def identity(self) -> dict[str, Any] | None:
        """Plain values that differ wherever its results could; None where that cannot be told."""

    def code(self) -> Iterable[object]:
        """The classes and functions that work in it: their source is part of what it is."""


def identity(kind: str, component: Any) -> dict[str, Any] | None:
    """What tells a component from all others: settings, source and libraries; None where that cannot be told.

    The source is that of the component, of the components in its settings, and of every file that these import.
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
    found = [closure for closure in closures if closure is not None]
    libraries = {name: number for closure in found for name, number in closure.libraries.items()}
    return {"settings": settings, "source": sorted({closure.digest for closure in found}), "libraries": libraries}


def code_of(*stages: str) -> dict[str, Any] | None:
    """The source of stages' own modules, each alone, and of what every stage works with.

    None where one of the files was edited after this process imported it: then nothing can be kept.
    """
    alone = [GRAPH.digest_alone(module) for module in stages]
    core = GRAPH.closure_in_memory(CORE, since=None)
    return None if core is None or None in alone else {"stages": alone, "core": core.digest}


def arithmetic(device: torch.device) -> dict[str, Any]:
    """What numbers depend on beside settings and source: versions, device, threads and instruction set."""
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
    """Each file's name below the folder that all are in, and the SHA-256 of its bytes."""
    if not files:
        return []
    names = [os.fspath(file) for file in files]
    start = len(os.path.commonpath([os.path.dirname(min(names)), os.path.dirname(max(names))]))  # noqa: PTH120
    return [f"{name[start:]} {_digest(name)}" for name in names]


def absent(file: Path) -> str:
    """What to say of a file that is not there."""
    home = file.is_relative_to(data_home())
    advice = "Put it there, or point $ANTIVENOM_DATA to where data sets are." if home else "Correct its path."
    return f"{file} is missing. {advice}"


def _digest(file: str) -> str:
    digest = hashlib.sha256()
    try:
        opened = os.open(file, os.O_RDONLY)  # a data set may be 60,000 files; `open` takes twice the time
        try:
            while block := os.read(opened, BLOCK):
                digest.update(block)
        finally:
            os.close(opened)
    except FileNotFoundError as error:
        raise MissingDataError(absent(Path(file))) from error
    except IsADirectoryError as error:
        raise DataError(f"{file} is a folder, not a file.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _parts(part: Any) -> Iterator[Any]:
    """A component and the components in its settings."""
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
    """The source of a component: its class's module and those of its bases."""
    made = type(part)
    return _class_closure(made, own=made.__module__.partition(".")[0], since=getattr(made, COMPONENT))


def _named(code: str) -> Closure | None:
    """The source of what `package.module:function` names."""
    return GRAPH.closure_in_memory([code.partition(":")[0]], since=None)


def _working(one: Any) -> Closure | None:
    """The source of a class or a function that works in something made in Python."""
    if isinstance(one, type):
        return _class_closure(one, own=None, since=None)
    return GRAPH.closure_in_memory([one.__module__], since=None)


def _class_closure(made: type, *, own: str | None, since: int | None) -> Closure | None:
    """None where its file does not define it, as where it was made by `exec`."""
    if not GRAPH.defines(made.__module__, made.__name__):
        return None
    modules = {base.__module__ for base in made.__mro__}
    return GRAPH.closure_in_memory(modules, own=[own] if own else [], since=since)
