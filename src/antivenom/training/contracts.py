"""What trainings promise, and what callbacks are given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from antivenom.charts import WithEvidence
from antivenom.data import Dataset, Source, Splits
from antivenom.models import Classifier, Model
from antivenom.rng import Rng
from antivenom.shapes import Ids, Positions, Roles


@dataclass(frozen=True)
class Epoch:
    """What a callback is given after each epoch. A stream's epoch is a part of the stream.

    Args:
        number: which epoch, from 1.
        of: how many epochs there are, at most.
        loss: the mean training loss over the epoch's batches as they came, each before its update.
        seconds: how long it took.
        classifier: as it stands. It goes on learning: copy its `state()` to keep it.
        rows: how many rows it has learned from, each as often as it came.
    """

    number: int
    of: int
    loss: float
    seconds: float
    classifier: Classifier | None = None
    rows: int = 0

    def is_one_of(self, checkpoints: int) -> bool:
        """Whether this is one of `checkpoints` epochs that are evenly spaced; the last epoch is one of them."""
        return self.number * checkpoints // self.of > (self.number - 1) * checkpoints // self.of


Callback = Callable[[Epoch], object]
"""Called after each epoch; what it returns is ignored."""


@runtime_checkable
class Training(Protocol):
    """A training setting: a component, such as `EndToEnd`. It needs `fit` and nothing else.

    The other protocols of this file name what a training may do beyond that.
    """

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier | WithEvidence[Classifier]:
        """A new classifier of the same architecture, trained; both given ones are untouched.

        Args:
            classifier: the architecture.
            data: the rows.
            rng: the same stream gives twins: the same first weights, and the same order of the rows they share.
            start: where training starts from; new weights where left out.
            callbacks: each is called after each epoch.

        Returns:
            The classifier, alone or with figures and charts of the training's own.
        """


@runtime_checkable
class CheckpointedTraining(Training, Protocol):
    """A training whose classifier is kept along the way, to see what was learned when."""

    @property
    def checkpoints(self) -> int:
        """How often it is kept, evenly spaced over the epochs; 0 for never."""


@runtime_checkable
class StreamTraining(Training, Protocol):
    """A training on a stream: its rows arrive in an order. The runner arranges them, for victim and control alike."""

    @property
    def single_pass(self) -> bool:
        """Whether each row is learned from as often as it arrives and no more, in that order."""

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Positions of rows in the order in which they arrive; a row may arrive several times.

        Args:
            roles: `CLEAN`, `POISON` or `COVER` for each row (n).
            ids: each row's id (n).
            rng: the same stream, the same order of the clean rows.
        """


@runtime_checkable
class PretrainedTraining(Training, Protocol):
    """A training that starts from a model which was trained before. Victim and control share that model."""

    @property
    def pretrained_by(self) -> Training | None:
        """The training of the model that it starts from; None where no training comes before."""

    def divide(self, splits: Splits, rng: Rng, read: Callable[[Source], Splits]) -> tuple[Dataset | None, Splits]:
        """The clean rows of the training before, None where there is none; and the splits of this one.

        Args:
            splits: the experiment's.
            rng: the division's stream.
            read: loads another data set.
        """

    def pretrained_model(self, model: Model, blank: Classifier) -> Classifier | None:  # noqa: ARG002
        """The model that it starts from, where that was trained elsewhere; None, the default, where it was not.

        Args:
            model: the experiment's architecture.
            blank: what that builds for the rows of this training.

        Raises:
            SettingsError: there is no such model.
        """
        return None


def checkpoints_of(training: Training) -> int:
    """How often a training's classifier is kept along the way; 0 where the training says nothing about it."""
    return training.checkpoints if isinstance(training, CheckpointedTraining) else 0


def single_pass(training: Training) -> bool:
    """Whether a training is on a stream in which each row is learned from only when it arrives."""
    return isinstance(training, StreamTraining) and training.single_pass


def pretrained_by(training: Training) -> Training | None:
    """The training that comes before a training; None where there is none."""
    return training.pretrained_by if isinstance(training, PretrainedTraining) else None


def load_source(source: Source) -> Splits:
    """Both splits of a data set: what `divide` reads other data sets with, where nothing else is given."""
    return source.load()
