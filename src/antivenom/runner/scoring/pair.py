"""A trained victim and its control."""

from collections.abc import Iterator
from dataclasses import dataclass

from antivenom.charts import Chart, Figure
from antivenom.models import Checkpoint, Classifier


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained classifier.

    Args:
        classifier: the classifier.
        losses: the mean training loss of each epoch.
        checkpoints: its checkpoints during the training, if the training keeps them.
        figures: the figures that the training reports.
        charts: the charts that the training reports.
    """

    classifier: Classifier
    losses: tuple[float, ...]
    checkpoints: tuple[Checkpoint, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    def path_from(self, start: Classifier | None) -> tuple[Checkpoint, ...]:
        """Return the starting model, if there is one, and all checkpoints."""
        return (*([] if start is None else [Checkpoint(0, start)]), *self.checkpoints)


@dataclass(frozen=True, eq=False)
class Pair:
    """A victim and its control.

    Args:
        victim: the classifier that was trained on the poisoned data.
        control: the classifier that was trained in the same way on clean data.
        start: the model that both started from, or None if they started with new weights.
    """

    victim: Fitted
    control: Fitted
    start: Classifier | None = None

    @property
    def classifiers(self) -> tuple[Classifier, Classifier]:
        """Victim and control."""
        return self.victim.classifier, self.control.classifier

    @property
    def paths(self) -> tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]]:
        """The checkpoints of victim and control, with the starting model first."""
        return self.victim.path_from(self.start), self.control.path_from(self.start)

    def __iter__(self) -> Iterator[Fitted]:
        return iter((self.victim, self.control))
