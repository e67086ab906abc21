"""One cell: all repeats of an experiment, stage by stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from antivenom.analysis import AnalysisContext, analyse
from antivenom.charts import Chart, Evidence
from antivenom.data import Dataset, NamesRows, Splits
from antivenom.goals import TriggeredGoal
from antivenom.models import Classifier
from antivenom.runner.executors.crafting import Crafted, craft_poison, prepared, starting_data, stream_of
from antivenom.runner.executors.defending import DefenceResults, Defended, run_defences
from antivenom.runner.executors.stages import Stages, threads_of
from antivenom.runner.executors.starting_models import blank_on, fit_defender, fit_start
from antivenom.runner.results.machine import about_machine
from antivenom.runner.results.repeat import InMemory, Repeat
from antivenom.runner.results.result import Result
from antivenom.runner.scoring.doubts import doubts
from antivenom.runner.scoring.examples import attempts_chart, poison_chart
from antivenom.runner.scoring.headline import headline
from antivenom.runner.scoring.metrics import Metrics, summarise
from antivenom.runner.scoring.models import Judged, score_pair
from antivenom.runner.scoring.pair import Pair
from antivenom.runner.scoring.summary import path_chart, summary_charts
from antivenom.runner.scoring.trusted import Defender, too_few_clean_rows
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe, describe_fields
from antivenom.shapes import Roles
from antivenom.storage.yaml12 import dump_yaml
from antivenom.training import StreamTraining


@dataclass(frozen=True, eq=False)
class Measured:
    """One repeat: its figures and charts, its raw data, and how many rows the defender has."""

    repeat: Repeat
    evidence: Evidence
    data: Mapping[str, NDArray[Any]]
    test: Dataset
    trusted: int | None


@dataclass(frozen=True, eq=False)
class Trained:
    """One repeat's models before anything is measured."""

    both: Pair
    crafted: Crafted
    roles: Roles | None
    test: Dataset
    defender: Defender | None


def run_experiment(experiment: ExperimentSettings, stages: Stages) -> Result:
    """Run all repeats of an experiment."""
    splits = prepared(experiment, stages)
    found = [_repeat(experiment, splits, stages, number) for number in range(experiment.repeats)]
    first, repeats = found[0], tuple(each.repeat for each in found)
    metrics = summarise([each.evidence for each in found])
    goal, test = repeats[0].poisoned.goal, first.test
    classes = test.classes
    summary = summary_charts(metrics, [each.confusion for each in repeats], [each.losses for each in repeats], classes)
    return Result(
        spec=dump_yaml(describe_fields(experiment)),
        repeats=repeats,
        metrics=metrics,
        headline=headline(metrics, describe("attacks", experiment.attack)["name"], goal, test),
        doubts=tuple(_doubts(experiment, metrics, first)),
        about={**about_machine(stages.device, experiment.seed), "stages": stages.timings},
        charts=_in_order({**first.evidence.charts, **summary.charts}),
        data=first.data,
    )


def run_cell(name: str, experiment: ExperimentSettings, folder: Path, stages: Stages) -> str:
    """Run one cell of a sweep and write it to its folder; its name, which is all that a caller keeps of it."""
    run_experiment(experiment, stages).save(folder)
    return name


def _repeat(experiment: ExperimentSettings, splits: Splits, stages: Stages, number: int) -> Measured:
    trained = _train(experiment, splits, stages, number)
    rng, both, poisoned, test = stream_of(experiment, number), trained.both, trained.crafted.poisoned, trained.test
    threads = threads_of(both.victim.classifier, test)
    judged: Judged = stages.timed(number, "measure", lambda: score_pair(poisoned, both, test), threads=threads)
    evidence = judged.evidence | _own_reports(experiment, trained)
    defended = DefenceResults()
    if trained.defender is not None:
        what = Defended(trained.defender, both, poisoned, trained.roles, test)
        defended = run_defences(experiment, stages, what, rng, number)
    data: Mapping[str, NDArray[Any]] = {}
    if experiment.analysis:
        paths = both.victim.checkpoints, both.control.checkpoints
        context = AnalysisContext(*both.classifiers, poisoned, test, paths, both.start)
        stream = rng.child("analyse")
        analysed = partial(analyse, experiment.analyses, context, stream)
        found, data = stages.timed(number, "analyse", analysed, threads=threads)
        evidence |= found
    evidence |= defended.evidence
    if number == 0:
        evidence |= _example_charts(trained)
    source = experiment.dataset
    repeat = Repeat(
        values={key: figure.value for key, figure in evidence.figures.items()},
        losses=(both.victim.losses, both.control.losses),
        confusion=judged.confusion.numpy(),
        artifacts=InMemory(*both.classifiers, poisoned),
        row_scores=defended.rows,
        row_names=source.row_names() if defended.rows and isinstance(source, NamesRows) else None,
    )
    trusted = None if trained.defender is None else len(trained.defender.clean)
    return Measured(repeat, evidence, data, test, trusted)


def _train(experiment: ExperimentSettings, splits: Splits, stages: Stages, number: int) -> Trained:
    """Craft the poison, and train the victim and its control from the same random streams."""
    rng = stream_of(experiment, number)
    data = starting_data(experiment, splits, stages, number)
    start = fit_start(experiment, data, stages, rng.child("start"), "warm-up", number)
    crafted = craft_poison(experiment, stages, data, number)
    splits, poisoned = data.splits, crafted.poisoned
    blank = blank_on(stages, experiment.model, splits.train, rng.child("model"))
    test, before, clean = splits.test, None, None
    if experiment.has_defender:
        test, before, clean = fit_defender(experiment, splits, stages, rng.child("defender"), number, start)
    twin = rng.child("fit")  # one stream for both: the same weights, the same order
    fed = {"victim": poisoned.data, "control": poisoned.control(rng.child("control"))}
    roles = None
    if isinstance(experiment.training, StreamTraining):
        order = experiment.training.arrange(poisoned.roles, poisoned.data.ids, rng.child("arrival"))
        fed = {role: rows.subset(order) for role, rows in fed.items()}
        roles = poisoned.roles[order] if experiment.training.single_pass else None
    victim, control = (
        stages.fit(role, experiment.training, experiment.model, blank, rows, twin, number, start)
        for role, rows in fed.items()
    )
    defender = None if clean is None else Defender(before, victim.classifier, clean)
    return Trained(Pair(victim, control, start), crafted, roles, test, defender)


def _own_reports(experiment: ExperimentSettings, trained: Trained) -> Evidence:
    """What the attack and the training report of their own work."""
    poisoned, victim = trained.crafted.poisoned, trained.both.victim
    attack, training = (describe(f"{kind}s", getattr(experiment, kind))["name"] for kind in ("attack", "training"))
    found = Evidence.of(f"attack.{attack}", poisoned.figures, poisoned.charts)
    return found | Evidence.of(f"training.{training}", victim.figures, victim.charts)


def _example_charts(trained: Trained) -> Evidence:
    """Rows worth looking at, and how victim and control stood along the way."""
    poisoned, both, test = trained.crafted.poisoned, trained.both, trained.test
    attack = poison_chart(poisoned)
    model: list[Chart | None] = [attempts_chart(poisoned.goal, *both.classifiers, test)]
    if both.victim.checkpoints:
        poison = None if trained.roles is None else torch.nonzero(trained.roles != 0).flatten()
        model.append(path_chart(poisoned.goal, both.paths, test, poison))
    charts = [chart for chart in model if chart is not None]
    return Evidence.of("attack", charts=[attack] if attack else []) | Evidence.of("model", charts=charts)


def _doubts(experiment: ExperimentSettings, metrics: Metrics, first: Measured) -> list[str]:
    test = first.test
    triggered = isinstance(first.repeat.poisoned.goal, TriggeredGoal)
    found = list(doubts(metrics, classes=len(test.classes), test_rows=len(test), triggered=triggered))
    if first.trusted is not None:
        found += too_few_clean_rows(experiment.detectors, first.trusted)
    if isinstance(experiment.model, Classifier):
        found += first.repeat.victim.assumptions
    return found


FIRST = ("attack", "model", "training", "analysis")
"""What a report's charts begin with; defences follow in the order in which they ran."""


def _in_order(charts: dict[str, Chart]) -> dict[str, Chart]:
    """Charts in the order of a report: the attack's first."""

    def place(item: tuple[str, Chart]) -> int:
        kind = item[0].partition(".")[0]
        return FIRST.index(kind) if kind in FIRST else len(FIRST)

    return dict(sorted(charts.items(), key=place))
