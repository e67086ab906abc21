"""How many rows are computed at once: enough to be quick, few enough that memory stays bounded."""

from collections.abc import Iterator

ROWS_PER_BATCH = 2048
"""Rows that a network scores at once."""

ROWS_PER_WIDE_BATCH = 1024
"""Rows at once where each of them gives many numbers: a layer's activations, or distances to all other rows."""

ROWS_PER_ESTIMATOR_BATCH = 8192
"""Rows that a scikit-learn estimator scores at once. Each call checks its rows again, so fewer calls are quicker."""


def batches(count: int, size: int = ROWS_PER_BATCH) -> Iterator[slice]:
    """Slices that together cover `count` rows, in order.

    Args:
        count: the number of rows, at least 0.
        size: rows in a slice, at least 1; the last slice may have fewer.

    >>> [(rows.start, rows.stop) for rows in batches(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
