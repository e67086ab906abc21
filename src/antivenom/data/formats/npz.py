"""Read NumPy's .npz files. Arrays of objects are refused, because they are pickles that can run code."""

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
from antivenom.files.opening import open_file

MAX_RATIO = 200
"""The largest compression ratio of an array of more than `SMALL` bytes. Deflated zeros reach 1,032."""

SMALL = 256 << 20

MAX_HEADER = 10_000
KEYS = {"descr", "fortran_order", "shape"}

KINDS = {
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a single array (.npy)",
    b"\x80": "a pickle, which can run code when it is read",
    b"MATLAB": "a MATLAB file",
}
"""Files of other kinds by their first bytes."""

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)
"""The exceptions that `zipfile` raises for a damaged file."""


def read(
    file: Path, names: Sequence[str], optional: Sequence[str] = (), *, most_bytes: int | None = None
) -> dict[str, NDArray[Any]]:
    """Return arrays of an .npz file by name.

    Args:
        file: the path.
        names: arrays that the file must have.
        optional: arrays that the file may have.
        most_bytes: the limit for the sum of their sizes, in bytes; None for no limit.

    Raises:
        DataError: the file does not exist, is not a ZIP, lacks an array, has an array of objects or with a wrong
            header, or is larger than `most_bytes`.
    """
    try:
        with open_file(file) as opened, zipfile.ZipFile(opened) as archive:
            members = {info.filename: info for info in archive.infolist()}
            absent = [name for name in names if f"{name}.npy" not in members]
            if absent:
                available = ", ".join(name.removesuffix(".npy") for name in members) or "nothing"
                raise DataError(f"{file} has no array {' and '.join(map(repr, absent))}. Its arrays are: {available}.")
            present = [name for name in (*names, *optional) if f"{name}.npy" in members]
            size = sum(members[f"{name}.npy"].file_size for name in present)
            if most_bytes is not None and size > most_bytes:
                raise DataError(f"{file} must contain at most {most_bytes:,} bytes of arrays; it declares {size:,}.")
            return {name: _member(archive, members[f"{name}.npy"], file) for name in present}
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise DataError(f"{file} is not an .npz file, or is damaged: {error}.{_kind_hint(file)}") from error


def names(file: Path) -> tuple[str, ...]:
    """Return the names of the arrays of an .npz file.

    Raises:
        DataError: the file does not exist, or is not a ZIP.
    """
    try:
        with open_file(file) as opened, zipfile.ZipFile(opened) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise DataError(f"{file} is not an .npz file, or is damaged: {error}.{_kind_hint(file)}") from error


def _kind_hint(file: Path) -> str:
    """Return what a file of another kind is, and what to do; empty text for unknown kinds."""
    with open_file(file) as opened:
        start = opened.read(8)
    kind = next((kind for magic, kind in KINDS.items() if start.startswith(magic)), None)
    if kind is None:
        return ""
    return f" It is {kind}. Read it in Python, and pass the arrays to Dataset.from_arrays or save them with np.savez."


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path) -> NDArray[Any]:
    where = f"{file}: array '{info.filename.removesuffix('.npy')}'"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where} must be stored or deflated; got the compression type {info.compress_type}.")
    if info.file_size > max(SMALL, MAX_RATIO * info.compress_size):
        raise DataError(f"{where} declares {info.file_size} bytes, unpacked from only {info.compress_size}.")
    with archive.open(info) as stream:
        try:
            shape, fortran, dtype = _header(stream.read)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError) as error:
            raise DataError(f"{where} has a damaged header: {error}") from error
        if dtype.hasobject:
            raise DataError(
                f"{where} contains Python objects, which could run code when read. Save plain numbers or text instead: "
                "for labels of text, y.astype(str)."
            )
        if dtype.kind == "c":
            raise DataError(f"{where} must contain real numbers or text; got {dtype}.")
        size, start = math.prod(shape) * dtype.itemsize, stream.tell()
        if start + size != info.file_size:
            raise DataError(f"{where} has {info.file_size - start} bytes after its header; the header declares {size}.")
        content = bytearray()
        while chunk := stream.read(1 << 20):
            content += chunk
    if len(content) != size:
        raise DataError(f"{where} ends too early, at offset {start + len(content)}.")
    try:
        array = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
        return array.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:
        raise DataError(f"{where} cannot have the shape {shape}: {error}") from error


def _header(read: Callable[[int], bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    """Return the shape, order and type of an array. Refuse headers that NumPy would warn about or guess."""
    magic = read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6:] not in (b"\1\0", b"\2\0"):
        raise ValueError(f"it starts with {magic.hex(' ') or 'nothing'}")
    size = int.from_bytes(read(2 if magic[6] == 1 else 4), "little")
    if size > MAX_HEADER:
        raise ValueError(f"it declares a length of {size} bytes")
    header = ast.literal_eval(read(size).decode("latin1").strip())
    if not isinstance(header, dict) or header.keys() != KEYS:
        raise ValueError("it does not consist of type, order and shape")
    descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
    if not isinstance(descr, str) or not re.fullmatch(r"[<>|=]?[biufcSUO]\d*", descr):
        raise ValueError(f"{descr!r} is not a plain type")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"{shape!r} is not a shape")
    return shape, fortran is True, np.dtype(descr)
