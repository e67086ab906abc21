"""What a component may offer beside its one method, where it depends on a model."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from antivenom.models.classifier import Classifier


@runtime_checkable
class ChecksShape(Protocol):
    """An architecture that says, before anything runs, why it cannot take rows of some shape."""

    def problems(self, input_shape: tuple[int, ...], /) -> Iterable[str]:
        """One sentence for each problem, without its subject."""


@runtime_checkable
class ChecksClassifier(Protocol):
    """A repair or an analysis that says, before anything runs, why it cannot work with a classifier."""

    def problems(self, classifier: Classifier, /) -> Iterable[str]:
        """One sentence for each problem, without its subject."""
