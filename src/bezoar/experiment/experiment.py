"""One experiment: a data set, a model, an attack and a training setting, repeated over seeds, with a control each."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Interval

from bezoar.attacks import Attack
from bezoar.data import CLEAN, Dataset, Source, Splits
from bezoar.data.sources.digits import Digits
from bezoar.defences import Detector
from bezoar.errors import BezoarError, SettingsError
from bezoar.experiment.defend import Defender, Found, detect, split_trusted, too_few
from bezoar.experiment.doubts import doubts
from bezoar.experiment.events import Planned, Tell, silent
from bezoar.experiment.files import held
from bezoar.experiment.measure import by_round, examples, measure, summarise, trajectory
from bezoar.experiment.result import Repeat, Result, about_machine, prepare_folder
from bezoar.experiment.stages import Stages
from bezoar.experiment.store import Store
from bezoar.experiment.study import Analysis, study
from bezoar.experiment.yaml12 import dump_yaml
from bezoar.goals.backdoor import Backdoor
from bezoar.models import Classifier, Model
from bezoar.models.cnn import CNN
from bezoar.registry import name_of
from bezoar.rng import Rng
from bezoar.settings import AtLeastOne, Component, Count, component, describe, describe_fields
from bezoar.surrogates import Surrogate
from bezoar.surrogates.trained import Trained
from bezoar.training import Training
from bezoar.training.end_to_end import EndToEnd


@component
class Experiment:
    """A data set, a model, an attack and a training setting: victims and their controls, over several seeds.

    Args:
        name: names the run and its folder.
        dataset: where the data comes from; in Python also `Splits`.
        model: the architecture; in Python also a classifier from `as_classifier`, which is trained afresh.
        attack: what is done to the training data.
        training: how victim and control are trained.
        seed: from which all randomness follows.
        repeats: how many times all is done, each with a seed of its own.
        surrogate: the model that an attack is crafted against, where it needs one.
        train_rows: train on so many rows, drawn from the training set; null for all.
        defences: detectors, which score the rows that the victim trains on.
        trusted: where there are defences, the share of the test set that the defender has: one half to train a model
            of its own on, the other to set thresholds; nothing is measured on these rows.
        analysis: what is asked of the features, layer by layer, victim against control: `similarity` (CKA), `probes`,
            `drift`.

    >>> from bezoar.attacks import BadNets
    >>> from bezoar.models import MLP
    >>> experiment = Experiment(model=MLP(), attack=BadNets(target=7), training=EndToEnd(epochs=8))
    >>> result = experiment.run()
    >>> result.metrics["attack_success_rate"]["mean"] > result.metrics["control_attack_success_rate"]["mean"]
    True
    """

    name: str = "experiment"
    dataset: Annotated[Source, Component("datasets")] = Digits()
    model: Annotated[Model, Component("models")] = CNN()
    attack: Annotated[Attack, Component("attacks")]
    training: Annotated[Training, Component("trainings")] = EndToEnd()
    seed: Count = 0
    repeats: AtLeastOne = 1
    surrogate: Annotated[Surrogate, Component("surrogates")] = Trained()
    train_rows: AtLeastOne | None = None
    defences: tuple[Annotated[Detector, Component("defences")], ...] = ()
    trusted: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    analysis: tuple[Analysis, ...] = ()

    def __post_init__(self) -> None:
        names = [name_of("defences", type(defence)) for defence in self.defences]
        if len(set(names)) < len(names):
            raise SettingsError([f"Experiment.defences names {max(names, key=names.count)} more than once."])

    def run(
        self,
        *,
        out: Path | str | None = None,
        store: Store | None = None,
        device: str = "auto",
        tell: Tell = silent,
    ) -> Result:
        """Run all stages.

        Args:
            out: the run's folder; nothing is written where left out.
            store: where finished stages are kept and found; None computes everything anew.
            device: `cpu`, `cuda`, …, or `auto`: CUDA where there is one.
            tell: told what happens.

        Raises:
            SettingsError: the settings do not fit the data; nothing has been written then.
            DataError: the data is missing or damaged.
        """
        return run_cells({"": self}, out=out, store=store, device=device, tell=tell)[""]

    @property
    def detectors(self) -> dict[str, Detector]:
        """The defences by name."""
        return {name_of("defences", type(each)): each for each in self.defences}

    def blank(self, data: Dataset, rng: Rng) -> Classifier:
        """An untrained classifier for such data."""
        return self.model.build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)

    def part(self, splits: Splits) -> Splits:
        """The rows that the experiment is done on.

        Raises:
            SettingsError: it wants more than there are.
        """
        kept = round(self.trusted * len(splits.test))
        if self.defences and not 2 <= kept < len(splits.test):
            given = f"trusted is {self.trusted}: {kept} of {len(splits.test)} test rows are the defender's."
            raise SettingsError([f"{given} It needs two, and leaves one at least to measure on."])
        if self.train_rows is None:
            return splits
        if self.train_rows > len(splits.train):
            raise SettingsError([f"train_rows is {self.train_rows}; the data set has {len(splits.train)}."])
        chosen = Rng(self.seed).child("train_rows").order(splits.train.ids)[: self.train_rows]
        return Splits(train=splits.train.subset(torch.sort(chosen).values), test=splits.test)

    def problems(self, train: Dataset) -> list[str]:
        """Why the settings do not fit the data."""
        found = []
        parts = (("attack", self.attack, train), ("model", self.model, train.shape), ("training", self.training, train))
        for path, part, subject in parts:
            if callable(ask := getattr(part, "problems", None)):
                found += [f"{path} ({describe(f'{path}s', part)['name']}) {problem}" for problem in ask(subject)]
        if not found:
            try:
                self.blank(train, Rng(self.seed))
            except SettingsError as error:
                found += [f"model: {problem}" for problem in error.problems]
            except (RuntimeError, MemoryError, OverflowError, TypeError) as error:  # torch, of sizes that nobody has
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
                found += [f"model ({describe('models', self.model)['name']}) cannot be built: {said}"]
        return found


def run_cells(
    cells: dict[str, Experiment],
    *,
    out: Path | str | None,
    store: Store | None,
    device: str,
    tell: Tell,
    spec: str | None = None,
) -> dict[str, Result]:
    """Run experiments one after the other, after all of them have been held against their data.

    With `out`, a lone experiment is written there. The cells of a sweep, whose own spec is `spec`, are written below
    `out/cells`, each when it is done.
    """
    chosen = choose_device(device)
    first: dict[str, Splits] = {}
    problems: dict[str, None] = {}
    for name, experiment in cells.items():
        stages = Stages(store, chosen)
        known = repr(describe("datasets", experiment.dataset)) + repr(id(experiment.dataset))
        if known not in first:
            first = {known: stages.prepare(experiment.dataset)}
        prefix = f"{name}: " if name and len(cells) > 1 else ""
        try:
            rng = Rng(experiment.seed).child("repeat", 0)
            found = experiment.problems(open_with(experiment, experiment.part(first[known]), rng).splits.train)
        except SettingsError as error:
            found = list(error.problems)
        problems |= dict.fromkeys(f"{prefix}{problem}" for problem in found)
    if problems:
        raise SettingsError(problems)
    with nullcontext() if out is None else held(Path(out)):
        if out is not None:
            prepare_folder(Path(out), spec or dump_yaml(describe_fields(cells[""])))
        tell(_planned(cells))
        results = {}
        for name, experiment in cells.items():
            result = _run(experiment, Stages(store, chosen, name, tell))
            if out is not None:
                result.save(Path(out) / "cells" / name if name else Path(out))
            results[name] = result
    return results


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one.

    Raises:
        BezoarError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BezoarError(_no_device(name)) from error
    if device.type == "cpu" and device.index:
        raise BezoarError(_no_device(name))
    return device


def _no_device(name: str) -> str:
    there = ["auto", "cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return f"There is no device '{name}' here. There are: {', '.join(there)}."


def _run(experiment: Experiment, stages: Stages) -> Result:
    splits = experiment.part(stages.prepare(experiment.dataset))
    repeats = [_repeat(experiment, splits, stages, number) for number in range(experiment.repeats)]
    metrics = summarise([repeat.values for repeat in repeats])
    found = doubts(
        metrics,
        classes=len(splits.train.classes),
        test_rows=len(splits.test),
        backdoor=isinstance(repeats[0].poisoned.goal, Backdoor),
    )
    kept = max(2, round(experiment.trusted * len(splits.test)))
    assumed = getattr(repeats[0].victim, "assumptions", ()) if isinstance(experiment.model, Classifier) else ()
    about = {**about_machine(stages.device, experiment.seed), "stages": stages.timings}
    doubted = (*found, *too_few(experiment.detectors, kept - kept // 2), *assumed)
    return Result(dump_yaml(describe_fields(experiment)), tuple(repeats), metrics, doubted, about)


def _repeat(experiment: Experiment, splits: Splits, stages: Stages, number: int) -> Repeat:
    rng = Rng(experiment.seed).child("repeat", number)
    opening = open_with(experiment, splits, rng)
    splits, start = opening.splits, fit_start(experiment, opening, stages, rng.child("start"), "warm-up", number)
    surrogate = fit_surrogate(experiment, opening, stages, rng.child("surrogate"), number)
    poisoned = stages.poison(experiment.attack, splits.train, rng.child("attack"), number, surrogate)
    blank = _blank(experiment.model, splits.train, stages, rng.child("model"))
    test, defender = splits.test, None
    if experiment.defences:
        standing = start if is_stream(experiment.training) else None
        test, defender = _defender(experiment, splits, stages, rng.child("defender"), number, standing)
    twin = rng.child("fit")  # one stream for both: same weights, same order
    fed = {"victim": poisoned.data, "control": poisoned.control(rng.child("control"))}
    if is_stream(experiment.training):
        order = experiment.training.arrange(poisoned.roles, poisoned.data.ids, rng.child("arrival"))  # type: ignore[attr-defined]
        fed = {role: data.subset(order) for role, data in fed.items()}
    victim, control = (
        stages.fit(role, experiment.training, experiment.model, blank, data, twin, number, start)
        for role, data in fed.items()
    )
    measured = stages.timed(number, "measure", lambda: measure(poisoned, victim, control, test))
    found = Found({}, {})
    if defender is not None:
        detectors = experiment.detectors
        given = Defender(before=defender[0], after=victim.classifier, clean=defender[1])
        found = stages.timed(number, "defend", lambda: detect(detectors, poisoned, given, rng.child("detect")))
    learned = Found({}, {})
    if experiment.analysis:
        both = (victim.classifier, control.classifier)
        learned = stages.timed(
            number, "analyse", lambda: study(experiment.analysis, *both, poisoned, test, rng.child("analyse"))
        )
    shown = {}
    if number == 0:
        pictures = examples(poisoned, victim.classifier, control.classifier, test)
        pictures |= by_round(poisoned, surrogate, getattr(experiment.attack, "victim_step", None), test)
        if victim.checkpoints:
            once = getattr(experiment.training, "schedule", "stream") == "stream"
            rows = len(fed["victim"]) * (1 if once else len(victim.checkpoints))
            pictures |= trajectory(poisoned.goal, (victim, control), start, blank, test, rows)
            if is_stream(experiment.training) and once:
                pictures["poison_arrivals"] = torch.nonzero(poisoned.roles[order] != CLEAN).flatten()
        shown = {**{name: tensor.cpu().numpy() for name, tensor in pictures.items()}, **found.scores, **learned.scores}
    return Repeat(
        victim=victim.classifier,
        control=control.classifier,
        poisoned=poisoned,
        values={**measured.values, **found.values, **learned.values},
        losses=(victim.losses, control.losses),
        confusion=measured.confusion.numpy(),
        examples=shown,
    )


@dataclass(frozen=True)
class Opening:
    """What a training starts from.

    Attributes:
        known: the clean rows that the model was trained on before; None where it was not.
        splits: what is left to be poisoned and trained on, and to measure on.
    """

    known: Dataset | None
    splits: Splits


def open_with(experiment: Experiment, splits: Splits, rng: Rng) -> Opening:
    """The rows for what comes before the training, and the rest."""
    if not callable(divide := getattr(experiment.training, "divide", None)):
        return Opening(None, splits)
    return Opening(*divide(splits, rng.child("divide")))


def is_stream(training: Training) -> bool:
    """Whether rows come in one after the other, and the referee says in which order."""
    return callable(getattr(training, "arrange", None))


def fit_start(
    experiment: Experiment, opening: Opening, stages: Stages, rng: Rng, role: str, number: int
) -> Classifier | None:
    """The model that the training starts from; None where it starts with new weights."""
    before = getattr(experiment.training, "before", None)
    if opening.known is None or before is None:
        return None
    blank = _blank(experiment.model, opening.known, stages, rng.child("model"))
    return stages.fit(role, before, experiment.model, blank, opening.known, rng.child("fit"), number).classifier


def fit_surrogate(experiment: Experiment, opening: Opening, stages: Stages, rng: Rng, number: int) -> Classifier | None:
    """The model that the attack is crafted against; None where it needs none.

    For a stream it is what the victim is when the stream begins: a warm-up like the victim's.
    """
    if "surrogate" not in getattr(experiment.attack, "needs", ()):
        return None
    model, training = experiment.surrogate.recipe(experiment.model, experiment.training)
    like = replace(experiment, model=model, training=training)
    start, train = None, opening.splits.train
    if opening.known is not None and callable(getattr(training, "divide", None)):
        known = experiment.surrogate.knows(opening.known, rng.child("known"))
        start = fit_start(like, replace(opening, known=known), stages, rng.child("start"), "surrogate", number)
        if is_stream(training):
            return start
    blank = _blank(model, train, stages, rng.child("model"))
    known = experiment.surrogate.knows(train, rng.child("known"))
    return stages.fit("surrogate", training, model, blank, known, rng.child("fit"), number, start).classifier


def _defender(
    experiment: Experiment, splits: Splits, stages: Stages, rng: Rng, number: int, standing: Classifier | None
) -> tuple[Dataset, tuple[Classifier | None, Dataset]]:
    """The test rows that are left to measure on; the model before the data came in, where one is asked for; clean rows.

    That model is the one that stood, where one did, and otherwise one that the defender trains on rows of its own.
    """
    train, clean, rest = split_trusted(splits.test, experiment.trusted, rng.child("trusted"))
    if not any(getattr(defence, "arrival", False) for defence in experiment.defences):
        return rest, (None, clean)
    if standing is not None:
        return rest, (standing, clean)
    blank = _blank(experiment.model, splits.train, stages, rng.child("model"))
    fitted = stages.fit("defender", experiment.training, experiment.model, blank, train, rng.child("fit"), number)
    return rest, (fitted.classifier, clean)


def _blank(model: Model, data: Dataset, stages: Stages, rng: Rng) -> Classifier:
    """An untrained classifier on the run's device."""
    made = model.build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)
    return move(stages.device) if callable(move := getattr(made, "to", None)) else made


def _planned(cells: dict[str, Experiment]) -> Planned:
    """A control is shared by all attacks on the same data, model and seed, unless rows are appended."""
    victims = sum(experiment.repeats for experiment in cells.values())
    controls = {
        (
            repr(describe_shared(experiment)),
            repeat,
            getattr(experiment.attack, "mode", None) == "append" and name,
        )
        for name, experiment in cells.items()
        for repeat in range(experiment.repeats)
    }
    surrogates = {
        (repr(describe_shared(experiment)), repr(describe("surrogates", experiment.surrogate)), repeat)
        for experiment in cells.values()
        if "surrogate" in getattr(experiment.attack, "needs", ())
        for repeat in range(experiment.repeats)
    }
    defenders = sum(
        experiment.repeats
        for experiment in cells.values()
        if any(getattr(defence, "arrival", False) for defence in experiment.defences)
        and not (is_stream(experiment.training) and getattr(experiment.training, "before", None))
    )
    warm_ups = {
        (repr(describe_shared(experiment)), repeat)
        for experiment in cells.values()
        if getattr(experiment.training, "before", None) is not None
        for repeat in range(experiment.repeats)
    }
    return Planned(tuple(cells), victims, len(controls), len(surrogates), defenders, len(warm_ups))


def describe_shared(experiment: Experiment) -> tuple[object, ...]:
    """What a control depends on."""
    parts = ("dataset", "model", "training")
    return (
        *(describe(f"{part}s", getattr(experiment, part)) for part in parts),
        experiment.seed,
        experiment.train_rows,
    )
