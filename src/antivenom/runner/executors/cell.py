"""The order of a run: everything is held against its data first, then each cell's stages, repeat by repeat."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from antivenom.analysis import AnalysisContext, analyse
from antivenom.charts import Evidence
from antivenom.data import CLEAN, Splits
from antivenom.errors import SettingsError
from antivenom.goals.backdoor import Backdoor
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner.events import Planned, Tell
from antivenom.runner.executors.defences import Defended, defended
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.executors.starting_models import (
    blank_on,
    fit_defender,
    fit_start,
    fit_surrogate,
    is_stream,
    open_with,
    surrogate_fits,
)
from antivenom.runner.results.result import Repeat, Result, about_machine, prepare_folder
from antivenom.runner.scoring.detectors import Defender, Found, clean_rows, too_few
from antivenom.runner.scoring.doubts import doubts
from antivenom.runner.scoring.models import by_round, examples, measure, summarise, trajectory
from antivenom.runner.spec.settings import Experiment
from antivenom.settings import describe, describe_fields
from antivenom.storage.files import held
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml
from antivenom.training.loop import comes_once


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
            opening = open_with(experiment, experiment.part(first[known]), rng, stages.prepare)
            found = experiment.problems(opening.splits.train)
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
    assumed = getattr(repeats[0].victim, "assumptions", ()) if isinstance(experiment.model, Classifier) else ()
    about = {**about_machine(stages.device, experiment.seed), "stages": stages.timings}
    own = experiment.judges_arrivals
    held_back = clean_rows(len(splits.test), experiment.trusted, model=own) if experiment.defends else 0
    doubted = (*found, *too_few(experiment.detectors, held_back), *assumed)
    return Result(dump_yaml(describe_fields(experiment)), tuple(repeats), metrics, doubted, about)


def _repeat(experiment: Experiment, splits: Splits, stages: Stages, number: int) -> Repeat:
    rng = Rng(experiment.seed).child("repeat", number)
    opening = open_with(experiment, splits, rng, stages.prepare)
    splits, start = opening.splits, fit_start(experiment, opening, stages, rng.child("start"), "warm-up", number)
    surrogate = fit_surrogate(experiment, opening, stages, rng.child("surrogate"), number)
    poisoned = stages.poison(experiment.attack, splits.train, rng.child("attack"), number, surrogate)
    blank = blank_on(stages, experiment.model, splits.train, rng.child("model"))
    test = splits.test
    if experiment.defends:
        test, before, clean = fit_defender(experiment, splits, stages, rng.child("defender"), number, start)
    twin = rng.child("fit")  # one stream for both: same weights, same order
    fed = {"victim": poisoned.data, "control": poisoned.control(rng.child("control"))}
    order = None
    if is_stream(experiment.training):
        order = experiment.training.arrange(poisoned.roles, poisoned.data.ids, rng.child("arrival"))  # type: ignore[attr-defined]
        fed = {role: data.subset(order) for role, data in fed.items()}
    victim, control = (
        stages.fit(role, experiment.training, experiment.model, blank, data, twin, number, start)
        for role, data in fed.items()
    )
    measured = stages.timed(number, "measure", lambda: measure(poisoned, victim, control, test))
    found = Found({}, {})
    if experiment.defends:
        came = None if order is None else poisoned.roles[order] != CLEAN
        given = Defender(before=before, after=victim.classifier, clean=clean)
        ways = (victim.path_from(start), control.path_from(start))
        both = (victim.classifier, control.classifier)
        found = defended(experiment, stages, Defended(given, both, ways, poisoned, came, test), rng, number)
    described, data = Evidence(), dict[str, NDArray[Any]]()
    if experiment.analysis:
        paths = (victim.checkpoints, control.checkpoints)
        context = AnalysisContext(victim.classifier, control.classifier, poisoned, test, paths, start)
        described, data = stages.timed(
            number, "analyse", lambda: analyse(experiment.analyses, context, rng.child("analyse"))
        )
    shown = {}
    if number == 0:
        pictures = examples(poisoned, victim.classifier, control.classifier, test)
        pictures |= by_round(poisoned, surrogate, getattr(experiment.attack, "victim_step", None), test)
        if victim.checkpoints:
            pictures |= trajectory(poisoned.goal, (victim, control), start, test)
            if order is not None and comes_once(experiment.training):
                pictures["poison_arrivals"] = torch.nonzero(poisoned.roles[order] != CLEAN).flatten()
        shown = {**{name: tensor.cpu().numpy() for name, tensor in pictures.items()}, **found.scores, **data}
    return Repeat(
        victim=victim.classifier,
        control=control.classifier,
        poisoned=poisoned,
        values={**measured.values, **found.values, **{key: each.value for key, each in described.figures.items()}},
        losses=(victim.losses, control.losses),
        confusion=measured.confusion.numpy(),
        examples=shown,
    )


def _planned(cells: dict[str, Experiment]) -> Planned:
    """A control is shared by all attacks on the same data, model and seed, unless rows are appended or arranged."""
    victims = sum(experiment.repeats for experiment in cells.values())
    controls = {
        (
            repr(describe_shared(experiment)),
            repeat,
            (getattr(experiment.attack, "mode", None) == "append" or is_stream(experiment.training)) and name,
        )
        for name, experiment in cells.items()
        for repeat in range(experiment.repeats)
    }
    surrogates = {
        (repr(describe_shared(experiment)), repr(describe("surrogates", experiment.surrogate)), repeat, stage)
        for experiment in cells.values()
        if "surrogate" in getattr(experiment.attack, "needs", ())
        for repeat in range(experiment.repeats)
        for stage in range(surrogate_fits(experiment))
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
