"""Checking that an experiment's settings fit its data and its model, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from antivenom.calling import sentences_from
from antivenom.data import Dataset
from antivenom.data.needs import range_advice, unmet_needs
from antivenom.defences import Detector, Filter, RecoversTriggers, Scan, StreamDefence
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import Classifier, is_module
from antivenom.models.require import ADVICE, PHRASE, advice_without
from antivenom.rng import Rng
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import ChecksItself, describe, needs_of
from antivenom.training import (
    PretrainedTraining,
    checkpoints_of,
    model_problems,
    pretrained_model,
    single_pass,
    wrapped,
)

MAX_CLASSES = 10_000
"""The largest number of classes. Confusion matrices have its square of numbers."""


def problems_of(experiment: ExperimentSettings, train: Dataset) -> list[str]:
    """Return the reasons why the settings do not fit the data, one sentence each; empty if they fit."""
    problems = [*_classes(train), *_unknown_defences(experiment), *_with_data(experiment, train), *_streams(experiment)]
    problems += _triggers(experiment)
    return problems or list(_with_model(experiment, train))


def parts_of(experiment: ExperimentSettings) -> Iterator[tuple[str, Any]]:
    """Yield every component of the experiment, after its place in the spec."""
    for path in ("attack", "model", "training"):
        yield f"{path} ({describe(f'{path}s', getattr(experiment, path))['name']})", getattr(experiment, path)
    groups: Mapping[str, Mapping[str, object]] = {
        "defences": experiment.defences_by_name,
        "repairs": experiment.repairs_by_name,
        "analysis": experiment.analyses,
    }
    for group, members in groups.items():
        for index, (name, part) in enumerate(members.items()):
            yield f"{group}[{index}]: {name}", part


def _classes(train: Dataset) -> Iterator[str]:
    if len(train.classes) > MAX_CLASSES:
        yield (
            f"dataset must have at most {MAX_CLASSES:,} classes, because every pair of classes is counted; got "
            f"{len(train.classes):,}. Check the labels: one wrong label can add very many classes."
        )


def _unknown_defences(experiment: ExperimentSettings) -> Iterator[str]:
    defences: Mapping[str, object] = experiment.defences_by_name
    for index, (name, each) in enumerate(defences.items()):
        if not isinstance(each, Detector | Filter | Scan | StreamDefence):
            yield (
                f"defences[{index}]: {name} must be a detector, a filter, a scan or a stream defence. Decorate it with "
                "@component, and add the attributes that the contract in antivenom.defences requires."
            )


def _with_data(experiment: ExperimentSettings, train: Dataset) -> Iterator[str]:
    without_range = list[str]()
    for path, part in parts_of(experiment):
        if "images" in needs_of(part) and not train.is_image:
            yield f"{path} requires images; got rows of the shape {tuple(train.shape)}."
        if "bounds" in needs_of(part) and train.bounds is None:
            without_range.append(path)
        if "tokens" in needs_of(part):
            yield f"{path} requires tokens. No data set provides tokens yet."
    if without_range:
        verb = "requires" if len(without_range) == 1 else "require"
        yield f"{', '.join(without_range)} {verb} the range of the data. {range_advice(train)}"
    checked = (("attack", experiment.attack, train), ("training", experiment.training, train))
    for kind, part, subject in (*checked, ("model", experiment.model, train.shape)):
        if isinstance(part, ChecksItself):
            name = describe(f"{kind}s", part)["name"]
            reported = set(unmet_needs(train, frozenset(needs_of(part))))
            sentences = sentences_from(part, ChecksItself.problems, subject)
            yield from (f"{kind} ({name}) {problem}" for problem in sentences if problem not in reported)


def _streams(experiment: ExperimentSettings) -> Iterator[str]:
    training = experiment.training
    for index, (name, each) in enumerate(experiment.defences_by_name.items()):
        if not isinstance(each, StreamDefence):
            continue
        if not single_pass(training):
            yield (
                f"defences[{index}]: {name} requires a stream, which the training {_name(experiment)} does not read. "
                "Use a training such as online."
            )
        elif (kept := checkpoints_of(training)) < each.min_checkpoints:
            yield (
                f"defences[{index}]: {name} requires at least {each.min_checkpoints} checkpoints; "
                f"the training keeps {kept}. Increase training.checkpoints."
            )


def _triggers(experiment: ExperimentSettings) -> Iterator[str]:
    if any(isinstance(scan, RecoversTriggers) for scan in experiment.scans.values()):
        return
    for index, (name, each) in enumerate(experiment.repairs_by_name.items()):
        if "triggers" in needs_of(each):
            yield f"repairs[{index}]: {name} requires a scan that recovers triggers. Add one, such as neural_cleanse."


def _with_model(experiment: ExperimentSettings, train: Dataset) -> Iterator[str]:
    try:
        made = experiment.blank(train, Rng(experiment.seed))
        if isinstance(experiment.training, PretrainedTraining):
            pretrained_model(experiment.training, experiment.model, made)
    except SettingsError as error:
        yield from (f"model: {problem}" for problem in error.problems)
        return
    except (RuntimeError, MemoryError, OverflowError, TypeError) as error:  # torch, for sizes that no machine has
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield f"model ({describe('models', experiment.model)['name']}) cannot be built: {words}"
        return
    try:
        missing = list(_abilities(experiment, made))
        yield from missing or _own_checks(experiment, made)
    except CapabilityError as error:  # a training that cannot wrap this model
        yield f"training ({_name(experiment)}): {error}"


def _abilities(experiment: ExperimentSettings, made: Classifier) -> Iterator[str]:
    training = experiment.training
    yield from _lacking(f"training ({_name(experiment)})", training, made)
    if needs_of(training) & ADVICE.keys() - made.can:
        return
    trained = wrapped(training, made)
    for path, part in parts_of(experiment):
        if not path.startswith(("attack", "model", "training")):  # an attack uses the surrogate, not the model
            yield from _lacking(path, part, trained)


def _lacking(path: str, part: object, made: Classifier) -> Iterator[str]:
    for need in sorted(needs_of(part) & ADVICE.keys() - made.can):
        lacks = f"{path} requires {PHRASE.get(need, need)}, which the model {made.name} does not provide."
        yield f"{lacks} {advice_without(need, made)}" if is_module(made) else lacks


def _own_checks(experiment: ExperimentSettings, made: Classifier) -> Iterator[str]:
    yield from (f"training ({_name(experiment)}) {each}" for each in model_problems(experiment.training, made))
    made = wrapped(experiment.training, made)
    for path, part in parts_of(experiment):
        if not path.startswith(("attack", "model", "training")) and isinstance(part, ChecksItself):
            yield from (f"{path}: {problem}" for problem in sentences_from(part, ChecksItself.problems, made))


def _name(experiment: ExperimentSettings) -> str:
    return str(describe("trainings", experiment.training)["name"])
