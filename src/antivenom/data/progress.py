"""The progress of reading a data set."""

from collections.abc import Callable

OnProgress = Callable[[int, int], object]
"""A callback that receives the number of rows read so far, and the number of all rows."""


def no_op(done: int, of: int) -> None:
    """Ignore the progress."""
