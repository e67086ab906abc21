"""Building an architecture for weights from a file, in no more memory than the weights need."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from antivenom.calling import guarded
from antivenom.errors import DataError
from antivenom.models.classifier import Classifier, Model
from antivenom.rng import Rng

SPARE = 1 << 22
"""The numbers that an architecture may have in addition to its weights, such as masks."""

SIZED = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full)


def build_for(
    model: Model,
    weights: Mapping[str, Tensor],
    *,
    input_shape: tuple[int, ...],
    classes: int,
    bounds: tuple[float, float] | None,
) -> Classifier:
    """Return an untrained classifier for these weights.

    Args:
        model: the architecture.
        weights: the weights by name.
        input_shape: the shape of a row.
        classes: the number of classes.
        bounds: the range of the rows; None for any range.

    Raises:
        DataError: the architecture has far more weights.
        ComponentError: the architecture cannot be built.

    >>> from antivenom.models import MLP
    >>> build_for(MLP(hidden=(10**6,)), {"w": torch.ones(3)}, input_shape=(64,), classes=10, bounds=(0, 1))
    Traceback (most recent call last):
    antivenom.errors.DataError: The architecture has more than 4,194,310 weights; the file has 3.
    """
    with _Limited(sum(weight.numel() for weight in weights.values())):
        built: Classifier = guarded(model, Model.build, Classifier)(
            input_shape=input_shape, classes=classes, bounds=bounds, rng=Rng(0)
        )
    return built


class _Limited(TorchFunctionMode):
    """Refuses new tensors when all together have far more numbers than the weights."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self._numbers, self._limit, self._made = numbers, 2 * numbers + SPARE, 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # the form that torch calls
        if func in SIZED:
            self._made += _count(args, kwargs or {})
            if self._made > self._limit:
                raise DataError(
                    f"The architecture has more than {self._limit:,} weights; the file has {self._numbers:,}."
                )
        return func(*args, **(kwargs or {}))


def _count(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """Return the number of numbers of a new tensor, from the arguments of torch."""
    size = kwargs["size"] if "size" in kwargs else args[0] if args and not isinstance(args[0], int) else args
    return math.prod(side for side in size if isinstance(side, int))
