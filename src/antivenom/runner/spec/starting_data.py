"""The rows on which a model is trained before the poisoned data comes, and the rest."""

from collections.abc import Callable
from dataclasses import dataclass

from antivenom.data import Dataset, Source, Splits
from antivenom.rng import Rng
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.training import PretrainedTraining


@dataclass(frozen=True)
class StartingData:
    """The rows of an experiment before anything is poisoned.

    Args:
        known: the clean rows that the model was trained on before; None where it was not.
        splits: what is left to be poisoned and trained on, and to measure on.
    """

    known: Dataset | None
    splits: Splits


def divide_rows(
    experiment: ExperimentSettings, splits: Splits, rng: Rng, read: Callable[[Source], Splits]
) -> StartingData:
    """The rows for what comes before the training, and the rest; `read` reads another data set where there is one."""
    if not isinstance(experiment.training, PretrainedTraining):
        return StartingData(None, splits)
    return StartingData(*experiment.training.divide(splits, rng.child("divide"), read))
