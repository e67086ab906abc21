"""What a component may declare beside its settings: its needs, its own checks, its files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

NEEDS = {
    "gradients": "the classifier is differentiable",
    "features": "the classifier has layers to look into",
    "incremental": "the classifier learns batch by batch",
    "probabilities": "the classifier gives probabilities",
    "images": "the rows are images",
    "bounds": "the data has a known range",
    "tokens": "the rows are tokens",
    "surrogate": "the runner trains a surrogate for the attack",
    "earlier_model": "the defender has a model that stood before the rows came",
    "triggers": "a scan recovered triggers",
}
"""What a component may require: of the classifier, of the data, of the runner."""


@runtime_checkable
class ChecksItself(Protocol):
    """A component that says before a run why its settings do not fit."""

    def problems(self, subject: Any) -> Iterable[str]:
        """What is wrong, a sentence each.

        Args:
            subject: what the settings must fit: the training data for an attack or a training, the shape of a row for a
                model, an untrained classifier for a defence, a repair or an analysis.
        """


@runtime_checkable
class ReadsFiles(Protocol):
    """A component that reads files, whose bytes are part of its results' keys."""

    def files(self) -> tuple[Path, ...]:
        """The files; they are looked for before anything runs."""


@runtime_checkable
class DeclaresNeeds(Protocol):
    """A component that says what it requires; `@component` makes every component one."""

    @property
    def needs(self) -> frozenset[str]:
        """What it requires, in the words of `NEEDS`."""


def needs_of(part: object) -> frozenset[str]:
    """What a part requires; nothing where it is made in Python and declares nothing, such as a classifier."""
    return part.needs if isinstance(part, DeclaresNeeds) else frozenset()
