"""The base of trainings whose members vote: each member trains on its own rows alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Protocol, runtime_checkable

from antivenom.charts import Figure, with_evidence
from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.models import Classifier, row_losses
from antivenom.rng import Rng
from antivenom.settings import ChecksItself, Component, component
from antivenom.threads import using
from antivenom.training.contracts import (
    Callback,
    Epoch,
    PretrainedTraining,
    StreamTraining,
    Training,
    WrappingTraining,
    model_problems,
)
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.population import fit_population

MEMBERS_AT_ONCE = 50
"""The number of members between two calls of the callbacks."""

BASE = EndToEnd(epochs=60, batch_size=16, learning_rate=0.003)
"""The training of each member if none is given: a member has few rows, so it needs more passes over them."""


@runtime_checkable
class Partitioned(Protocol):
    """A training that divides the rows into partitions."""

    @property
    def partitions(self) -> int:
        """The number of partitions."""


@component
class Ensemble:
    """The setting that all trainings of voting classifiers have.

    Args:
        base: the training of each member. It must start with new weights.
    """

    base: Annotated[Training, Component("trainings")] = BASE

    def __post_init__(self) -> None:
        refuse_special(self.base, f"{type(self).__name__}.base")

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield a sentence for each setting that does not fit the data."""
        if isinstance(self, Partitioned) and self.partitions > len(data):
            yield (
                f"partitions must be at most {len(data):,}, the number of training rows; got {self.partitions:,}. Most "
                "networks would have no row."
            )
        if isinstance(self.base, ChecksItself):
            yield from self.base.problems(data)

    def model_problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield a sentence for each reason why the training of the members does not fit a classifier."""
        yield from model_problems(self.base, classifier)


def refuse_special(training: Training, name: str) -> None:
    """Check that a training starts with new weights and returns one network.

    Args:
        training: the training.
        name: the name of the setting, for the message.

    Raises:
        SettingsError: it reads a stream, starts from a pretrained model, or returns another kind of classifier.
    """
    if isinstance(training, PretrainedTraining | StreamTraining | WrappingTraining):
        raise SettingsError(
            [
                f"{name} must be a training that starts with new weights and returns one network, such as end_to_end; "
                f"got {type(training).__name__}."
            ]
        )


def fit_members(
    base: Training,
    classifier: Classifier,
    count: int,
    rows_of: Callable[[int], Dataset],
    rng: Rng,
    callbacks: Sequence[Callback],
    start: Classifier | None = None,
) -> tuple[Classifier, ...]:
    """Train each member on its own rows. The number of a member determines its stream.

    The proofs require that no bit of a member depends on the rows of others. So members are not trained as a stack,
    where the largest member changes the rounding of the others, and each trains in one thread, because the number of
    threads may depend on the number of all rows.

    A member without rows keeps its first weights. Callbacks are called after each group of members, with the mean loss
    of the members of this group on their own rows.

    Args:
        base: the training of each member.
        classifier: the architecture.
        count: the number of members.
        rows_of: returns the rows of a member by its number.
        rng: the stream.
        callbacks: functions that are called after each group of members.
        start: the classifier that each member starts from; new weights if omitted.
    """
    members: list[Classifier] = []
    groups = range(0, count, MEMBERS_AT_ONCE)
    for number, first in enumerate(groups, 1):
        began = time.perf_counter()
        chosen = range(first, min(first + MEMBERS_AT_ONCE, count))
        data, streams = [rows_of(each) for each in chosen], [rng.child("partition", each) for each in chosen]
        with using(1):
            group = _fit_group(base, classifier, data, streams, start)
        losses = [float(row_losses(one, rows).mean()) for one, rows in zip(group, data, strict=True) if len(rows)]
        members += group
        loss = sum(losses) / max(1, len(losses))
        done = Epoch(number, len(groups), loss, time.perf_counter() - began, rows=sum(map(len, data)))
        for callback in callbacks:
            callback(done)
    return tuple(members)


def sizes(counts: Sequence[int]) -> tuple[Figure, ...]:
    """Return figures of the number of rows of the members.

    >>> [figure.value for figure in sizes([3, 5])]
    [3.0, 5.0, 0.0]
    """
    return (
        Figure(name="fewest_rows", value=min(counts), unit="count"),
        Figure(name="most_rows", value=max(counts), unit="count"),
        Figure(name="members_without_rows", value=counts.count(0), unit="count", better="low"),
    )


def _fit_group(
    base: Training, classifier: Classifier, data: Sequence[Dataset], rngs: Sequence[Rng], start: Classifier | None
) -> list[Classifier]:
    group: list[Classifier] = [classifier.fresh(rng.child("weights")) if start is None else start for rng in rngs]
    filled = [place for place, rows in enumerate(data) if len(rows)]
    parts, streams = [data[place] for place in filled], [rngs[place] for place in filled]
    if start is None:
        fitted = fit_population(base, classifier, parts, streams, way="one_by_one")
    else:
        pairs = zip(parts, streams, strict=True)
        fitted = [with_evidence(base.fit(classifier, rows, rng=rng, start=start)).result for rows, rng in pairs]
    for place, one in zip(filled, fitted, strict=True):
        group[place] = one
    return group
