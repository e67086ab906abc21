"""The range of the rows that `scores` accepts: that of the classifier, or any."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ANY = ContextVar("antivenom_any_range", default=False)


@contextmanager
def any_range() -> Iterator[None]:
    """Let `scores` accept rows of any range, for rows that are outside of `bounds` on purpose, such as noise.

    Components need it only outside of their main methods: these run with it after their rows were checked.

    >>> import torch
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> network = MLP().build(input_shape=(2,), classes=3, bounds=(0, 1), rng=Rng(0))
    >>> with any_range():
    ...     network.scores(torch.tensor([[-3.0, 4.0]])).shape
    torch.Size([1, 3])
    """
    token = _ANY.set(True)
    try:
        yield
    finally:
        _ANY.reset(token)


def is_any_range() -> bool:
    """Return whether this code runs in `any_range`."""
    return _ANY.get()
