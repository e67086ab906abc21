"""Train many victims of one architecture, each with its own rows, stream and learning rate."""

from collections.abc import Sequence
from dataclasses import replace

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.training.contracts import Training
from antivenom.training.loop import Recipe


def fit_population(
    training: Training,
    classifier: Classifier,
    data: Sequence[Dataset],
    rngs: Sequence[Rng],
    *,
    learning_rates: Sequence[float] | None = None,
) -> list[Classifier]:
    """Return one trained classifier for each data set, as if `training.fit` had trained them one by one.

    Args:
        training: the training setting, such as `EndToEnd`.
        classifier: the architecture. It does not change.
        data: the rows of each member (k data sets); the numbers of rows may differ.
        rngs: the stream of each member (k). It determines first weights and batch orders, as in `training.fit`.
        learning_rates: the learning rate of each member (k), greater than 0; that of the training if omitted.

    Returns:
        The classifiers (k), in the order of the data. Figures and charts of a training are left out.

    Raises:
        DataError: the numbers of data sets, streams and learning rates differ, or a data set does not fit.
        SettingsError: a learning rate is not positive, or the training has no learning rate.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.training.end_to_end import EndToEnd
    >>> digits, k = load("digits").train, 3
    >>> blank = MLP(hidden=(16,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> parts = [digits.subset(digits.ids % k == part) for part in range(k)]
    >>> trained = fit_population(EndToEnd(epochs=2), blank, parts, [Rng(part) for part in range(k)])
    >>> len(trained)
    3
    """
    _check_lengths(data, rngs, learning_rates)
    settings = _settings(training, len(data), learning_rates)
    fitted = [each.fit(classifier, rows, rng=rng) for each, rows, rng in zip(settings, data, rngs, strict=True)]
    return [one.result if isinstance(one, WithEvidence) else one for one in fitted]


def _check_lengths(data: Sequence[Dataset], rngs: Sequence[Rng], rates: Sequence[float] | None) -> None:
    if len(data) != len(rngs):
        raise DataError(f"`data` and `rngs` must be equally long; got {len(data)} and {len(rngs)}.")
    if rates is not None and len(rates) != len(data):
        raise DataError(f"`data` and `learning_rates` must be equally long; got {len(data)} and {len(rates)}.")


def _settings(training: Training, count: int, rates: Sequence[float] | None) -> list[Training]:
    """Return the training of each member."""
    if rates is None:
        return [training] * count
    if not isinstance(training, Recipe):
        name = type(training).__name__
        raise SettingsError([f"{name} has no learning rate to replace; got `learning_rates`. Omit them."])
    return [replace(training, learning_rate=rate) for rate in rates]
