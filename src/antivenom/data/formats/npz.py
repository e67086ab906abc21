"""NumPy's .npz, arrays of plain numbers alone: an array of objects would be a pickle, and is refused."""

import ast
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.errors import DataError

MAX_RATIO = 1100
"""No deflated stream is longer than 1,032 times its file."""

MAX_HEADER = 10_000
KEYS = {"descr", "fortran_order", "shape"}

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)
"""What `zipfile` raises on a damaged file."""


def read(
    file: Path, names: Sequence[str], optional: Sequence[str] = (), *, most_bytes: int | None = None
) -> dict[str, NDArray[Any]]:
    """The named arrays of an .npz file.

    Args:
        file: its path.
        names: arrays that it must have.
        optional: arrays that it may have.
        most_bytes: how large all of them may be together; None for no limit.

    Raises:
        DataError: no such file, not a ZIP, an array missing, of objects, or larger than its bytes; too much of it all.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
            absent = [name for name in names if f"{name}.npy" not in members]
            if absent:
                held = ", ".join(name.removesuffix(".npy") for name in members) or "nothing"
                raise DataError(f"{file} has no array {' and '.join(map(repr, absent))}. It holds: {held}.")
            wanted = [name for name in (*names, *optional) if f"{name}.npy" in members]
            size = sum(members[f"{name}.npy"].file_size for name in wanted)
            if most_bytes is not None and size > most_bytes:
                raise DataError(f"{file} must hold at most {most_bytes:,} bytes of arrays; it claims {size:,}.")
            return {name: _member(archive, members[f"{name}.npy"], file) for name in wanted}
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise DataError(f"{file} is no .npz file, or a damaged one: {error}") from error


def names(file: Path) -> tuple[str, ...]:
    """The names of the arrays of an .npz file.

    Raises:
        DataError: no such file, or not a ZIP.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise DataError(f"{file} is no .npz file, or a damaged one: {error}") from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path) -> NDArray[Any]:
    where = f"{file}: array '{info.filename.removesuffix('.npy')}'"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where} is packed in a way that NumPy never writes.")
    if info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise DataError(f"{where} claims to unpack to {info.file_size} bytes from {info.compress_size}.")
    with archive.open(info) as stream:
        try:
            shape, fortran, dtype = _header(stream.read)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError) as error:
            raise DataError(f"{where} has a damaged header: {error}") from error
        if dtype.hasobject:
            raise DataError(
                f"{where} holds Python objects, which could run code when read. Save plain numbers instead."
            )
        if dtype.kind == "c":
            raise DataError(f"{where} holds {dtype}, not plain numbers or text.")
        size, start = math.prod(shape) * dtype.itemsize, stream.tell()
        if start + size != info.file_size:
            raise DataError(
                f"{where} has {info.file_size - start} bytes from offset {start} on; its header promises {size}."
            )
        content = bytearray()
        while chunk := stream.read(1 << 20):
            content += chunk
    if len(content) != size:
        raise DataError(f"{where} ends at offset {start + len(content)}, too early.")
    try:
        array = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
        return array.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:
        raise DataError(f"{where} cannot have the shape {shape}: {error}") from error


def _header(read: Callable[[int], bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    """An array's shape, order and type. NumPy's own reader warns and guesses; a file that needs that is refused."""
    magic = read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6:] not in (b"\1\0", b"\2\0"):
        raise ValueError(f"it starts with {magic.hex(' ') or 'nothing'}")
    size = int.from_bytes(read(2 if magic[6] == 1 else 4), "little")
    if size > MAX_HEADER:
        raise ValueError(f"it claims to have {size} bytes")
    held = ast.literal_eval(read(size).decode("latin1").strip())
    if not isinstance(held, dict) or held.keys() != KEYS:
        raise ValueError("it does not say type, order and shape")
    descr, fortran, shape = held["descr"], held["fortran_order"], held["shape"]
    if not isinstance(descr, str) or not re.fullmatch(r"[<>|=]?[biufcSUO]\d*", descr):
        raise ValueError(f"{descr!r} is no plain type")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"{shape!r} is no shape")
    return shape, fortran is True, np.dtype(descr)
