"""The models that exist before the poisoned data: the starting model, the attacker's and the defender's."""

from dataclasses import replace

from antivenom.calling import guarded, must_return
from antivenom.data import Dataset, Splits
from antivenom.models import Classifier, Model
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.runner.scoring.trusted import split_trusted
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData
from antivenom.settings import short
from antivenom.surrogates import Surrogate
from antivenom.training import PretrainedTraining, StreamTraining, Training, pretrained_by, pretrained_model


def fit_start(
    experiment: ExperimentSettings, data: StartingData, stages: Stages, rng: Rng, role: str, number: int
) -> Classifier | None:
    """Return the model that the training starts from, or None if it starts with new weights."""
    model, training = experiment.model, experiment.training
    if not isinstance(training, PretrainedTraining):
        return None
    start = pretrained_model(training, model, build_blank(stages, model, data.splits.train, rng.child("model")))
    pretraining = training.pretrained_by
    if start is not None or data.known is None or pretraining is None:
        return start
    blank = build_blank(stages, model, data.known, rng.child("model"))
    return stages.fit(role, pretraining, model, blank, data.known, rng.child("fit"), number).classifier


def fit_surrogate(
    experiment: ExperimentSettings, data: StartingData, stages: Stages, rng: Rng, number: int
) -> Classifier | None:
    """Return the model that the attack is crafted against, or None if the attack does not need one.

    For a stream, it is trained like the victim up to the start of the stream: a warm-up with the same settings.
    """
    if "surrogate" not in experiment.attack.needs:
        return None
    model, training = _recipe(experiment)
    like = replace(experiment, model=model, training=training)
    start, train = None, data.splits.train
    if isinstance(training, PretrainedTraining):
        if data.known is not None:
            known = _known_rows(experiment, data.known, rng.child("known"))
            data = replace(data, known=known)
        start = fit_start(like, data, stages, rng.child("start"), "surrogate", number)
        if data.known is not None and isinstance(training, StreamTraining):
            return start
    blank = build_blank(stages, model, train, rng.child("model"))
    known = _known_rows(experiment, train, rng.child("known"))
    return stages.fit("surrogate", training, model, blank, known, rng.child("fit"), number, start).classifier


def _recipe(experiment: ExperimentSettings) -> tuple[Model, Training]:
    """Return the architecture and the training of the surrogate."""
    recipe = guarded(experiment.surrogate, Surrogate.recipe, tuple)(experiment.model, experiment.training)
    if len(recipe) != 2 or not isinstance(recipe[0], Model) or not isinstance(recipe[1], Training):
        raise must_return(experiment.surrogate, Surrogate.recipe, f"a model and a training; got {short(recipe)}.")
    return recipe[0], recipe[1]


def _known_rows(experiment: ExperimentSettings, data: Dataset, rng: Rng) -> Dataset:
    """Return the rows that the surrogate is trained on."""
    known: Dataset = guarded(experiment.surrogate, Surrogate.known_rows, Dataset)(data, rng)
    return known


def surrogate_fits(experiment: ExperimentSettings) -> int:
    """Return the largest number of trainings of a surrogate: its pretraining, and its training unless on a stream."""
    _, training = _recipe(experiment)
    starts = pretrained_by(training) is not None and isinstance(experiment.training, PretrainedTraining)
    return 1 if not starts or isinstance(training, StreamTraining) else 2


def fit_defender(
    experiment: ExperimentSettings, splits: Splits, stages: Stages, rng: Rng, number: int, start: Classifier | None
) -> tuple[Dataset, Classifier | None, Dataset]:
    """Return the test rows to measure on, the defender's model from before the data or None, and the clean rows.

    For a stream, the defender's model is the starting model, if there is one. Otherwise the defender trains a model
    on its own rows, with the victim's training and from the victim's start.
    """
    model = experiment.needs_earlier_model
    train, clean, rest = defender_rows(experiment, splits.test, rng)
    if not model:
        return rest, None, clean
    if start is not None and isinstance(experiment.training, StreamTraining):
        return rest, start, clean
    blank = build_blank(stages, experiment.model, splits.train, rng.child("model"))
    training, architecture = experiment.training, experiment.model
    fitted = stages.fit("defender", training, architecture, blank, train, rng.child("fit"), number, start)
    return rest, fitted.classifier, clean


def defender_rows(experiment: ExperimentSettings, test: Dataset, rng: Rng) -> tuple[Dataset, Dataset, Dataset]:
    """Return the defender's rows to train a model on, its other rows, and the rest of the test set to measure on."""
    model = experiment.needs_earlier_model
    return split_trusted(test, experiment.trusted, rng.child("trusted"), model=model)


def build_blank(stages: Stages, model: Model, data: Dataset, rng: Rng) -> Classifier:
    """Return an untrained classifier on the run's device."""
    build = guarded(model, Model.build, Classifier)
    made: Classifier = build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)
    return made.to(stages.device)
