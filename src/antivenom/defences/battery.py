"""Battery: several scans, one verdict and one promise."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.charts import Axis, Bars, BarSeries, Chart, Figure, column
from antivenom.data import Dataset
from antivenom.defences._scan import Scan, Subject, Verdict
from antivenom.defences._verdict_view import class_names
from antivenom.defences.mm_bd import MMBD
from antivenom.defences.neural_cleanse import NeuralCleanse
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import Component, component
from antivenom.settings.naming import named
from antivenom.trial import Trial

SMALLEST_P_VALUE = 1e-6
"""The smallest p-value in the chart."""


@component
class Battery:
    """Run several scans, and combine their p-values under one false-alarm rate.

    Each class has the smallest of its p-values, multiplied by the number of scans (Bonferroni). So the promise holds
    for all scans together, however they depend on each other. A scan that refuses the classifier or the clean rows is
    left out, and `Verdict.untested` says why. The scans run in the order of the list: the cheapest should be first.

    Args:
        scans: the scans, in the order in which they run. Their own false-alarm rates are not used.
        false_alarm_rate: the probability, over all scans and classes together, that a clean classifier may be flagged.
        stop_when_sure: true to stop as soon as a class is flagged. The verdict then has no evidence of later scans.

    Raises:
        CapabilityError, DataError: all scans refuse the classifier or the clean rows. The message is that of the first.
        SettingsError: there is no scan.

    >>> from antivenom.models import MLP
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> verdict = Battery(scans=(MMBD(starts=2, steps=20), NeuralCleanse())).scan(net, None, rng=Rng(0))
    >>> [sentence[:27] for sentence in verdict.untested if "not run" in sentence]
    ['neural_cleanse was not run:']
    """

    trial = Trial(
        settings={
            "scans": [
                {"name": "mm_bd", "starts": 8, "steps": 100},
                {"name": "neural_cleanse", "steps": 300, "batch_size": 24},
            ]
        },
        quick={"scans": [{"name": "mm_bd", "starts": 1, "steps": 4}, {"name": "neural_cleanse", "steps": 6}]},
    )

    scans: tuple[Annotated[Scan, Component("defences")], ...] = (MMBD(), NeuralCleanse())
    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    stop_when_sure: bool = False

    def __post_init__(self) -> None:
        if not self.scans:
            raise SettingsError(["Battery.scans must have at least one scan; got none."])

    @property
    def needs(self) -> frozenset[str]:
        """Return what every scan requires."""
        return frozenset.intersection(*(frozenset(each.needs) for each in self.scans))

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        """Return the verdict, one row for each class."""
        results: list[_Result] = []
        refusals: dict[str, CapabilityError | DataError] = {}
        for number, (name, each) in enumerate(named("defences", self.scans).items()):
            try:
                results.append(_Result(name, each.scan(classifier, clean, rng=rng.child("scan", number))))
            except (CapabilityError, DataError) as error:
                refusals[name] = error
                continue
            if self.stop_when_sure:
                combined = _combined(results, len(self.scans) - len(refusals), classifier.classes)
                if bool((combined <= self.false_alarm_rate).any()):
                    break
        if not results:
            raise next(iter(refusals.values()))
        return self._verdict(results, refusals, clean, classifier.classes)

    def _verdict(
        self,
        results: "list[_Result]",
        refusals: dict[str, CapabilityError | DataError],
        clean: Dataset | None,
        count: int,
    ) -> Verdict:
        planned = len(self.scans) - len(refusals)
        p_value = _combined(results, planned, count)
        flagged = p_value <= self.false_alarm_rate
        names = clean.classes if clean else ()
        ran = {each.name for each in results} | set(refusals)
        skipped = [name for name in named("defences", self.scans) if name not in ran]
        return Verdict(
            subjects=tuple(Subject(target=number) for number in range(count)),
            statistic=p_value,
            threshold=torch.full_like(p_value, self.false_alarm_rate),
            p_value=p_value,
            flagged=flagged,
            inconclusive=p_value.isnan(),
            false_alarm_rate=self.false_alarm_rate,
            untested=(*_not_run(refusals, skipped), *dict.fromkeys(_blind_spots(results))),
            assumptions=tuple(dict.fromkeys(each for one in results for each in one.verdict.assumptions)),
            doubts=tuple(dict.fromkeys(each for one in results for each in one.verdict.doubts)),
            triggers=next((each.verdict.triggers for each in results if each.verdict.triggers is not None), None),
            details={f"p_value.{each.name}": each.by_class(count) for each in results},
            figures=(Figure(name="rows_scored", value=sum(each.rows_scored for each in results), unit="count"),),
            evidence=(
                p_values_chart(results, self.false_alarm_rate / planned, names, count),
                *_charts(results, names),
            ),
        )


@dataclass(frozen=True)
class _Result:
    """The verdict of one scan of the battery."""

    name: str
    verdict: Verdict

    def by_class(self, classes: int) -> Tensor:
        """Return the smallest p-value of each class (k); NaN if the scan could not decide about the class."""
        smallest = torch.full((classes,), torch.nan, dtype=torch.float64)
        for subject, value in zip(self.verdict.subjects, self.verdict.p_value.double(), strict=True):
            if subject.target is not None and not bool(value.isnan()):
                smallest[subject.target] = torch.fmin(smallest[subject.target], value)
        return smallest

    @property
    def rows_scored(self) -> float:
        """Return the number of rows that the scan passed through the classifier; 0 if it does not say."""
        return sum(figure.value or 0.0 for figure in self.verdict.figures if figure.name == "rows_scored")


def _charts(results: list[_Result], classes: tuple[str, ...]) -> Iterator[Chart]:
    """Yield the charts of all scans. The second chart of a name has the suffix `_2`."""
    counts: dict[str, int] = {}
    for chart in (chart for each in results for chart in each.verdict.charts(classes)):
        counts[chart.name] = number = counts.get(chart.name, 0) + 1
        yield chart if number == 1 else replace(chart, name=f"{chart.name}_{number}")


def _combined(results: list[_Result], planned: int, classes: int) -> Tensor:
    """Return the smallest p-value of each class, corrected for the number of scans (k); NaN if no scan has one.

    Args:
        results: the results so far.
        planned: the number of all scans that run, those still to come included.
        classes: the number of classes.
    """
    smallest = torch.full((classes,), torch.nan, dtype=torch.float64)
    for each in results:
        smallest = torch.fmin(smallest, each.by_class(classes))
    return (smallest * planned).clamp_max(1)


def _not_run(refusals: dict[str, CapabilityError | DataError], skipped: list[str]) -> Iterator[str]:
    """Yield a sentence for each scan that did not run."""
    for name, error in refusals.items():
        yield f"{name} was not run: {error}"
    for name in skipped:
        yield f"{name} was not run: a class was flagged before, and `stop_when_sure` is set."


def _blind_spots(results: list[_Result]) -> Iterator[str]:
    """Yield what a scan says that it did not test, with its name, unless all scans say the same."""
    for each in results:
        for sentence in each.verdict.untested:
            if all(sentence in other.verdict.untested for other in results):
                yield sentence
            else:
                yield f"By {each.name}: {sentence}"


def p_values_chart(results: list[_Result], limit: float, classes: tuple[str, ...], count: int) -> Bars:
    """Return a chart of the p-value of every class by every scan, and the limit below which a class is flagged.

    Args:
        results: the results of the scans.
        limit: the p-value below which a class is flagged.
        classes: the names of the classes, as far as they are known.
        count: the number of classes.
    """
    limits = column([limit] * count)
    series = tuple(
        BarSeries(label=each.name, values=column(each.by_class(count).clamp_min(SMALLEST_P_VALUE)), limits=limits)
        for each in results
    )
    return Bars(
        name="p_values",
        categories=class_names(classes, count),
        category_label="class",
        series=series,
        value=Axis(label="p-value", scale="log"),
        caption="The p-value of each class by each scan. Below the short lines, a class is flagged.",
        alt=f"p-values of {count} classes by {len(results)} scans.",
    )
