"""Checking that a file on the disk is still the code that this process runs."""

import importlib.util
import os
import sys
import time
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path

from antivenom.settings import STARTED
from antivenom.storage.imports import PACKAGE

Stamp = tuple[int, int]
"""The modification time of a file, in nanoseconds since the epoch, and its size in bytes."""


def stamp_of(path: Path) -> Stamp:
    """Return the modification time and the size of a file.

    Raises:
        OSError: the file does not exist.
    """
    stat = os.stat(path)  # noqa: PTH116 - called for every file of every key
    return stat.st_mtime_ns, stat.st_size


def is_current(module: str, path: Path, first: Stamp, since: int | None) -> bool:
    """Return whether a module's file has not changed since it was first read, and since this process imported it.

    Args:
        module: the name of the module.
        path: the file of the module.
        first: the file's stamp when it was first read.
        since: the time when code that depends on it ran, in nanoseconds since the epoch, if known. A file that was
            written later is not the code that ran. A time in the future is an error of the clock and is ignored.
    """
    try:
        if stamp_of(path) != first:
            return False
    except OSError:
        return False
    if module not in sys.modules:
        return True
    if getattr(sys.modules[module], "__file__", None) != os.fspath(path):
        return False
    compiled = _compiled_from(module, first)
    if module.partition(".")[0] == PACKAGE or (since is None and compiled is None):
        since = STARTED
    late = since is not None and since < first[0] <= time.time_ns()
    return compiled is not False and not late


@cache
def _compiled_from(module: str, stamp: Stamp) -> bool | None:
    """Return whether Python's bytecode cache was made from a file with this stamp, or None without a cache.

    Python rewrites its cache when it imports a file that has changed. A cache with another stamp shows that the file
    was edited after the import.
    """
    spec = getattr(sys.modules[module], "__spec__", None)
    cached = getattr(spec, "cached", None)
    if sys.dont_write_bytecode or type(getattr(spec, "loader", None)) is not SourceFileLoader or cached is None:
        return None
    try:
        with Path(cached).open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    if head[:4] != importlib.util.MAGIC_NUMBER or any(head[4:8]):  # of another Python, or one that compares hashes
        return None
    written = tuple(int.from_bytes(head[start : start + 4], "little") for start in (8, 12))
    if written == (stamp[0] // 10**9 & 0xFFFFFFFF, stamp[1] & 0xFFFFFFFF):
        return True
    return False if os.access(cached, os.W_OK) else None
