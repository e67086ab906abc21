"""Opening files that are not trusted: only regular files, of a bounded size, and not through a link out of a folder."""

import os
import re
import stat
from io import BufferedReader
from pathlib import Path

from antivenom.errors import DataError, MissingDataError

GIB = 1 << 30
MAX_BYTES = 4 * GIB
"""The usual limit of a file that is read into memory as a whole."""

# Without O_NONBLOCK, opening a FIFO waits for somebody who writes to it.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?!/)(.*)", re.DOTALL)


def url_in(path: Path | str) -> str | None:
    """Return the URL that a path was made from, although `Path` takes one of two slashes away; None for a path.

    >>> url_in(Path("https://host/table.csv")), url_in("tables/a.csv"), url_in("C:/a.csv")
    ('https://host/table.csv', None, None)
    """
    match = _URL.fullmatch(os.fspath(path))
    return f"{match[1]}://{match[2]}" if match else None


def missing(file: Path | str) -> str:
    """Return the message about a file that does not exist.

    >>> missing("https://host/table.csv")
    'https://host/table.csv is a URL, and only files on this machine are read here. Download it, and pass its path.'
    """
    url = url_in(file)
    if url is None:
        return f"{file} is missing."
    return f"{url} is a URL, and only files on this machine are read here. Download it, and pass its path."


def is_file(path: Path | str) -> bool:
    """Return whether a path is a regular file. A path that is not possible, for example too long, is not."""
    return os.path.isfile(path)  # noqa: PTH113 - the method of Path raises exceptions for impossible paths


def is_link(path: Path | str) -> bool:
    """Return whether a path is a symbolic link. A path that is not possible, for example too long, is not."""
    return os.path.islink(path)  # noqa: PTH114 - the method of Path raises exceptions for impossible paths


def is_folder(path: Path | str) -> bool:
    """Return whether a path is a folder. A path that is not possible, for example too long, is not."""
    return os.path.isdir(path)  # noqa: PTH112 - the method of Path raises exceptions for impossible paths


def exists(path: Path | str) -> bool:
    """Return whether a path exists. A path that is not possible, for example too long, does not."""
    return os.path.exists(path)  # noqa: PTH110 - the method of Path raises exceptions for impossible paths


def open_file(file: Path | str, *, within: Path | None = None) -> BufferedReader:
    """Open a regular file for reading, in binary mode. FIFOs, devices, sockets and folders are refused at once.

    Args:
        file: the path. It may be a link.
        within: a folder that the file must be in after all links are followed; None for no condition.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a regular file, is outside of `within`, or cannot be opened.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = file.write_text("abc")
    >>> with open_file(file) as stream:
    ...     stream.read()
    b'abc'
    """
    file = Path(file)
    return os.fdopen(open_handle(os.fspath(file), within=within), "rb")


def open_handle(file: str, *, within: Path | None = None) -> int:
    """Return the handle of a regular file, for code that opens very many files. Close it with `os.close`.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a regular file, is outside of `within`, or cannot be opened.
    """
    try:
        if within is not None:
            _check_place(file, within)
        handle = os.open(file, _FLAGS)
    except FileNotFoundError as error:
        raise MissingDataError(missing(file)) from error
    except (OSError, ValueError) as error:  # a ValueError: the path contains a null character
        raise DataError(f"{file!s} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DataError(f"{file} must be a regular file; got {_kind(file)}.")
    return handle


def require_file(file: Path | str, *, within: Path | None = None) -> Path:
    """Return the path of a regular file, for libraries that open files by their path.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a regular file, is outside of `within`, or cannot be opened.
    """
    os.close(open_handle(os.fspath(file), within=within))
    return Path(file)


def read_bytes(file: Path | str, limit: int = MAX_BYTES, *, within: Path | None = None) -> bytes:
    """Return the content of a regular file.

    Args:
        file: the path.
        limit: the largest accepted size, in bytes.
        within: a folder that the file must be in after all links are followed; None for no condition.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a regular file, is longer than `limit` bytes, or cannot be read.
    """
    with open_file(file, within=within) as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(min(size, limit) + 1)  # `read` allocates this number of bytes first
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
        except MemoryError as error:
            raise DataError(f"{file} has {size:,} bytes, too many for the memory of this machine.") from error
    if len(content) > limit:
        raise DataError(f"{file} must have at most {limit:,} bytes; it is longer.")
    return content


def read_text(file: Path | str, limit: int = MAX_BYTES, *, within: Path | None = None) -> str:
    """Return the content of a regular file of UTF-8 text.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a regular file of UTF-8 text, is longer than `limit` bytes, or cannot be read.
    """
    try:
        return read_bytes(file, limit, within=within).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text: {error.reason} at offset {error.start}.") from error


def _check_place(file: str, within: Path) -> None:
    real, root = os.path.realpath(file), os.path.realpath(within)
    if os.path.commonpath([real, root]) != root:
        raise DataError(f"{file} is a link that leads out of {within}. Replace it by the file.")


def _kind(file: str) -> str:
    mode = os.stat(file).st_mode  # noqa: PTH116 - a path as text
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((name for matches, name in kinds if matches(mode)), "something else")
