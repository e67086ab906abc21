"""NumPy's .npz, arrays of plain numbers alone: an array of objects would be a pickle, and is refused."""

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from bezoar.errors import DataError

MAX_RATIO = 1100
"""No deflated stream is longer than 1,032 times its file."""


def read(file: Path, names: Iterable[str], optional: Iterable[str] = ()) -> dict[str, np.ndarray[Any, Any]]:
    """The named arrays of an .npz file.

    Raises:
        DataError: no such file, not a ZIP, an array missing, of objects, or larger than its bytes.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
            absent = [name for name in names if f"{name}.npy" not in members]
            if absent:
                held = ", ".join(name.removesuffix(".npy") for name in members) or "nothing"
                raise DataError(f"{file} has no array {' and '.join(map(repr, absent))}. It holds: {held}.")
            wanted = [name for name in (*names, *optional) if f"{name}.npy" in members]
            return {name: _member(archive, members[f"{name}.npy"], file) for name in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{file} is no .npz file, or a damaged one: {error}") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path) -> np.ndarray[Any, Any]:
    where = f"{file}: array '{info.filename.removesuffix('.npy')}'"
    if info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise DataError(f"{where} claims to unpack to {info.file_size} bytes from {info.compress_size}.")
    with archive.open(info) as stream:
        try:
            shape, fortran, dtype = _header(stream)
        except ValueError as error:
            raise DataError(f"{where} has a damaged header: {error}") from error
        if dtype.hasobject:
            raise DataError(
                f"{where} holds Python objects, which could run code when read. Save plain numbers instead."
            )
        count = int(np.prod(shape, dtype=object)) if shape else 1
        start = stream.tell()
        if start + count * dtype.itemsize != info.file_size:
            raise DataError(
                f"{where} has {info.file_size - start} bytes from offset {start} on; its header promises "
                f"{count * dtype.itemsize}."
            )
        content = bytearray()
        while chunk := stream.read(1 << 20):
            content += chunk
    if len(content) != count * dtype.itemsize:
        raise DataError(f"{where} ends at offset {start + len(content)}, too early.")
    array = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of the format is not known")
