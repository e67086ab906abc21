"""What the readers of several formats share."""

import os
import stat
from pathlib import Path

from antivenom.errors import DataError, MissingDataError

GIB = 1 << 30


def contents(file: Path, limit: int = 4 * GIB) -> bytes:
    """A regular file's bytes.

    Raises:
        MissingDataError: it is not there.
        DataError: it is no regular file, longer than `limit`, or cannot be read.
    """
    try:
        with file.open("rb") as stream:
            about = os.fstat(stream.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise DataError(f"{file} is no regular file.")
            read = stream.read(min(about.st_size, limit) + 1)  # room is made for so many before they are there
    except FileNotFoundError as error:
        raise MissingDataError(f"{file} is missing.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    if len(read) > limit:
        raise DataError(f"{file} is longer than {limit} bytes, more than such a file may have.")
    return read
