"""Read CIFAR-10 and CIFAR-100 as published: the binary version and the Python version."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.data.formats import plain_pickle
from antivenom.errors import DataError
from antivenom.files.opening import read_bytes

PIXELS = 3 * 32 * 32
SHAPE = (3, 32, 32)
MAX_NAMES = 1 << 20


def read_binary(file: Path, labels: int = 1) -> tuple[Tensor, Tensor]:
    """Return the images (n, 3, 32, 32) and the label bytes (n, `labels`) of a binary file, both uint8.

    Args:
        file: a file of records, each of `labels` bytes and 3,072 pixel bytes.
        labels: 1 for CIFAR-10; 2, coarse and fine, for CIFAR-100.

    Raises:
        MissingDataError: the file does not exist.
        DataError: the file is empty, or does not end at the end of a record.
    """
    content, record = read_bytes(file), labels + PIXELS
    count, rest = divmod(len(content), record)
    if rest or not count:
        raise DataError(
            f"{file} must consist of records of {record} bytes ({labels} for labels, {PIXELS} for pixels); "
            f"its size is {len(content)}."
        )
    rows = np.frombuffer(bytearray(content), np.uint8).reshape(count, record)
    return torch.from_numpy(rows[:, labels:].reshape(count, *SHAPE)), torch.from_numpy(rows[:, :labels])


def read_python(file: Path, labels: str) -> tuple[Tensor, Tensor]:
    """Return the images (n, 3, 32, 32), uint8, and the labels (n), int64, of a file of the Python version.

    Args:
        file: a pickled dictionary with the pixels as `data`. It is read as plain data and cannot run code.
        labels: `labels` for CIFAR-10; `fine_labels` or `coarse_labels` for CIFAR-100.

    Raises:
        MissingDataError: the file does not exist.
        DataError: the file contains other than plain data, or does not have the required entries.
    """
    entries = _dictionary(file)
    pixels, numbers = entries.get("data"), entries.get(labels)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        raise DataError(f"{file} must have an array 'data' of shape (n, {PIXELS}); it does not.")
    if not isinstance(numbers, list) or len(numbers) != len(pixels) or not all(type(one) is int for one in numbers):
        raise DataError(f"{file} must have a list {labels!r} of {len(pixels)} whole numbers, one per row; it does not.")
    if numbers and not 0 <= min(numbers) <= max(numbers) < 256:
        raise DataError(f"{file} must have labels from 0 to 255; got {min(numbers)} to {max(numbers)}.")
    rows = np.array(pixels, order="C").reshape(-1, *SHAPE)
    return torch.from_numpy(rows), torch.tensor(numbers, dtype=torch.int64)


def names_in_text(file: Path) -> tuple[str, ...]:
    """Return class names from a text file of the binary version, one name per line."""
    try:
        lines = read_bytes(file, MAX_NAMES).decode().split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} must be UTF-8 text; the byte at offset {error.start} is not.") from error
    return tuple(line.strip() for line in lines if line.strip())


def names_in_python(file: Path, key: str) -> tuple[str, ...]:
    """Return the class names under `key` in the `meta` file of the Python version."""
    names = _dictionary(file).get(key)
    if not isinstance(names, list):
        raise DataError(f"{file} must have a list {key!r}; it does not.")
    if not all(isinstance(name, str | bytes) for name in names):
        raise DataError(f"{file} must have only text in {key!r}; it does not.")
    return tuple(map(_text, names))


def _dictionary(file: Path) -> dict[str, Any]:
    content = plain_pickle.read(file)
    if not isinstance(content, dict):
        raise DataError(f"{file} must contain a dictionary; got {type(content).__name__}.")
    return {_text(key): value for key, value in content.items()}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
