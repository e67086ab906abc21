"""Partitions of training rows by their content, so that a row that is inserted moves no other row."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.data import Dataset
from antivenom.shapes import Positions

ROWS_AT_ONCE = 4096
"""The number of rows whose bytes are copied together."""

Keys = NDArray[np.uint64]
"""Two numbers for each row (n, 2): the first 128 bits of BLAKE2b of its content."""


def content_keys(data: Dataset, *, labels: bool) -> Keys:
    """Return a key of each row's content (n, 2). It depends on nothing else: not on ids, order or other rows.

    Args:
        data: the rows.
        labels: True to hash the label too, False to hash only the input.

    >>> data = Dataset.from_arrays(np.zeros((2, 2, 2), np.uint8), [0, 1])
    >>> keys = [content_keys(data, labels=flag) for flag in (True, False)]
    >>> [bool((each[0] == each[1]).all()) for each in keys]
    [False, True]
    """
    numbers = data.y.cpu().numpy().astype("<i8")
    digests = []
    for first in range(0, len(data), ROWS_AT_ONCE):
        rows = data.x[first : first + ROWS_AT_ONCE].cpu().numpy().reshape(-1, int(np.prod(data.shape)))
        little = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
        for place, row in enumerate(little):
            content = row.tobytes() + (numbers[first + place].tobytes() if labels else b"")
            digests.append(hashlib.blake2b(content, digest_size=16).digest())
    return np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 2).astype(np.uint64)


def by_hash(data: Dataset, count: int) -> list[Dataset]:
    """Divide rows into `count` partitions by the hash of the whole row, input and label.

    The rows of a partition are in the order of their content, with ids from 0. So a partition depends on the set of
    its own rows alone.

    >>> data = Dataset.from_arrays(np.arange(8, dtype=np.uint8).reshape(8, 1, 1), [0, 1] * 4)
    >>> sorted(int(value) for part in by_hash(data, 3) for value in part.x.flatten())
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    keys = content_keys(data, labels=True)
    return _divided(data, keys, keys[:, 0] % np.uint64(count), count)


def by_rank(data: Dataset, count: int) -> list[Dataset]:
    """Divide rows into `count` partitions of almost equal size by the rank of their input among all inputs.

    It ignores labels. Rows with equal inputs have the same rank, and are in the order of the data.

    >>> data = Dataset.from_arrays(np.arange(8, dtype=np.uint8).reshape(8, 1, 1), [0, 1] * 4)
    >>> [len(part) for part in by_rank(data, 3)]
    [3, 3, 2]
    """
    keys = content_keys(data, labels=False)
    ranks = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    return _divided(data, keys, ranks % count, count)


def joined(parts: Sequence[Dataset], numbers: Sequence[int]) -> Dataset:
    """Return the rows of several partitions, in the order of their content, with ids from 0.

    >>> data = Dataset.from_arrays(np.arange(8, dtype=np.uint8).reshape(8, 1, 1), [0, 1] * 4)
    >>> len(joined(by_hash(data, 2), [0, 1]))
    8
    """
    chosen = [parts[number] for number in numbers]
    rows = replace(
        chosen[0],
        x=torch.cat([part.x for part in chosen]),
        y=torch.cat([part.y for part in chosen]),
        ids=torch.cat([part.ids for part in chosen]),
    )
    return in_content_order(rows)


def in_content_order(data: Dataset, *, labels: bool = True) -> Dataset:
    """Return the rows in the order of their content, with ids from 0."""
    return _ordered(data, content_keys(data, labels=labels), np.arange(len(data)))


def _divided(data: Dataset, keys: Keys, numbers: NDArray[np.integer], count: int) -> list[Dataset]:
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(count + 1))
    return [_ordered(data, keys, order[ends[each] : ends[each + 1]]) for each in range(count)]


def _ordered(data: Dataset, keys: Keys, rows: NDArray[np.integer]) -> Dataset:
    """Return some rows, sorted by their keys."""
    chosen = rows[np.lexsort((keys[rows, 1], keys[rows, 0]))]
    positions: Positions = torch.from_numpy(chosen.astype(np.int64)).to(data.device)
    return replace(data.subset(positions), ids=torch.arange(len(chosen), device=data.device))
