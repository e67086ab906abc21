"""Batch sizes: large enough to be fast, small enough to limit memory use."""

import math
from collections.abc import Iterator

from antivenom.data import Dataset
from antivenom.shapes import Inputs, Positions

ROWS_PER_BATCH = 2048
"""The largest number of rows per batch when a network scores rows."""

ROWS_PER_WIDE_BATCH = 1024
"""The largest number of rows per batch if each row has many numbers: activations, or distances to all other rows."""

ROWS_PER_ESTIMATOR_BATCH = 8192
"""Rows per batch when a scikit-learn estimator scores rows. Each call repeats checks, so few calls are faster."""

ROWS_IN_CACHE = 128
"""Rows per batch with gradients on a CPU, of small networks: the activations of more rows do not fit into the cache."""

BYTES_OF_ROWS = 1 << 28
"""The most bytes of rows per batch, as float32."""

BYTES_OF_ACTIVATIONS = 1 << 30
"""The most bytes of activations per batch."""


def batches(count: int, size: int = ROWS_PER_BATCH) -> Iterator[slice]:
    """Yield slices that cover `count` rows, in order.

    Args:
        count: the number of rows, at least 0.
        size: the rows per slice, at least 1; the last slice may have fewer.

    >>> [(rows.start, rows.stop) for rows in batches(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def rows_within(shape: tuple[int, ...], most: int = ROWS_PER_BATCH) -> int:
    """Return the rows per batch so that the rows fit into `BYTES_OF_ROWS`: from 1 to `most`.

    >>> rows_within((3, 32, 32)), rows_within((3, 224, 224))
    (2048, 445)
    """
    return max(1, min(most, BYTES_OF_ROWS // (4 * max(1, math.prod(shape)))))


def input_batches(
    data: Dataset, rows: Positions | None = None, *, most: int | None = None
) -> Iterator[tuple[slice, Inputs]]:
    """Yield batches of rows as a classifier receives them, in order; each batch fits into `BYTES_OF_ROWS`.

    Use it instead of `data.inputs()`, which converts all rows at once.

    Args:
        data: the rows.
        rows: the positions of the rows; all rows if omitted.
        most: the largest number of rows per batch, at least 1; only the bytes count if omitted.

    Yields:
        the place of each batch among the rows, and its inputs (n, *shape). Without rows there is no batch.

    >>> import torch
    >>> data = Dataset.from_arrays([[0.0], [1.0], [2.0]], [0, 1, 0])
    >>> [(place.start, x.tolist()) for place, x in input_batches(data, torch.tensor([2, 0, 1]), most=2)]
    [(0, [[2.0], [0.0]]), (2, [[1.0]])]
    """
    count = len(data) if rows is None else len(rows)
    for place in batches(count, rows_within(data.shape, max(1, count) if most is None else most)):
        yield place, data.inputs(place if rows is None else rows[place])


def rows_fitting(bytes_per_row: int, most: int = ROWS_PER_BATCH) -> int:
    """Return the rows per batch so that activations fit into `BYTES_OF_ACTIVATIONS`: from 1 to `most`.

    >>> rows_fitting(1000), rows_fitting(50_000_000)
    (2048, 21)
    """
    return max(1, min(most, BYTES_OF_ACTIVATIONS // max(1, bytes_per_row)))
