"""Train many victims of one architecture, each with its own rows, stream and learning rate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, is_module
from antivenom.rng import Rng
from antivenom.training.contracts import Callback, Training
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.loop import Recipe, checked
from antivenom.training.step import stackable
from antivenom.training.together import Member, bytes_of, train_together
from antivenom.training.workers import check_sendable, in_processes

WayName = Literal["auto", "together", "one_by_one"]

BYTES_TOGETHER = 1 << 16
"""The most bytes of weights per member for which a stack is faster; measured in `benchmarks/population.py`."""

MEMBERS_PER_THREAD = 16
"""The fewest members per thread: smaller stacks have steps so short that threads wait for each other."""

BYTES_OF_STACK = 1 << 28
"""The most bytes of a stack: weights, optimizer state, gathered rows and activations."""


@dataclass(frozen=True)
class Way:
    """The way in which a population was trained.

    Args:
        name: `together` in stacks, or `one_by_one`.
        workers: the number of threads that train stacks together, or of processes that train one by one.
        stack: the largest number of members at once, in one thread or process.
        reason: why, in a sentence.
    """

    name: Literal["together", "one_by_one"]
    workers: int
    stack: int
    reason: str


def fit_population(
    training: Training,
    classifier: Classifier,
    data: Sequence[Dataset],
    rngs: Sequence[Rng],
    *,
    learning_rates: Sequence[float] | None = None,
    callbacks: Sequence[Sequence[Callback]] | None = None,
    way: WayName = "auto",
    workers: int = 1,
    bytes_of_stack: int = BYTES_OF_STACK,
    on_way: Callable[[Way], object] | None = None,
) -> list[Classifier]:
    """Return one trained classifier for each data set, as if `training.fit` had trained them one by one.

    Small perceptrons are trained together, all others one by one. One by one, each classifier has the same bits as
    alone, also in several processes. Together, weights differ at most by rounding; if all members have the same number
    of rows, usually not at all. The choice depends on the network, never on measured time, so it is the same on every
    run.

    Args:
        training: the training setting, such as `EndToEnd`.
        classifier: the architecture. It does not change.
        data: the rows of each member (k data sets); the numbers of rows may differ.
        rngs: the stream of each member (k). It determines first weights and batch orders, as in `training.fit`.
        learning_rates: the learning rate of each member (k), greater than 0; that of the training if omitted.
        callbacks: the callbacks of each member (k), called after each of its epochs. Together, the seconds of an epoch
            are those of all members, divided by their number.
        way: `together`, `one_by_one`, or `auto` for the faster one.
        workers: the number of cores to use, at least 1: threads for stacks of many members, and processes one by one.
            The start of processes takes some seconds. A script that starts them must have
            `if __name__ == "__main__":`.
        bytes_of_stack: the memory budget of members that are trained together, in bytes, apart from data sets. More
            members are trained in several stacks; a stack has at least one member.
        on_way: a function that receives the way that was chosen, before training.

    Returns:
        The classifiers (k), in the order of the data. Figures and charts of a training are left out.

    Raises:
        DataError: the numbers of data sets, streams and learning rates differ, or a data set does not fit.
        SettingsError: a learning rate is not positive, the training has no learning rate, these classifiers cannot be
            trained together, or callbacks or a classifier cannot be sent to another process.
        RunError: a worker process ended early.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits, k = load("digits").train, 3
    >>> blank = MLP(hidden=(16,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> parts = [digits.subset(digits.ids % k == part) for part in range(k)]
    >>> streams = [Rng(part) for part in range(k)]
    >>> trained = fit_population(EndToEnd(epochs=2), blank, parts, streams, on_way=lambda way: print(way.name))
    together
    >>> len(trained)
    3
    """
    _check_numbers(data, rngs, learning_rates, callbacks, workers)
    settings = _settings(training, len(data), learning_rates)
    chosen = _way(training, classifier, data, way, workers, bytes_of_stack)
    if on_way is not None:
        on_way(chosen)
    calls = [()] * len(data) if callbacks is None else callbacks
    members = list(zip(settings, data, rngs, calls, strict=True))
    if any(calls) and workers > 1:
        raise SettingsError([f"callbacks require workers=1; got {workers}."])
    if chosen.name == "together":
        made = [_member(classifier, *member) for member in members]
        train_together(made, most=chosen.stack, threads=chosen.workers)
        return [member.classifier for member in made]
    if chosen.workers == 1:
        return _one_by_one(classifier, members)
    check_sendable(training)
    check_sendable(classifier)
    cuts = [len(data) * part // chosen.workers for part in range(chosen.workers + 1)]
    tasks = [(classifier, members[cuts[part] : cuts[part + 1]]) for part in range(chosen.workers)]
    return [fitted for several in in_processes(_one_by_one, tasks, chosen.workers) for fitted in several]


def _one_by_one(
    classifier: Classifier, members: Sequence[tuple[Training, Dataset, Rng, Sequence[Callback]]]
) -> list[Classifier]:
    """Train members in this process."""
    fitted = [each.fit(classifier, rows, rng=rng, callbacks=calls) for each, rows, rng, calls in members]
    return [one.result if isinstance(one, WithEvidence) else one for one in fitted]


def _member(
    classifier: Classifier, training: Training, data: Dataset, rng: Rng, callbacks: Sequence[Callback] = ()
) -> Member:
    """Return a member with new weights and the streams of `EndToEnd.fit`."""
    assert isinstance(training, EndToEnd)
    first = checked(classifier.fresh(rng.child("weights")), data, training, type(training).__name__)
    return Member(first, data.to(first.device), rng.child("loop"), training, callbacks)


def _way(
    training: Training, classifier: Classifier, data: Sequence[Dataset], way: WayName, workers: int, most: int
) -> Way:
    """Choose how to train. The choice is a function of the network, the training and the rows."""
    workers = min(workers, max(1, len(data)))
    if way == "one_by_one":
        return Way("one_by_one", workers, 1, "It was asked for.")
    if obstacle := _obstacle(training, classifier):
        if way == "together":
            raise SettingsError([f"way must be auto or one_by_one: {obstacle}"])
        return Way("one_by_one", workers, 1, obstacle[0].upper() + obstacle[1:])
    assert is_module(classifier) and isinstance(training, EndToEnd)
    weights = 4 * sum(parameter.numel() for parameter in classifier.module.parameters())
    if not data or (way == "auto" and (weights > BYTES_TOGETHER or len(data) < 2)):
        return Way("one_by_one", workers, 1, f"Stacks of networks with {weights:,} bytes of weights are not faster.")
    widest = max((bytes_of(Member(classifier, rows, Rng(0), training)) for rows in data if len(rows)), default=1)
    stack = max(1, min(len(data), most // widest))
    threads = max(1, min(workers, len(data) // MEMBERS_PER_THREAD))
    return Way("together", threads, stack, f"A small perceptron: {weights:,} bytes of weights.")


def _obstacle(training: Training, classifier: Classifier) -> str:
    """Return why these classifiers cannot be trained together, or an empty text."""
    if type(training) is not EndToEnd:
        return f"only end_to_end can train a stack; the training is {type(training).__name__}."
    if not is_module(classifier) or not classifier.trainable:
        return f"only an nn.Module with trainable weights can be stacked; the classifier is {classifier.name}."
    if not stackable(classifier, training.update_rule, training.precision):
        return (
            "only perceptrons on a CPU can be stacked: flatten, linear layers with biases and their activations, in "
            "float32, without normalisation, hooks or frozen weights."
        )
    return ""


def _check_numbers(
    data: Sequence[Dataset],
    rngs: Sequence[Rng],
    rates: Sequence[float] | None,
    callbacks: Sequence[Sequence[Callback]] | None,
    workers: int,
) -> None:
    for name, values in (("rngs", rngs), ("learning_rates", rates), ("callbacks", callbacks)):
        if values is not None and len(values) != len(data):
            raise DataError(f"`data` and `{name}` must be equally long; got {len(data)} and {len(values)}.")
    if workers < 1:
        raise SettingsError([f"workers must be at least 1; got {workers}."])


def _settings(training: Training, count: int, rates: Sequence[float] | None) -> list[Training]:
    """Return the training of each member."""
    if rates is None:
        return [training] * count
    if not isinstance(training, Recipe):
        name = type(training).__name__
        raise SettingsError([f"{name} has no learning rate to replace; got `learning_rates`. Omit them."])
    return [replace(training, learning_rate=rate) for rate in rates]
