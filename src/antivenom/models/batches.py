"""Batch sizes: large enough to be fast, small enough to limit memory use."""

from collections.abc import Iterator

ROWS_PER_BATCH = 2048
"""Rows per batch when a network scores rows."""

ROWS_PER_WIDE_BATCH = 1024
"""Rows per batch if each row has many numbers: activations of a layer, or distances to all other rows."""

ROWS_PER_ESTIMATOR_BATCH = 8192
"""Rows per batch when a scikit-learn estimator scores rows. Each call repeats checks, so few calls are faster."""


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
