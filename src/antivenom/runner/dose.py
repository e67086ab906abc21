"""The smallest dose of poison at which a figure reaches a level."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from antivenom.errors import RunError, SettingsError, UnknownFigureError
from antivenom.registry import did_you_mean
from antivenom.runner.events import Event, Finished, OnEvent, no_op
from antivenom.runner.executors.cell import run_experiment
from antivenom.runner.executors.crafting import prepared, starting_data
from antivenom.runner.executors.data_cache import DataCache
from antivenom.runner.executors.plan import planned
from antivenom.runner.executors.running import check
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.progress import ProgressOption, progress_for
from antivenom.runner.results.dose_result import DoseResult, DoseUnit
from antivenom.runner.results.machine import about_machine
from antivenom.runner.results.result import Result
from antivenom.runner.scoring.dose_search import Crossing, DosePoint, DoseSearch, Question, crossing, turns
from antivenom.runner.spec.figures import check_figure, wrong_level
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.validation import problems_of
from antivenom.settings import describe, describe_fields
from antivenom.storage.places.addresses import local_folder
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml

FEWEST_REPEATS = 3
"""The number of repeats of a dose if the experiment has only one."""
USUAL_LOW, USUAL_HIGH = 0.001, 0.5
"""The first dose and the largest dose, as shares, if they are not given."""
SMALLER = 0.8
"""The factor by which the largest dose is lowered until the attack has enough rows."""


def find_dose(
    experiment: ExperimentSettings,
    figure: str,
    level: float,
    *,
    scale: DoseUnit = "rate",
    low: float | None = None,
    high: float | None = None,
    repeats: int | None = None,
    out: Path | str | None = None,
    store: Store | None = None,
    device: str = "auto",
    progress: ProgressOption = "auto",
    on_event: OnEvent | None = None,
) -> DoseResult:
    """Return the smallest dose at which the mean of a figure reaches a level, with an interval and the curve.

    A figure of which a high value is good for the owner of the model, such as `model.clean_accuracy`, falls to the
    level. All others rise to it. All doses have the same seeds, and stages are shared: in mode `replace` the control of
    a repeat is trained once.

    Args:
        experiment: the experiment. The rate and the count of its attack are replaced.
        figure: the key of the figure, such as `attack.success_rate`.
        level: the level, in the unit of the figure: 0.5 is 50 %.
        scale: whether the attack's `rate` or its `count` is searched. The result has both.
        low: the first dose, a share or a number of rows. If omitted, 0.1 % of the rows. The search goes below it if
            the level is reached there.
        high: the largest dose. If omitted, 50 % of the rows, or as many as the attack can poison.
        repeats: the repeats of each dose. If omitted, those of the experiment, but at least 3.
        out: the folder to write to. If omitted, nothing is written.
        store: keeps finished stages. If omitted, they are kept until the end of the search.
        device: `cpu`, `cuda`, …, or `auto`: CUDA if there is a GPU.
        progress: `auto` shows a progress bar in a terminal or a notebook, and lines elsewhere; False shows nothing.
        on_event: called with every event.

    Raises:
        SettingsError: the settings do not fit the data, the attack does not have the setting, or the level of a share
            is not in [0, 1].
        UnknownFigureError: the experiment does not have the figure. For a figure of a component it is raised after the
            first repeat.
        RunError: the figure has no value.

    >>> from antivenom import Experiment
    >>> from antivenom.attacks import BadNets
    >>> from antivenom.models import MLP
    >>> experiment = Experiment(model=MLP(hidden=(32,)), attack=BadNets(target=7), repeats=3)
    >>> result = find_dose(experiment, "attack.success_rate", 0.5, progress=False)
    >>> result.rate.low <= result.rate.dose <= result.rate.high
    True
    """
    check_figure(experiment, figure, level)
    base, folder = _with_repeats(experiment, repeats), None if out is None else local_folder(out)
    _dosed(base, scale, 1)
    with _kept(store) as kept, progress_for(progress, on_event) as report_event:
        runs = _Runs(base, scale, figure, kept, device, report_event)
        question = runs.question(level, low, high)
        report_event(replace(planned({str(n): base for n in range(question.most_doses)}), cells=("",), at_most=True))
        result = _searched(runs, question)
    if folder is not None:
        result.save(folder)
    return result


def measure_doses(
    experiment: ExperimentSettings,
    figure: str,
    doses: Sequence[float],
    *,
    scale: DoseUnit = "rate",
    repeats: int | None = None,
    store: Store | None = None,
    device: str = "auto",
) -> tuple[list[DosePoint], int]:
    """Return the figure at each of several doses, and the number of models that were trained for it.

    The arguments are those of `find_dose`. Use it for a grid of doses, and `DoseSearch` to look for a level.

    Raises:
        SettingsError: the settings do not fit the data, or the attack does not have the setting.
        UnknownFigureError: the experiment does not have the figure.
        RunError: the figure has no value.
    """
    with _kept(store) as kept:
        runs = _Runs(_with_repeats(experiment, repeats), scale, figure, kept, device)
        runs.first(doses[0])
        return [runs.measure(dose) for dose in doses], runs.computed


def _searched(runs: "_Runs", question: Question) -> DoseResult:
    first = runs.first(question.rounded(question.low))
    if first.metrics[runs.figure]["unit"] == "share" and not 0 <= question.level <= 1:
        raise SettingsError([wrong_level(runs.figure, question.level)])
    question = replace(question, rising=first.metrics[runs.figure]["better"] != "high")
    search = DoseSearch(question, runs.measure)
    point = search.at(question.low)
    estimate = Crossing(None, None, None)
    if point.control is not None and question.reached(point.control):
        return runs.result(question, [point], estimate, "without poison")
    points = search.run()
    reached = [question.reached(each.mean) for each in points]
    if not any(reached):
        return runs.result(question, points, estimate, "never")
    return runs.result(question, points, crossing(points, question), "smallest" if all(reached) else "dose")


@dataclass
class _Runs:
    """Runs an experiment at several doses, and counts its trainings."""

    experiment: ExperimentSettings
    scale: DoseUnit
    figure: str
    store: Store
    device: str
    report_event: Callable[[Event], object] = no_op

    def __post_init__(self) -> None:
        self.computed, self.reused, self._cache = 0, 0, DataCache()
        self.results: dict[float, Result] = {}

    def question(self, level: float, low: float | None, high: float | None) -> Question:
        """Return what is looked for, within the doses that are possible."""
        splits = prepared(self.experiment, self._stages())
        train = starting_data(self.experiment, splits, self._stages(), 0).splits.train
        whole, rows = self.scale == "count", len(train)
        smallest = 1.0 if whole else 1.0 / rows
        unit = rows if whole else 1
        first = max(smallest, USUAL_LOW * unit) if low is None else low
        last = USUAL_HIGH * unit if high is None else high
        problems = [] if math.isfinite(level) else [f"level must be a finite number; got {level}."]
        for name, value in (("low", first), ("high", last)):
            if not smallest <= value <= unit:
                problems.append(f"{name} must be a {self.scale} in [{smallest:.3g}, {unit}]; got {value:g}.")
        if not problems and first >= last:
            problems = [f"low must be below high ({last:g}); got {first:g}."]
        if problems:
            raise SettingsError(problems)
        while high is None and last > first and problems_of(_dosed(self.experiment, self.scale, last), train):
            last = max(first, SMALLER * last)
        question = Question(level=level, rising=True, smallest=smallest, low=first, high=last, whole=whole)
        return replace(question, low=question.rounded(first), high=question.rounded(last))

    def first(self, dose: float) -> Result:
        """Run one repeat of the first dose, and check that the figure is known and has a value.

        Raises:
            UnknownFigureError: it is unknown.
            RunError: it has no value.
        """
        result = self._run(replace(_dosed(self.experiment, self.scale, dose), repeats=1))
        if self.figure not in result.metrics:
            raise UnknownFigureError(
                f"The experiment does not have a figure '{self.figure}'.{did_you_mean(self.figure, result.metrics)}"
            )
        return result

    def measure(self, dose: float) -> DosePoint:
        """Run all repeats of a dose."""
        result = self._run(_dosed(self.experiment, self.scale, dose))
        metrics = result.metrics
        entry, control = metrics[self.figure], metrics.get(f"{self.figure}.control")
        if entry["mean"] is None:
            raise RunError(f"{self.figure} has no value at a {self.scale} of {dose:g}, so it reaches no level.")
        self.results[dose] = replace(result, repeats=(), charts={}, data={})
        return DosePoint(
            dose=dose,
            rate=metrics["attack.poison_rate"]["mean"],
            rows=metrics["attack.poison_rows"]["mean"],
            values=tuple(float(repeat.values[self.figure] or 0.0) for repeat in result.repeats),
            control=None if control is None else control["mean"],
            **{name: entry[name] for name in ("mean", "low", "high")},
        )

    def result(self, question: Question, points: list[DosePoint], estimate: Crossing, reached: Any) -> DoseResult:
        """Return the result of the search."""
        nearest = min(points, key=lambda point: abs(point.dose - (estimate.dose or points[-1].dose)))
        near = self.results[nearest.dose]
        return DoseResult(
            spec=dump_yaml(describe_fields(self.experiment)),
            figure=self.figure,
            entry=near.metrics[self.figure],
            level=question.level,
            scale=self.scale,
            points=tuple(points),
            estimate=estimate,
            reached=reached,
            trainings=self.computed,
            reused=self.reused,
            doubts=tuple(_doubts(question, points, estimate, near, nearest)),
            about={**about_machine(choose_device(self.device), self.experiment.seed), "stages": []},
        )

    def _run(self, experiment: ExperimentSettings) -> Result:
        stages = self._stages()
        check({"": experiment}, lambda _: stages)
        return run_experiment(experiment, stages)

    def _stages(self) -> Stages:
        return Stages(self.store, choose_device(self.device), "", self._on_event, cache=self._cache)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Finished) and event.stage.startswith("fit"):
            self.reused += event.stored
            self.computed += not event.stored
        self.report_event(event)


def _doubts(
    question: Question, points: list[DosePoint], estimate: Crossing, near: Result, nearest: DosePoint
) -> Iterator[str]:
    if max(len(point.values) for point in points) == 1:
        yield "Each dose has only one seed, so the dose has no interval. Use at least 3 repeats."
    elif estimate.dose is not None:
        for end, name in ((estimate.low, "lower"), (estimate.high, "upper")):
            if end is None:
                yield f"The interval of the dose has no {name} end within the doses that were measured."
    turn = turns(points, rising=question.rising)
    if turn is not None:
        first, second = (f"{point.mean:.3g} at {point.rows:,.0f} rows" for point in turn)
        yield (
            f"The figure does not always go the same way with the dose: it goes from {first} to {second}. There may be "
            "several doses that reach the level, and the search has estimate one of them."
        )
    yield from (f"At {nearest.rows:,.0f} rows: {doubt}" for doubt in near.doubts if "only one seed" not in doubt)


def _with_repeats(experiment: ExperimentSettings, repeats: int | None) -> ExperimentSettings:
    if repeats is not None:
        return replace(experiment, repeats=repeats)
    return experiment if experiment.most_repeats > 1 else replace(experiment, repeats=FEWEST_REPEATS)


def _dosed(experiment: ExperimentSettings, scale: DoseUnit, dose: float) -> ExperimentSettings:
    """Return the experiment with another dose of its attack.

    Raises:
        SettingsError: the attack does not have the setting.
    """
    attack: Any = experiment.attack
    known = {field.name for field in fields(attack)} if hasattr(attack, "__dataclass_fields__") else set()
    if scale not in known:
        name = describe("attacks", attack)["name"]
        raise SettingsError([f"A dose requires an attack with the setting `{scale}`, which {name} does not have."])
    others: dict[str, Any] = {"rate": None, "count": None}
    settings = {key: value for key, value in others.items() if key in known}
    value = round(dose) if scale == "count" else float(dose)
    return replace(experiment, attack=replace(attack, **{**settings, scale: value}))


@contextmanager
def _kept(store: Store | None) -> Iterator[Store]:
    """Yield the store, or a temporary one."""
    if store is not None:
        store.require_writable()
        yield store
        return
    with TemporaryDirectory(prefix="antivenom-dose-") as folder:
        yield Store(Path(folder))
