"""How many trainings a run needs, at most, before it begins."""

from collections.abc import Iterator, Mapping

from antivenom.runner.events import Planned
from antivenom.runner.executors.starting_models import surrogate_fits
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe
from antivenom.training import StreamTraining, pretrained_by

Trainings = set[tuple[object, ...]]


def planned(cells: Mapping[str, ExperimentSettings]) -> Planned:
    """The trainings of all cells.

    All attacks on the same data, model and seed share a control, unless rows are appended or arrive in an order.
    """
    victims = defenders = 0
    controls: Trainings = set()
    surrogates: Trainings = set()
    warm_ups: Trainings = set()
    for name, experiment in cells.items():
        victims += experiment.repeats
        shared = hash(repr(_shared(experiment)))
        own = name if _has_own_control(experiment) else ""
        for repeat in range(experiment.repeats):
            controls.add((shared, repeat, own))
            surrogates.update((shared, *each, repeat) for each in _surrogates(experiment))
            if _is_pretrained(experiment):
                warm_ups.add((shared, repeat))
        defenders += experiment.repeats * _trains_defender(experiment)
    return Planned(tuple(cells), victims, len(controls), len(surrogates), defenders, len(warm_ups))


def _shared(experiment: ExperimentSettings) -> tuple[object, ...]:
    """What a control depends on."""
    parts = [describe(f"{part}s", getattr(experiment, part)) for part in ("dataset", "model", "training")]
    return (*parts, experiment.seed, experiment.train_rows)


def _has_own_control(experiment: ExperimentSettings) -> bool:
    return experiment.attack.appends or isinstance(experiment.training, StreamTraining)


def _surrogates(experiment: ExperimentSettings) -> Iterator[tuple[object, ...]]:
    if "surrogate" in experiment.attack.needs:
        described = hash(repr(describe("surrogates", experiment.surrogate)))
        yield from ((described, stage) for stage in range(surrogate_fits(experiment)))


def _is_pretrained(experiment: ExperimentSettings) -> bool:
    return pretrained_by(experiment.training) is not None


def _trains_defender(experiment: ExperimentSettings) -> bool:
    """Whether the defender trains a model of its own; in a stream, the model that stood when it began will do."""
    stands = isinstance(experiment.training, StreamTraining) and _is_pretrained(experiment)
    return experiment.needs_earlier_model and not stands
