"""CIFAR-10 and CIFAR-100 as their authors publish them: the binary version and the Python version."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.data.formats import plain_pickle
from antivenom.data.formats._reading import contents
from antivenom.errors import DataError

PIXELS = 3 * 32 * 32
SHAPE = (3, 32, 32)
MAX_NAMES = 1 << 20


def read_binary(file: Path, labels: int = 1) -> tuple[Tensor, Tensor]:
    """A file of the binary version: its images (n, 3, 32, 32) and its label bytes (n, `labels`), both uint8.

    Args:
        file: records of `labels` bytes and 3,072 pixels each, nothing else.
        labels: 1 for CIFAR-10; 2, coarse and fine, for CIFAR-100.

    Raises:
        MissingDataError: it is not there.
        DataError: it does not end with a record.
    """
    content, record = contents(file), labels + PIXELS
    count, rest = divmod(len(content), record)
    if rest or not count:
        raise DataError(
            f"{file} ends within a record, at offset {len(content)}: "
            f"records of {labels} label bytes and {PIXELS} pixels have {record} bytes."
        )
    rows = np.frombuffer(bytearray(content), np.uint8).reshape(count, record)
    return torch.from_numpy(rows[:, labels:].reshape(count, *SHAPE)), torch.from_numpy(rows[:, :labels])


def read_python(file: Path, labels: str) -> tuple[Tensor, Tensor]:
    """A file of the Python version: its images (n, 3, 32, 32), uint8, and its labels (n), int64.

    Args:
        file: a pickled dictionary with the pixels as `data`. It is read as plain data; nothing in it can run.
        labels: `labels` for CIFAR-10; `fine_labels` or `coarse_labels` for CIFAR-100.

    Raises:
        MissingDataError: it is not there.
        DataError: it holds anything but plain data, or not what such a file holds.
    """
    held = _dictionary(file)
    pixels, found = held.get("data"), held.get(labels)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        raise DataError(f"{file} has no array 'data' of {PIXELS} bytes a row.")
    if not isinstance(found, list) or len(found) != len(pixels) or not all(type(one) is int for one in found):
        raise DataError(f"{file} has no list {labels!r} of one whole number for each of its {len(pixels)} rows.")
    if found and not 0 <= min(found) <= max(found) < 256:
        raise DataError(f"{file} has labels from {min(found)} to {max(found)}.")
    rows = np.array(pixels, order="C").reshape(-1, *SHAPE)
    return torch.from_numpy(rows), torch.tensor(found, dtype=torch.int64)


def names_in_text(file: Path) -> tuple[str, ...]:
    """Class names, one a line, as the binary version has them."""
    try:
        lines = contents(file, MAX_NAMES).decode().split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no text, at offset {error.start}.") from error
    return tuple(line.strip() for line in lines if line.strip())


def names_in_python(file: Path, key: str) -> tuple[str, ...]:
    """Class names under `key` of the Python version's `meta` file."""
    found = _dictionary(file).get(key)
    if not isinstance(found, list):
        raise DataError(f"{file} has no list {key!r}.")
    if not all(isinstance(name, str | bytes) for name in found):
        raise DataError(f"{file} has class names in {key!r} that are no text.")
    return tuple(map(_text, found))


def _dictionary(file: Path) -> dict[str, Any]:
    held = plain_pickle.read(file)
    if not isinstance(held, dict):
        raise DataError(f"{file} holds no dictionary.")
    return {_text(key): value for key, value in held.items()}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
