"""Read IDX, the format of MNIST and Fashion-MNIST: a magic number, the dimensions, the bytes; maybe gzipped."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from antivenom.data.dataset import Dataset, Splits
from antivenom.errors import DataError, MissingDataError
from antivenom.files.opening import is_file, open_file

CHUNK = 1 << 20
NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read(file: Path) -> Tensor:
    """Return the array in an IDX file of unsigned bytes, as uint8.

    Memory use depends on the bytes in the file, not on the size in the header.

    Raises:
        DataError: it is not an IDX file, or is too short or too long; the message names the file and the offset.
    """
    try:
        with open_file(file) as plain:
            return _parse(gzip.GzipFile(fileobj=plain) if file.suffix == ".gz" else plain, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{file} is a damaged gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the paths of the four files of an MNIST-like folder; with `.gz` if the plain file does not exist."""
    plain = [folder / name for pair in NAMES.values() for name in pair]
    return tuple(file if is_file(file) else file.with_name(f"{file.name}.gz") for file in plain)


def read_splits(folder: Path, classes: tuple[str, ...]) -> Splits:
    """Return the training and the test set of an MNIST-like folder.

    Raises:
        MissingDataError: a file does not exist.
        DataError: a file is damaged, or images and labels do not match.
    """
    files = files_in(folder)
    for file in files:
        if not is_file(file):
            raise MissingDataError(f"{file.with_suffix('')} is missing, and so is {file.name}. Provide one of them.")
    sets = [_split(images, labels, classes) for images, labels in zip(files[::2], files[1::2], strict=True)]
    return Splits(train=sets[0], test=sets[1])


def _split(images: Path, labels: Path, classes: tuple[str, ...]) -> Dataset:
    x, y = read(images), read(labels)
    if x.ndim != 3 or y.ndim != 1 or len(x) != len(y):
        raise DataError(
            f"{images} and {labels} must have shapes (n, h, w) and (n,); got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    try:
        return Dataset.from_arrays(x, y, classes=classes, channels="none")
    except DataError as error:
        raise DataError(f"{labels}: {error}") from error


def _parse(stream: BinaryIO | gzip.GzipFile, file: Path) -> Tensor:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise DataError(f"{file} is not an IDX file of unsigned bytes: it starts with {magic.hex(' ') or 'nothing'}.")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise DataError(f"{file} ends within its header, at offset {4 + len(header)}.")
    shape = struct.unpack(f">{magic[3]}I", header)
    size = math.prod(shape)
    content = bytearray()
    while len(content) <= size and (chunk := stream.read(min(CHUNK, size + 1 - len(content)))):
        content += chunk
    if len(content) != size:
        start = 4 + len(header)
        fault = "continues after" if len(content) > size else "ends before"
        raise DataError(
            f"{file} {fault} the {size} bytes that its header declares, at offset {start + min(len(content), size)}."
        )
    if not size:
        try:
            return torch.empty(shape, dtype=torch.uint8)
        except RuntimeError as error:
            raise DataError(f"{file} cannot have the shape {shape}: {error}") from error
    return torch.from_numpy(np.frombuffer(content, np.uint8).reshape(shape))
