"""What there is before the poisoned data: the model that a training starts from, the attacker's, the defender's."""

from dataclasses import replace

from antivenom.data import Dataset, Splits
from antivenom.models import Classifier, Model
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.runner.scoring.trusted import split_trusted
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData
from antivenom.training import PretrainedTraining, StreamTraining, pretrained_by


def fit_start(
    experiment: ExperimentSettings, data: StartingData, stages: Stages, rng: Rng, role: str, number: int
) -> Classifier | None:
    """The model that the training starts from; None where it starts with new weights."""
    model, training = experiment.model, experiment.training
    if not isinstance(training, PretrainedTraining):
        return None
    start = training.pretrained_model(model, blank_on(stages, model, data.splits.train, rng.child("model")))
    pretraining = training.pretrained_by
    if start is not None or data.known is None or pretraining is None:
        return start
    blank = blank_on(stages, model, data.known, rng.child("model"))
    return stages.fit(role, pretraining, model, blank, data.known, rng.child("fit"), number).classifier


def fit_surrogate(
    experiment: ExperimentSettings, data: StartingData, stages: Stages, rng: Rng, number: int
) -> Classifier | None:
    """The model that the attack is crafted against; None where it needs none.

    For a stream it is what the victim is when the stream begins: a warm-up like the victim's.
    """
    if "surrogate" not in experiment.attack.needs:
        return None
    model, training = experiment.surrogate.recipe(experiment.model, experiment.training)
    like = replace(experiment, model=model, training=training)
    start, train = None, data.splits.train
    if isinstance(training, PretrainedTraining):
        if data.known is not None:
            known = experiment.surrogate.known_rows(data.known, rng.child("known"))
            data = replace(data, known=known)
        start = fit_start(like, data, stages, rng.child("start"), "surrogate", number)
        if data.known is not None and isinstance(training, StreamTraining):
            return start
    blank = blank_on(stages, model, train, rng.child("model"))
    known = experiment.surrogate.known_rows(train, rng.child("known"))
    return stages.fit("surrogate", training, model, blank, known, rng.child("fit"), number, start).classifier


def surrogate_fits(experiment: ExperimentSettings) -> int:
    """How many trainings a surrogate takes, at most: its start, and what comes after where that is no stream."""
    _, training = experiment.surrogate.recipe(experiment.model, experiment.training)
    starts = pretrained_by(training) is not None and isinstance(experiment.training, PretrainedTraining)
    return 1 if not starts or isinstance(training, StreamTraining) else 2


def fit_defender(
    experiment: ExperimentSettings, splits: Splits, stages: Stages, rng: Rng, number: int, start: Classifier | None
) -> tuple[Dataset, Classifier | None, Dataset]:
    """The test rows that are left to measure on; the model before the data came in, where one is asked for; clean rows.

    In a stream that model is the one that stood when it began, where one did; otherwise the defender trains one, in the
    victim's way and from the victim's start, on rows of its own.
    """
    model = experiment.needs_earlier_model
    train, clean, rest = split_trusted(splits.test, experiment.trusted, rng.child("trusted"), model=model)
    if not model:
        return rest, None, clean
    if start is not None and isinstance(experiment.training, StreamTraining):
        return rest, start, clean
    blank = blank_on(stages, experiment.model, splits.train, rng.child("model"))
    training, architecture = experiment.training, experiment.model
    fitted = stages.fit("defender", training, architecture, blank, train, rng.child("fit"), number, start)
    return rest, fitted.classifier, clean


def blank_on(stages: Stages, model: Model, data: Dataset, rng: Rng) -> Classifier:
    """An untrained classifier on the run's device."""
    made = model.build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)
    return made.to(stages.device)
