"""One cell: all repeats of an experiment, stage by stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from antivenom.analysis import AnalysisContext, analyse
from antivenom.arrivals import arranged
from antivenom.charts import Chart, Evidence
from antivenom.data import CLEAN, Dataset, NamesRows, Splits
from antivenom.goals import TriggeredGoal
from antivenom.models import Classifier, WeightedModel
from antivenom.rng import Rng
from antivenom.runner.executors.crafting import Crafted, craft_poison, prepared, starting_data, stream_of
from antivenom.runner.executors.defending import DefenceInputs, DefenceResults, run_defences
from antivenom.runner.executors.repeating import run_repeats
from antivenom.runner.executors.stages import Stages, threads_of
from antivenom.runner.executors.starting_models import build_blank, fit_defender, fit_start
from antivenom.runner.results.machine import about_machine
from antivenom.runner.results.repeat import InMemory, Repeat
from antivenom.runner.results.result import Result
from antivenom.runner.scoring.certificates import is_certified, score_certificates
from antivenom.runner.scoring.doubts import doubts
from antivenom.runner.scoring.examples import attempts_chart, poison_chart
from antivenom.runner.scoring.headline import headline
from antivenom.runner.scoring.intervals import too_few_for_bootstrap, with_differences
from antivenom.runner.scoring.metrics import Metrics, summarise
from antivenom.runner.scoring.models import ModelScores, score_pair
from antivenom.runner.scoring.pair import Pair
from antivenom.runner.scoring.promises import broken_promises, promises_of
from antivenom.runner.scoring.summary import path_chart, summary_charts
from antivenom.runner.scoring.trusted import Defender, too_few_clean_rows
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe, describe_fields
from antivenom.shapes import Roles
from antivenom.storage.yaml12 import dump_yaml
from antivenom.training import PretrainedTraining, StreamTraining, Training, pretrained_model


@dataclass(frozen=True, eq=False)
class Measured:
    """One repeat: its figures and charts, its raw data, the test rows, the defender, doubts, and what was assumed."""

    repeat: Repeat
    evidence: Evidence
    data: Mapping[str, NDArray[Any]]
    test: Dataset
    defender: Defender | None
    doubts: tuple[str, ...]
    assumptions: Sequence[str]


@dataclass(frozen=True, eq=False)
class Trained:
    """The models of one repeat, before anything is measured. `blank` is the untrained classifier."""

    blank: Classifier
    pair: Pair
    crafted: Crafted
    roles: Roles | None
    test: Dataset
    defender: Defender | None


def run_experiment(experiment: ExperimentSettings, stages: Stages) -> Result:
    """Run all repeats of an experiment and return the result."""
    splits = prepared(experiment, stages)
    measured, stopped = run_repeats(experiment, partial(_repeat, experiment, splits, stages))
    first, repeats = measured[0], tuple(each.repeat for each in measured)
    stream = Rng(experiment.seed).child("interval")
    metrics = summarise([each.evidence for each in measured], interval=experiment.interval, rng=stream)
    goal, test = repeats[0].poisoned.goal, first.test
    classes = test.classes
    needed, unmet = (stopped.sentence, stopped.doubts) if stopped else ("", ())
    first_words = headline(metrics, describe("attacks", experiment.attack)["name"], goal, test)
    summary = summary_charts(metrics, [each.confusion for each in repeats], [each.losses for each in repeats], classes)
    return Result(
        spec=dump_yaml(describe_fields(experiment)),
        repeats=repeats,
        metrics=metrics,
        headline=f"{first_words} {needed}".strip(),
        doubts=(*unmet, *_doubts(experiment, metrics, first)),
        about={
            **about_machine(stages.device, experiment.seed),
            "stages": stages.timings,
            "assumptions": list(first.assumptions),
            **({"repeats": stopped.about()} if stopped else {}),
        },
        charts=_sorted_charts({**first.evidence.charts, **summary.charts}),
        data=first.data,
    )


def assumptions_of(experiment: ExperimentSettings, splits: Splits) -> list[str]:
    """Return what was inferred from the data and from the model of a user before a run, one sentence each."""
    model, training = experiment.model, experiment.training
    if isinstance(model, Classifier):
        return _assumptions(splits, model.assumptions)
    if not (_trained_elsewhere(training) or isinstance(model, WeightedModel)):
        return _assumptions(splits, ())
    blank = experiment.blank(splits.train, Rng(experiment.seed))
    start = pretrained_model(training, model, blank) if isinstance(training, PretrainedTraining) else None
    return _assumptions(splits, _of_weights(experiment, blank, start))


def _assumptions_after(experiment: ExperimentSettings, splits: Splits, trained: Trained) -> list[str]:
    """Return the same sentences after a run, from the models of its first repeat."""
    if isinstance(experiment.model, Classifier):
        return _assumptions(splits, trained.pair.victim.classifier.assumptions)
    start = trained.pair.start if _trained_elsewhere(experiment.training) else None
    return _assumptions(splits, _of_weights(experiment, trained.blank, start))


def _assumptions(splits: Splits, own: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*splits.assumptions, *own)))


def _trained_elsewhere(training: Training) -> bool:
    """Return whether a training starts from a model that no run trains, such as a file of weights."""
    return isinstance(training, PretrainedTraining) and training.pretrained_by is None


def _of_weights(experiment: ExperimentSettings, blank: Classifier, start: Classifier | None) -> tuple[str, ...]:
    """Return what was inferred from your own network, or from a file of weights, that a spec names."""
    own = blank.assumptions if isinstance(experiment.model, WeightedModel) else ()
    return own if start is None else (*own, *(each for each in start.assumptions if each not in blank.assumptions))


def run_cell(experiment: ExperimentSettings, folder: Path, stages: Stages, key: str | None = None) -> None:
    """Run one cell of a sweep, and write it to its folder.

    Args:
        experiment: the cell's experiment.
        folder: the cell's folder.
        stages: the stages of the run.
        key: the key of the cell's result. The manifest keeps it, so that the next run knows that the cell is finished.
    """
    result = run_experiment(experiment, stages)
    if key is not None:
        result = replace(result, about={**result.about, "key": key})
    result.save(folder)


def _repeat(experiment: ExperimentSettings, splits: Splits, stages: Stages, number: int) -> Measured:
    trained = _train(experiment, splits, stages, number)
    rng, pair, poisoned, test = stream_of(experiment, number), trained.pair, trained.crafted.poisoned, trained.test
    threads = threads_of(pair.victim.classifier, test)
    scores: ModelScores = stages.timed(number, "measure", lambda: score_pair(poisoned, pair, test), threads=threads)
    evidence = scores.evidence | _own_reports(experiment, trained)
    if is_certified(pair):
        clean = poisoned.control(rng.child("control"))
        certify = partial(score_certificates, poisoned, clean, pair, test)
        evidence |= stages.timed(number, "certify", certify, threads=threads)
    defended = DefenceResults()
    if trained.defender is not None:
        inputs = DefenceInputs(trained.defender, pair, poisoned, trained.roles, test)
        defended = run_defences(experiment, stages, inputs, rng, number)
    data: Mapping[str, NDArray[Any]] = {}
    if experiment.analysis:
        paths = pair.victim.checkpoints, pair.control.checkpoints
        context = AnalysisContext(*pair.classifiers, poisoned, test, paths, pair.start)
        stream = rng.child("analyse")
        analysed = partial(analyse, experiment.analyses, context, stream)
        analysis_evidence, data = stages.timed(number, "analyse", analysed, threads=threads)
        evidence |= analysis_evidence
    evidence = with_differences(evidence | defended.evidence)
    if number == 0:
        evidence |= _example_charts(trained)
    source = experiment.dataset
    repeat = Repeat(
        values={key: figure.value for key, figure in evidence.figures.items()},
        losses=(pair.victim.losses, pair.control.losses),
        confusion=scores.confusion.numpy(),
        artifacts=InMemory(*pair.classifiers, poisoned),
        row_scores=defended.rows,
        row_names=source.row_names() if defended.rows and isinstance(source, NamesRows) else None,
    )
    assumptions = _assumptions_after(experiment, splits, trained)
    return Measured(repeat, evidence, data, test, trained.defender, defended.doubts, assumptions)


def _train(experiment: ExperimentSettings, splits: Splits, stages: Stages, number: int) -> Trained:
    """Craft the poison, and train the victim and the control from the same random streams."""
    rng = stream_of(experiment, number)
    data = starting_data(experiment, splits, stages, number)
    start = fit_start(experiment, data, stages, rng.child("start"), "warm-up", number)
    crafted = craft_poison(experiment, stages, data, number)
    splits, poisoned = data.splits, crafted.poisoned
    blank = build_blank(stages, experiment.model, splits.train, rng.child("model"))
    test, before, clean = splits.test, None, None
    if experiment.has_defender:
        test, before, clean = fit_defender(experiment, splits, stages, rng.child("defender"), number, start)
    stream = rng.child("fit")  # one stream for both: the same weights, the same order
    fed = {"victim": poisoned.data, "control": poisoned.control(rng.child("control"))}
    roles = None
    if isinstance(experiment.training, StreamTraining):
        order = arranged(
            experiment.training, StreamTraining.arrange, poisoned.roles, poisoned.data.ids, rng.child("arrival")
        )
        fed = {role: rows.subset(order) for role, rows in fed.items()}
        roles = poisoned.roles[order] if experiment.training.single_pass else None
    victim, control = (
        stages.fit(role, experiment.training, experiment.model, blank, rows, stream, number, start)
        for role, rows in fed.items()
    )
    defender = None if clean is None else Defender(before, victim.classifier, clean, len(splits.test) - len(test))
    return Trained(blank, Pair(victim, control, start), crafted, roles, test, defender)


def _own_reports(experiment: ExperimentSettings, trained: Trained) -> Evidence:
    """Return the figures and charts that the attack and the training report themselves."""
    poisoned, victim = trained.crafted.poisoned, trained.pair.victim
    attack, training = (describe(f"{kind}s", getattr(experiment, kind))["name"] for kind in ("attack", "training"))
    evidence = Evidence.of(f"attack.{attack}", poisoned.figures, poisoned.charts)
    return evidence | Evidence.of(f"training.{training}", victim.figures, victim.charts)


def _example_charts(trained: Trained) -> Evidence:
    """Return charts of example rows, and of victim and control during the training."""
    poisoned, pair, test = trained.crafted.poisoned, trained.pair, trained.test
    attack = poison_chart(poisoned)
    model: list[Chart | None] = [attempts_chart(poisoned.goal, *pair.classifiers, test)]
    if pair.victim.checkpoints:
        poison = None if trained.roles is None else torch.nonzero(trained.roles != 0).flatten()
        model.append(path_chart(poisoned.goal, pair.paths, test, poison))
    charts = [chart for chart in model if chart is not None]
    return Evidence.of("attack", charts=[attack] if attack else []) | Evidence.of("model", charts=charts)


def _doubts(experiment: ExperimentSettings, metrics: Metrics, first: Measured) -> list[str]:
    test = first.test
    triggered = isinstance(first.repeat.poisoned.goal, TriggeredGoal)
    sentences = list(
        doubts(
            metrics,
            classes=len(test.classes),
            test_rows=len(test),
            triggered=triggered,
            assumptions=first.assumptions,
        )
    )
    if experiment.interval == "bootstrap":
        sentences += filter(None, [too_few_for_bootstrap(metrics["model.clean_accuracy"]["n"])])
    if (defender := first.defender) is not None:
        rows = len(defender.clean), defender.given
        sentences += too_few_clean_rows(experiment.detectors, experiment.filters, *rows)
        training = int((first.repeat.poisoned.roles == CLEAN).sum())
        counts = {"trusted": len(defender.clean), "training": training, "test": len(test)}
        sentences += broken_promises(promises_of(experiment.detectors, experiment.filters, **counts), metrics)
    sentences += first.doubts
    return sentences


FIRST_KINDS = ("attack", "model", "training", "analysis")
"""The kinds whose charts come first in a report. Defences follow, in the order in which they ran."""


def _sorted_charts(charts: dict[str, Chart]) -> dict[str, Chart]:
    """Return charts in the order of a report: the charts of the attack first."""

    def place(item: tuple[str, Chart]) -> int:
        kind = item[0].partition(".")[0]
        return FIRST_KINDS.index(kind) if kind in FIRST_KINDS else len(FIRST_KINDS)

    return dict(sorted(charts.items(), key=place))
