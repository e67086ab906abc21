"""Counting the trainings of a run before it begins."""

from collections.abc import Mapping

from antivenom.runner.events import Planned
from antivenom.runner.executors.starting_models import surrogate_fits
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.training import StreamTraining, pretrained_by


def planned(cells: Mapping[str, ExperimentSettings]) -> Planned:
    """Return the plan of all cells. It counts every training, even if the store already has it."""
    repeats = [(experiment, experiment.most_repeats) for experiment in cells.values()]
    pairs = sum(count for _, count in repeats)
    return Planned(
        cells=tuple(cells),
        at_most=any(each.repeat_rule is not None for each in cells.values()),
        victims=pairs,
        controls=pairs,
        surrogates=sum(count * _surrogates(each) for each, count in repeats),
        defenders=sum(count * _trains_defender(each) for each, count in repeats),
        warm_ups=sum(count * _is_pretrained(each) for each, count in repeats),
    )


def _surrogates(experiment: ExperimentSettings) -> int:
    return surrogate_fits(experiment) if "surrogate" in experiment.attack.needs else 0


def _is_pretrained(experiment: ExperimentSettings) -> bool:
    return pretrained_by(experiment.training) is not None


def _trains_defender(experiment: ExperimentSettings) -> bool:
    """Return whether the defender trains its own model. For a stream, it uses the model at the start of the stream."""
    has_earlier_model = isinstance(experiment.training, StreamTraining) and _is_pretrained(experiment)
    return experiment.needs_earlier_model and not has_earlier_model
