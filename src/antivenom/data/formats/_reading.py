"""Shared code of the readers of file formats."""

import os
import stat
from pathlib import Path

from antivenom.errors import DataError, MissingDataError

GIB = 1 << 30


def contents(file: Path, limit: int = 4 * GIB) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a regular file, is longer than `limit` bytes, or cannot be read.
    """
    try:
        with file.open("rb") as stream:
            about = os.fstat(stream.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise DataError(f"{file} is not a regular file.")
            read = stream.read(min(about.st_size, limit) + 1)  # `read` allocates this number of bytes first
    except FileNotFoundError as error:
        raise MissingDataError(f"{file} is missing.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    if len(read) > limit:
        raise DataError(f"{file} must have at most {limit} bytes; it is longer.")
    return read
