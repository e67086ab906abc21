"""Leases as locked files. The kernel ends a lock when its process ends, so a killed worker holds nothing."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from antivenom.files.writing import fcntl, make_folder, write_error
from antivenom.storage.places.place import OnWait

SHORTEST, LONGEST = 0.001, 0.1
"""The first and the longest pause between two attempts, in seconds."""

_LOCKED = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


class NoLocksError(Exception):
    """The file system, or the operating system, does not have locks."""


def owner() -> str:
    """Return the name of this process, for the messages of those who wait for it."""
    return f"process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def flocked(file: Path, on_wait: OnWait) -> Iterator[None]:
    """Wait until no other worker has locked a file, then lock it until the block ends. Then the file is removed.

    Threads exclude each other, too. The pauses let Ctrl-C through.

    Args:
        file: the file. It and its folder are created if they are missing.
        on_wait: called once with the owner of the lock if there is one.

    Raises:
        NoLocksError: locks do not work there.
        WriteError: the file cannot be created.
    """
    pause = 0.0
    while (handle := _locked(file)) is None:
        if not pause:
            on_wait(_owner_of(file))
        pause = min(LONGEST, max(SHORTEST, 1.5 * pause))
        time.sleep(pause)
    try:
        yield
    finally:
        _release(file, handle)


def remove_unlocked(file: Path) -> None:
    """Remove the file of a lock that a killed process left. A locked file stays."""
    with suppress(OSError, NoLocksError):  # another process removed it, or the folder is read-only
        handle = None if fcntl is None else _lock_same(file, os.open(file, os.O_RDWR))
        if handle is not None:
            _release(file, handle)


def _locked(file: Path) -> int | None:
    """Lock a file. Return its handle, or None if another worker has locked it or has just removed it."""
    if fcntl is None:
        raise NoLocksError
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)  # NFS locks only files that are open for writing
    try:
        try:
            handle = os.open(file, flags, 0o666)
        except FileNotFoundError:
            make_folder(file.parent)
            handle = os.open(file, flags, 0o666)
        handle_or_none = _lock_same(file, handle)
    except OSError as error:
        raise write_error(file, error) from error
    if handle_or_none is not None:
        with suppress(OSError):  # a full disk: only the message of those who wait needs the name
            os.ftruncate(handle, 0)
            os.write(handle, owner().encode())
    return handle_or_none


def _lock_same(file: Path, handle: int) -> int | None:
    """Lock an open file, and make sure that it is still the one with this path: its owner removes it at the end."""
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(file)):  # noqa: PTH116 - faster than the method of Path
            return handle
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in _LOCKED:
            os.close(handle)
            if error.errno in _NO_LOCKS:
                raise NoLocksError from error
            raise
    os.close(handle)
    return None


def _release(file: Path, handle: int) -> None:
    """Remove the file while it is still locked, so that no other worker's file is removed. Then unlock it."""
    assert fcntl is not None
    try:
        with suppress(OSError):  # the folder may have been removed or become read-only; the lock ends all the same
            if os.path.samestat(os.fstat(handle), os.stat(file)):  # noqa: PTH116
                file.unlink()
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)  # also for copies of the handle in child processes
    finally:
        os.close(handle)


def _owner_of(file: Path) -> str:
    try:
        return file.read_bytes()[:200].decode(errors="replace") or "another worker"
    except OSError:  # the file has just been removed
        return "another worker"
