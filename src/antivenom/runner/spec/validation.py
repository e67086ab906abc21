"""Whether an experiment's settings fit its data and its model: all problems at once, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from antivenom.data import Dataset
from antivenom.defences import Detector, Filter, RecoversTriggers, Scan, StreamDefence
from antivenom.errors import SettingsError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import ChecksItself, describe, needs_of
from antivenom.training import PretrainedTraining, checkpoints_of, single_pass

OF_CLASSIFIERS = {"gradients": "gradients", "features": "layers", "incremental": "updates batch by batch"}
OF_CLASSIFIERS |= {"probabilities": "probabilities"}


def problems_of(experiment: ExperimentSettings, train: Dataset) -> list[str]:
    """Why the settings do not fit the data, a sentence each; empty where they do."""
    found = [*_unknown_defences(experiment), *_with_data(experiment, train), *_streams(experiment)]
    found += _triggers(experiment)
    return found or list(_with_model(experiment, train))


def _parts(experiment: ExperimentSettings) -> Iterator[tuple[str, Any]]:
    """Every component of the experiment, and where it stands in the spec."""
    for path in ("attack", "model", "training"):
        yield f"{path} ({describe(f'{path}s', getattr(experiment, path))['name']})", getattr(experiment, path)
    groups: Mapping[str, Mapping[str, object]] = {
        "defences": experiment.defences_by_name,
        "repairs": experiment.repairs_by_name,
        "analysis": experiment.analyses,
    }
    for group, members in groups.items():
        for name, part in members.items():
            yield f"{group}: {name}", part


def _unknown_defences(experiment: ExperimentSettings) -> Iterator[str]:
    defences: Mapping[str, object] = experiment.defences_by_name
    for name, each in defences.items():
        if not isinstance(each, Detector | Filter | Scan | StreamDefence):
            yield (
                f"defences: {name} is not a detector, a filter, a scan or a stream defence. Decorate it with "
                "@component and give it the attributes that its contract in antivenom.defences names."
            )


def _with_data(experiment: ExperimentSettings, train: Dataset) -> Iterator[str]:
    for path, part in _parts(experiment):
        if "images" in needs_of(part) and not train.is_image:
            yield f"{path} requires images; the data's rows are {train.shape}."
        if "bounds" in needs_of(part) and train.bounds is None:
            yield f"{path} requires data of a known range. Give the data set bounds."
        if "tokens" in needs_of(part):
            yield f"{path} requires tokens, which no data set provides yet."
    checked = (("attack", experiment.attack, train), ("training", experiment.training, train))
    for kind, part, subject in (*checked, ("model", experiment.model, train.shape)):
        if isinstance(part, ChecksItself):
            name = describe(f"{kind}s", part)["name"]
            yield from (f"{kind} ({name}) {problem}" for problem in part.problems(subject))


def _streams(experiment: ExperimentSettings) -> Iterator[str]:
    training = experiment.training
    for name, each in experiment.stream_defences.items():
        if not single_pass(training):
            yield f"defences: {name} looks back along a stream, which the training {_name(experiment)} does not read."
        elif (kept := checkpoints_of(training)) < each.min_checkpoints:
            yield f"defences: {name} requires {each.min_checkpoints} checkpoints of the training; it keeps {kept}."


def _triggers(experiment: ExperimentSettings) -> Iterator[str]:
    if any(isinstance(scan, RecoversTriggers) for scan in experiment.scans.values()):
        return
    for name, each in experiment.repairs_by_name.items():
        if "triggers" in needs_of(each):
            yield f"repairs: {name} requires a scan that recovers triggers. Name one, such as neural_cleanse."


def _with_model(experiment: ExperimentSettings, train: Dataset) -> Iterator[str]:
    try:
        made = experiment.blank(train, Rng(experiment.seed))
        if isinstance(experiment.training, PretrainedTraining):
            experiment.training.pretrained_model(experiment.model, made)
    except SettingsError as error:
        yield from (f"model: {problem}" for problem in error.problems)
        return
    except (RuntimeError, MemoryError, OverflowError, TypeError) as error:  # torch, of sizes that no machine has
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield f"model ({describe('models', experiment.model)['name']}) cannot be built: {words}"
        return
    lacking = list(_abilities(experiment, made))
    yield from lacking or _own_checks(experiment, made)


def _abilities(experiment: ExperimentSettings, made: Classifier) -> Iterator[str]:
    for path, part in _parts(experiment):
        if path.startswith(("attack", "model")):
            continue  # an attack asks its surrogate
        for need in sorted(needs_of(part) & OF_CLASSIFIERS.keys() - made.can):
            yield f"{path} requires {OF_CLASSIFIERS[need]}, which the model {made.name} does not provide."


def _own_checks(experiment: ExperimentSettings, made: Classifier) -> Iterator[str]:
    for path, part in _parts(experiment):
        if not path.startswith(("attack", "model", "training")) and isinstance(part, ChecksItself):
            yield from (f"{path}: {problem}" for problem in part.problems(made))


def _name(experiment: ExperimentSettings) -> str:
    return str(describe("trainings", experiment.training)["name"])
