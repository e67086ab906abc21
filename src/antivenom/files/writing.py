"""Writing files: whole or not at all, checked for space, and never through a link out of a folder."""

import errno
import glob
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from antivenom.errors import WriteError
from antivenom.files.opening import exists, is_folder, url_in

fcntl: ModuleType | None = importlib.import_module("fcntl") if os.name == "posix" else None
"""Locks of files; None on Windows."""

PART = ".part"
"""The ending of the folder that contains a file while it is being written."""

RESERVE = 1 << 20
"""The number of bytes that must stay free on a disk."""

MAX_NAME = 255
"""The longest name of a file, in bytes, on the usual file systems."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_bytes(file: Path, content: bytes) -> None:
    """Write a file atomically: a reader never sees a part of it, and a killed process leaves the old file.

    Raises:
        WriteError: the file cannot be written, or the disk is full. The old file is left as it was.
    """
    with atomic_file(file, size=len(content)) as part, part.open("wb") as stream:
        stream.write(content)


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text atomically.

    Raises:
        WriteError: the file cannot be written, or the text has characters that UTF-8 cannot encode.
    """
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise WriteError(f"{file} cannot be written: {error.reason} at character {error.start}.") from error
    write_bytes(file, content)


def write_text_lines(file: Path, lines: Iterable[str]) -> None:
    """Write UTF-8 text line by line, atomically.

    Raises:
        WriteError: the file cannot be written, or the disk is full. The old file is left as it was.
    """
    with atomic_file(file) as part, part.open("w", encoding="utf-8", newline="") as opened:
        opened.writelines(lines)


@contextmanager
def atomic_file(file: Path, *, size: int = 0) -> Iterator[Path]:
    """Yield a temporary path to write to. It becomes the file if the block succeeds, otherwise it is removed.

    Args:
        file: the path. A link is replaced, not followed.
        size: the number of bytes that will be written, if known.

    Raises:
        WriteError: the file cannot be written, or the disk is full. The old file is left as it was.
    """
    make_folder(file.parent, size=size)
    try:
        with temporary_path(file) as part:
            yield part
            _to_disk(part)
            umask = os.umask(0)
            os.umask(umask)
            part.chmod(0o666 & ~umask)
            part.replace(file)
    except OSError as error:
        raise write_error(file, error) from error


def inside(folder: Path, *names: str) -> Path:
    """Return the path of a file or folder inside a folder that may come from a stranger.

    Args:
        folder: the folder.
        names: the names of the folders below it, and of the file.

    Raises:
        WriteError: a name is not the plain name of a file, or a folder on the way is a link to another place.

    >>> inside(Path("run"), "figures", "a.png").as_posix()
    'run/figures/a.png'
    >>> inside(Path("run"), "../a.png")
    Traceback (most recent call last):
    antivenom.errors.WriteError: '../a.png' is not the name of a file in run.
    """
    place = folder
    for name in names:
        if name in ("", ".", "..") or {"/", "\\", "\0", os.sep} & set(name) or len(os.fsencode(name)) > MAX_NAME:
            raise WriteError(f"{name!r} is not the name of a file in {folder}.")
        if place != folder and place.is_symlink():
            raise WriteError(f"{place} must be a folder; got a symbolic link. Remove the link.")
        place = place / name
    return place


def folder_inside(folder: Path, *names: str) -> Path:
    """Return the path of a folder inside a folder that may come from a stranger.

    Raises:
        WriteError: a name is not the plain name of a folder, or a folder on the way is a link to another place.
    """
    place = inside(folder, *names)
    if place.is_symlink():
        raise WriteError(f"{place} must be a folder; got a symbolic link. Remove the link.")
    return place


def require_space(folder: Path, size: int) -> None:
    """Raise an error if the disk of a folder has no space for `size` bytes.

    Args:
        folder: the folder; it may be missing.
        size: the number of bytes that will be written.

    Raises:
        WriteError: the disk is too full.
    """
    place = folder.absolute()
    while not exists(place) and place != place.parent:
        place = place.parent
    with suppress(OSError):  # some file systems do not tell their free space, or have a size of 0; then writing tells
        usage = shutil.disk_usage(place)
        if usage.total and size + RESERVE > usage.free:
            needed, left = (f"{count / (1 << 20):,.1f} MiB" for count in (size + RESERVE, usage.free))
            raise WriteError(f"{folder} requires {needed} of free space; the disk has {left}. Free some space there.")


def reserve(handle: int, size: int, file: str) -> None:
    """Reserve the space of an open file on its disk, so that writing to its mapping in memory cannot fail.

    Args:
        handle: the handle of the file.
        size: its size in bytes.
        file: its path, for the message.

    Raises:
        WriteError: the disk is too full.
    """
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            require_space(Path(file).parent, size)
            os.truncate(handle, size)
    except OSError as error:
        folder = Path(file).parent
        raise WriteError(
            f"{folder} has no space for {size / (1 << 20):,.0f} MiB of rows: {error.strerror or error}. "
            "Free some space there, or set $TMPDIR to another folder."
        ) from error


def make_folder(folder: Path, *, size: int = 0) -> None:
    """Create a folder if it does not exist.

    Args:
        folder: the folder.
        size: the number of bytes that will be written to it, if known.

    Raises:
        WriteError: it cannot be created, is a URL, or its disk has no space for `size` bytes.
    """
    url = url_in(folder)
    if url is not None and not folder.exists():
        raise WriteError(f"The folder must be on this machine; got {url}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # a ValueError: the path contains a null character
        raise WriteError(f"{folder} cannot be created: {getattr(error, 'strerror', None) or error}.") from error
    require_space(folder, size)


def remove_leftovers(folder: Path, name: str = "") -> int:
    """Remove the temporary folders that killed processes left in a folder. Return their number.

    What a running process is writing is left alone.

    Args:
        folder: the folder.
        name: the file or folder that was being written; empty for all of them.
    """
    removed = 0
    for place in folder.glob(f".{glob.escape(name)}{'.' * bool(name)}*{PART}"):
        with suppress(OSError):  # another process removed it, or the folder is read-only
            if not place.is_symlink() and is_folder(place) and not _is_locked(place):
                shutil.rmtree(place)
                removed += 1
    return removed


def write_error(file: Path, error: OSError) -> WriteError:
    """Return the error that says why a file cannot be written."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return WriteError(f"{file.parent} has no space for {file.name}: {reason}. Free some space there.")
    return WriteError(f"{file} cannot be written: {reason}. Choose another folder.")


@contextmanager
def temporary_path(file: Path) -> Iterator[Path]:
    """Yield a path in a new, locked folder beside `file`, for what will be renamed to it. It is removed at the end.

    It is in a folder, because libraries write a file of their own beside it and rename that.
    """
    name = os.fsdecode(os.fsencode(file.name)[: MAX_NAME - 20])
    while True:
        place = Path(tempfile.mkdtemp(dir=file.parent, prefix=f".{name}.", suffix=PART))
        handle = _lock(place)
        if exists(place):  # otherwise it was removed before it was locked
            break
        if handle is not None:
            os.close(handle)
    try:
        yield place / "content"
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _to_disk(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(folder: Path) -> int | None:
    """Lock a folder for this process. The lock ends with the process, however that ends."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _is_locked(folder: Path) -> bool:
    if fcntl is None:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
