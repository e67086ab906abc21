"""Dividing a data set into the rows for pretraining and the rest."""

from collections.abc import Callable
from dataclasses import dataclass

from antivenom.data import Dataset, Source, Splits
from antivenom.rng import Rng
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.training import PretrainedTraining, divided


@dataclass(frozen=True)
class StartingData:
    """The rows of an experiment before the attack.

    Args:
        known: the clean rows for pretraining, or None without pretraining.
        splits: the rows to poison and train on, and the rows to measure on.
    """

    known: Dataset | None
    splits: Splits


def divide_rows(
    experiment: ExperimentSettings, splits: Splits, rng: Rng, read: Callable[[Source], Splits]
) -> StartingData:
    """Return the rows for pretraining and the rest. `read` reads another data set if the pretraining uses one."""
    if not isinstance(experiment.training, PretrainedTraining):
        return StartingData(None, splits)
    return StartingData(*divided(experiment.training, splits, rng.child("divide"), read))
