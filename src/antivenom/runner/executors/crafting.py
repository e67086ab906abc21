"""The one path to an experiment's poison: prepare, divide, check, fit the surrogate, poison."""

from dataclasses import dataclass

from antivenom.data import Poisoned, Splits
from antivenom.errors import SettingsError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.runner.executors.starting_models import fit_surrogate
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData, divided
from antivenom.runner.spec.validation import problems_of
from antivenom.shapes import ShortRepr


@dataclass(frozen=True, eq=False, repr=False)
class Crafted(ShortRepr):
    """An experiment's poison, and what it was made from.

    Args:
        data: the rows before anything was poisoned.
        surrogate: the model that the attack was crafted against; None where it needs none.
        poisoned: the poisoned training set.
    """

    data: StartingData
    surrogate: Classifier | None
    poisoned: Poisoned


def stream_of(experiment: ExperimentSettings, number: int) -> Rng:
    """The random stream of a repeat, from which all its other streams come."""
    return Rng(experiment.seed).child("repeat", number)


def prepared(experiment: ExperimentSettings, stages: Stages) -> Splits:
    """The rows that the experiment is done on."""
    return experiment.part(stages.prepare(experiment.dataset))


def starting_data(experiment: ExperimentSettings, splits: Splits, stages: Stages, number: int) -> StartingData:
    """The rows of a repeat before anything is poisoned."""
    return divided(experiment, splits, stream_of(experiment, number), stages.prepare)


def checked_data(experiment: ExperimentSettings, splits: Splits, stages: Stages) -> StartingData:
    """The first repeat's rows, after the settings were checked against them.

    Raises:
        SettingsError: with all problems.
    """
    data = starting_data(experiment, splits, stages, 0)
    if problems := problems_of(experiment, data.splits.train):
        raise SettingsError(problems)
    return data


def craft_poison(experiment: ExperimentSettings, stages: Stages, data: StartingData, number: int) -> Crafted:
    """Fit the surrogate where there is one, and poison the training set."""
    surrogate = surrogate_for(experiment, stages, data, number)
    stream = stream_of(experiment, number).child("attack")
    return Crafted(data, surrogate, stages.poison(experiment.attack, data.splits.train, stream, number, surrogate))


def surrogate_for(experiment: ExperimentSettings, stages: Stages, data: StartingData, number: int) -> Classifier | None:
    """The model that the attack is crafted against; None where it needs none."""
    return fit_surrogate(experiment, data, stages, stream_of(experiment, number).child("surrogate"), number)
