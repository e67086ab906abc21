"""What all adapters share: they stand for an architecture too, and print in one line."""

from abc import ABC, abstractmethod
from typing import TypeVar

import torch

from antivenom.errors import SettingsError
from antivenom.rng import Rng

A = TypeVar("A", bound="Adapter")
Bounds = tuple[float, float] | None


class Adapter(ABC):
    """Somebody's model as a classifier: what it takes, what it can do, and what it is called.

    Attributes:
        classes: how many classes it knows.
        can: of {"gradients", "features", "incremental", "probabilities"}.
        input_shape: one row's shape.
        bounds: the range of the rows that it takes; None where there is none.
        device: where it computes.
        assumptions: what the adapter had to assume, in sentences; a report repeats them.
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
        """What messages call it: the class of the model behind it."""

    @abstractmethod
    def fresh(self: A, rng: Rng) -> A:
        """The same architecture with new weights; this one is untouched."""

    @abstractmethod
    def _state_of_training(self) -> str:
        """What `print` says about what it has learned or where it is, in a few words."""

    def build(self: A, *, input_shape: tuple[int, ...], classes: int, bounds: Bounds, rng: Rng) -> A:
        """The same architecture with new weights, so that a model made in Python serves wherever one is asked for.

        Raises:
            SettingsError: it is made for other rows or classes.
        """
        if (input_shape, classes, bounds) != (self.input_shape, self.classes, self.bounds):
            raise SettingsError(
                [
                    f"The classifier takes rows of {self.input_shape} in {self.bounds} and knows {self.classes} "
                    f"classes; the data has rows of {input_shape} in {bounds} and {classes} classes."
                ]
            )
        return self.fresh(rng)

    def __repr__(self) -> str:
        held = range_in_words(self.bounds)
        taken = f"rows {self.input_shape} in {held}"
        return f"{type(self).__name__}({self.name}: {taken}, {self.classes} classes, {self._state_of_training()})"


def range_in_words(bounds: Bounds) -> str:
    """The range of rows in a sentence.

    >>> range_in_words((0.0, 1.0)), range_in_words(None)
    ('[0, 1]', 'any range')
    """
    return "any range" if bounds is None else f"[{bounds[0]:g}, {bounds[1]:g}]"
