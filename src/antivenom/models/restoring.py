"""Weights that antivenom itself has kept, such as those of a victim in the store."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.models.classifier import Classifier


@runtime_checkable
class Restorable(Protocol):
    """A classifier whose `with_state` also says with which weights a training starts. `restored` does not."""

    def restored(self, state: dict[str, Tensor]) -> Classifier:
        """Return a copy with these weights. A training starts as it does for this classifier."""


def restored(classifier: Classifier, state: dict[str, Tensor]) -> Classifier:
    """Return a copy with weights that a training of antivenom had. `with_state` is for weights that a user loads.

    So a classifier from the store is equal to the one that was trained, also if it is trained again.
    """
    return classifier.restored(state) if isinstance(classifier, Restorable) else classifier.with_state(state)
