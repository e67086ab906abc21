"""The device on which the conformance checks run."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")

_CPU = torch.device("cpu")
_DEVICE: ContextVar[torch.device | None] = ContextVar("device", default=None)


@contextmanager
def on_device(device: torch.device | str) -> Iterator[None]:
    """Enter a block in which the conformance checks put data and networks on `device`.

    Args:
        device: `cuda`, or the device that `second_device` yields. Estimators always compute on the CPU.

    >>> from antivenom.attacks import LabelFlip
    >>> from antivenom.testing import check_component, second_device
    >>> with second_device() as device, on_device(device):
    ...     check_component(LabelFlip(), waive={"attack_has_an_effect": "it trains two models, which is slow here"})
    """
    token = _DEVICE.set(torch.device(device))
    try:
        yield
    finally:
        _DEVICE.reset(token)


def here() -> torch.device:
    """Return the device of the block, or the CPU outside of a block."""
    return _DEVICE.get() or _CPU


def cache_here(make: Callable[P, T]) -> Callable[P, T]:
    """Cache the results of a function like `functools.cache`, separately for each device."""

    @functools.cache
    def cached(device: torch.device, *args: P.args, **kwargs: P.kwargs) -> T:  # noqa: ARG001 - a part of the key
        return make(*args, **kwargs)

    return functools.wraps(make)(lambda *args, **kwargs: cached(here(), *args, **kwargs))
