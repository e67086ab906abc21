"""The base class of all adapters. An adapter is also an architecture, and has a `repr` of one line."""

from abc import ABC, abstractmethod
from typing import TypeVar

import torch

from antivenom.errors import SettingsError
from antivenom.rng import Rng
from antivenom.settings.taken_rows import advice_on_shape

A = TypeVar("A", bound="Adapter")
Bounds = tuple[float, float] | None


class Adapter(ABC):
    """A model from outside antivenom as a classifier: its inputs, its abilities and its name.

    Attributes:
        classes: the number of classes.
        can: the abilities, a subset of {"gradients", "features", "incremental", "probabilities"}.
        input_shape: the shape of one row.
        bounds: the range of its input rows; None for any range.
        device: the device that it computes on.
        assumptions: the assumptions of the adapter, as sentences. A report shows them.
    """

    classes: int
    can: frozenset[str]
    input_shape: tuple[int, ...]
    bounds: Bounds
    device: torch.device
    assumptions: tuple[str, ...]

    @property
    @abstractmethod
    def name(self) -> str:
        """The name for messages: the class of the wrapped model."""

    @abstractmethod
    def fresh(self: A, rng: Rng) -> A:
        """Return the same architecture with new weights. This classifier does not change."""

    @abstractmethod
    def _state_of_training(self) -> str:
        """Return the end of the `repr`: the state of training or the device, in a few words."""

    def build(self: A, *, input_shape: tuple[int, ...], classes: int, bounds: Bounds, rng: Rng) -> A:
        """Return the same architecture with new weights. So a classifier made in Python can be used as a model.

        Raises:
            SettingsError: the classifier has another input shape, range, or number of classes.
        """
        advice = "" if input_shape == self.input_shape else f" {advice_on_shape(input_shape, self.input_shape)}"
        if bounds != self.bounds:
            advice += f" Pass bounds={self.bounds} for the data, or bounds={bounds} for the model."
        if (input_shape, classes, bounds) != (self.input_shape, self.classes, self.bounds):
            raise SettingsError(
                [
                    f"The classifier requires rows of {self.input_shape} in {self.bounds} and {self.classes} classes; "
                    f"the data has rows of {input_shape} in {bounds} and {classes} classes.{advice}"
                ]
            )
        return self.fresh(rng)

    def __repr__(self) -> str:
        rows = f"rows {self.input_shape} in {range_in_words(self.bounds)}"
        return f"{type(self).__name__}({self.name}: {rows}, {self.classes} classes, {self._state_of_training()})"


def range_in_words(bounds: Bounds) -> str:
    """Return the range of rows as text for a sentence.

    >>> range_in_words((0.0, 1.0)), range_in_words(None)
    ('[0, 1]', 'any range')
    """
    return "any range" if bounds is None else f"[{bounds[0]:g}, {bounds[1]:g}]"
