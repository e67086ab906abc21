"""A victim and its control, as they were trained."""

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
        checkpoints: how it stood along the way, where the training keeps checkpoints.
        figures: what the training reports of its own work.
        charts: what it shows of it.
    """

    classifier: Classifier
    losses: tuple[float, ...]
    checkpoints: tuple[Checkpoint, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    def path_from(self, start: Classifier | None) -> tuple[Checkpoint, ...]:
        """Its checkpoints, after the model that it started from where there is one."""
        return (*([] if start is None else [Checkpoint(0, start)]), *self.checkpoints)


@dataclass(frozen=True, eq=False)
class Pair:
    """A victim and its control.

    Args:
        victim: trained on the poisoned data.
        control: trained in the same way on clean data.
        start: the model that both started from; None where they started with new weights.
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
        """How victim and control stood along the way, the start first."""
        return self.victim.path_from(self.start), self.control.path_from(self.start)

    def __iter__(self) -> Iterator[Fitted]:
        return iter((self.victim, self.control))
