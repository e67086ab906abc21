"""The protocols of trainings, and the argument of their callbacks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from antivenom.calling import got, guarded, must_return, sentences_from
from antivenom.charts import WithEvidence
from antivenom.data import Dataset, Source, Splits
from antivenom.models import Classifier, Model
from antivenom.rng import Rng
from antivenom.shapes import Ids, Positions, Roles


@dataclass(frozen=True)
class Epoch:
    """The argument of a callback after each epoch. For a stream, an epoch is a part of the stream.

    Args:
        number: the number of the epoch, from 1.
        of: the largest number of epochs.
        loss: the mean training loss over the epoch's batches, each computed before its update.
        seconds: the duration of the epoch, in seconds.
        classifier: the classifier after this epoch. It continues to learn: copy its `state()` to keep it.
        rows: the number of rows that it has learned from; a repeated row counts each time.
    """

    number: int
    of: int
    loss: float
    seconds: float
    classifier: Classifier | None = None
    rows: int = 0

    def is_one_of(self, checkpoints: int) -> bool:
        """True if this is one of `checkpoints` evenly spaced epochs, which include the last epoch."""
        return self.number * checkpoints // self.of > (self.number - 1) * checkpoints // self.of


Callback = Callable[[Epoch], object]
"""A function that is called after each epoch. Its return value is ignored."""


@runtime_checkable
class Training(Protocol):
    """A training setting: a component, such as `EndToEnd`. Only `fit` is required.

    The other protocols in this file are optional abilities of a training.
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
        """Return a new, trained classifier of the same architecture. The arguments do not change.

        Args:
            classifier: the architecture.
            data: the rows.
            rng: the stream. It determines the first weights and the order of rows, equal for victim and control.
            start: the classifier to start from; new weights if omitted.
            callbacks: functions that are called after each epoch.

        Returns:
            The classifier, alone or with figures and charts of the training.
        """


@runtime_checkable
class CheckpointedTraining(Training, Protocol):
    """A training that keeps checkpoints, to show what was learned at which time."""

    @property
    def checkpoints(self) -> int:
        """The number of checkpoints, evenly spaced over the epochs; 0 for none."""


@runtime_checkable
class ModelCheckingTraining(Training, Protocol):
    """A training that checks before a run whether it fits the model."""

    def model_problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield a sentence for each reason why this training does not fit an untrained classifier."""


@runtime_checkable
class StreamTraining(Training, Protocol):
    """A training on a stream, whose rows arrive in order. The runner sorts the rows of victim and control."""

    @property
    def single_pass(self) -> bool:
        """True if each arrival of a row is learned exactly once, in the order of arrival."""

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Return positions of rows in the order of arrival. A row may arrive several times.

        Args:
            roles: `CLEAN`, `POISON` or `COVER` for each row (n).
            ids: the id of each row (n).
            rng: the stream. The same stream has the same order of the clean rows.
        """


@runtime_checkable
class PretrainedTraining(Training, Protocol):
    """A training that starts from a pretrained model. Victim and control share that model."""

    @property
    def pretrained_by(self) -> Training | None:
        """The training of the pretrained model; None if the model is not trained before."""

    def divide(self, splits: Splits, rng: Rng, read: Callable[[Source], Splits]) -> tuple[Dataset | None, Splits]:
        """Return the clean rows for the pretraining (None without one), and the splits of this training.

        Args:
            splits: the splits of the experiment.
            rng: the stream that divides the rows.
            read: a function that loads another data set.
        """

    def pretrained_model(self, model: Model, blank: Classifier) -> Classifier | None:  # noqa: ARG002
        """Return the pretrained model if it was trained elsewhere, or None (the default) if it was not.

        Args:
            model: the architecture of the experiment.
            blank: an untrained classifier of that architecture for the rows of this training.

        Raises:
            SettingsError: the model does not exist, or does not fit.
        """
        return None


@runtime_checkable
class WrappingTraining(Training, Protocol):
    """A training that returns another kind of classifier than it receives, such as one whose members vote."""

    def wrapped(self, classifier: Classifier) -> Classifier:
        """Return an untrained classifier of the kind that `fit` returns.

        Its `with_state` accepts the state of the classifier that `fit` returns, and its `can` has the same abilities.

        Args:
            classifier: the untrained classifier of the architecture.
        """


def wrapped(training: Training, classifier: Classifier) -> Classifier:
    """Return an untrained classifier of the kind that the training returns; usually the classifier itself.

    Raises:
        ComponentError: the training raises an exception, or returns something else.
    """
    if not isinstance(training, WrappingTraining):
        return classifier
    made: Classifier = guarded(training, WrappingTraining.wrapped, Classifier)(classifier)
    return made


def checkpoints_of(training: Training) -> int:
    """Return the number of checkpoints of a training; 0 if it does not declare any."""
    return training.checkpoints if isinstance(training, CheckpointedTraining) else 0


def single_pass(training: Training) -> bool:
    """True if a training learns each row of a stream exactly when it arrives."""
    return isinstance(training, StreamTraining) and training.single_pass


def pretrained_by(training: Training) -> Training | None:
    """Return the pretraining of a training, or None if it has none."""
    return training.pretrained_by if isinstance(training, PretrainedTraining) else None


def model_problems(training: Training | None, classifier: Classifier) -> Iterator[str]:
    """Yield the reasons why a training, or its pretraining, does not fit an untrained classifier."""
    if isinstance(training, ModelCheckingTraining):
        yield from sentences_from(training, ModelCheckingTraining.model_problems, classifier)
    if training is not None and (before := pretrained_by(training)) is not None:
        yield from model_problems(before, classifier)


def pretrained_model(training: PretrainedTraining, model: Model, blank: Classifier) -> Classifier | None:
    """Return the model of a training that was trained elsewhere, or None.

    Raises:
        ComponentError: the training raises an exception, or returns something else.
    """
    made = guarded(training, PretrainedTraining.pretrained_model, None)(model, blank)
    if made is not None and not isinstance(made, Classifier):
        raise must_return(training, PretrainedTraining.pretrained_model, f"a Classifier, or None; got {got(made)}.")
    return made


def divided(
    training: PretrainedTraining, splits: Splits, rng: Rng, read: Callable[[Source], Splits]
) -> tuple[Dataset | None, Splits]:
    """Return the rows for the pretraining of a training, or None, and the splits of the training itself.

    Raises:
        ComponentError: the training raises an exception, or returns something else.
    """
    parts = guarded(training, PretrainedTraining.divide, tuple)(splits, rng, read)
    right = len(parts) == 2 and isinstance(parts[0], Dataset | None) and isinstance(parts[1], Splits)
    if not right:
        kinds = ", ".join(got(each) for each in parts)
        raise must_return(training, PretrainedTraining.divide, f"a Dataset or None, and a Splits; got ({kinds}).")
    return parts[0], parts[1]


def load_source(source: Source) -> Splits:
    """Load both splits of a data set: the default of the argument `read` of `divide`."""
    return source.load()
