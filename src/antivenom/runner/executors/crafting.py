"""The steps from an experiment to its poison: prepare, divide, check, fit the surrogate, poison."""

from dataclasses import dataclass

from antivenom.data import Poisoned, Splits
from antivenom.errors import SettingsError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.runner.executors.starting_models import fit_surrogate
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData, divide_rows
from antivenom.runner.spec.validation import problems_of
from antivenom.shapes import ShortRepr


@dataclass(frozen=True, eq=False, repr=False)
class Crafted(ShortRepr):
    """An experiment's poison, with the rows and the surrogate that it was made from.

    Args:
        data: the rows before the attack.
        surrogate: the model that the attack was crafted against, or None if the attack does not need one.
        poisoned: the poisoned training set.
    """

    data: StartingData
    surrogate: Classifier | None
    poisoned: Poisoned


def stream_of(experiment: ExperimentSettings, number: int) -> Rng:
    """Return the random stream of a repeat. All other streams of the repeat derive from it."""
    return Rng(experiment.seed).child("repeat", number)


def prepared(experiment: ExperimentSettings, stages: Stages) -> Splits:
    """Return the rows that the experiment uses."""
    return experiment.part(stages.prepare(experiment.dataset))


def starting_data(experiment: ExperimentSettings, splits: Splits, stages: Stages, number: int) -> StartingData:
    """Return the rows of a repeat before the attack."""
    return divide_rows(experiment, splits, stream_of(experiment, number), stages.prepare)


def checked_data(experiment: ExperimentSettings, splits: Splits, stages: Stages) -> StartingData:
    """Check the settings against the first repeat's rows, and return these rows.

    Raises:
        SettingsError: the settings do not fit the rows; the error lists all problems.
    """
    data = starting_data(experiment, splits, stages, 0)
    if problems := problems_of(experiment, data.splits.train):
        raise SettingsError(problems)
    return data


def craft_poison(experiment: ExperimentSettings, stages: Stages, data: StartingData, number: int) -> Crafted:
    """Fit the surrogate if the attack needs one, and poison the training set."""
    surrogate = surrogate_for(experiment, stages, data, number)
    stream = stream_of(experiment, number).child("attack")
    return Crafted(data, surrogate, stages.poison(experiment.attack, data.splits.train, stream, number, surrogate))


def surrogate_for(experiment: ExperimentSettings, stages: Stages, data: StartingData, number: int) -> Classifier | None:
    """Return the model that the attack is crafted against, or None if the attack does not need one."""
    return fit_surrogate(experiment, data, stages, stream_of(experiment, number).child("surrogate"), number)
