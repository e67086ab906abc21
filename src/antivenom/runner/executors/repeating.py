"""Running the repeats of an experiment: a fixed number, or as many as an interval needs to be narrow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from antivenom.charts import Evidence, worded
from antivenom.charts.figure import Unit
from antivenom.errors import SettingsError
from antivenom.registry import did_you_mean
from antivenom.rng import Rng
from antivenom.runner.scoring.metrics import interval_of
from antivenom.runner.spec.repeats import RepeatRule
from antivenom.runner.spec.settings import ExperimentSettings


class HasEvidence(Protocol):
    """A repeat that has been measured."""

    @property
    def evidence(self) -> Evidence:
        """Its figures and charts."""


M = TypeVar("M", bound=HasEvidence)


@dataclass(frozen=True)
class Stopped:
    """The end of the repeats by a rule.

    Args:
        rule: the rule.
        repeats: the number of repeats.
        half_width: half the width of the interval after them; None if the figure has no value in some repeat.
        unit: the unit of the figure.
    """

    rule: RepeatRule
    repeats: int
    half_width: float | None
    unit: Unit

    @property
    def reached(self) -> bool:
        """True if the interval is narrow enough."""
        return self.half_width is not None and self.half_width <= self.rule.until

    def about(self) -> dict[str, Any]:
        """Return the content of the manifest about the repeats."""
        return {
            "repeats": self.repeats,
            "of": self.rule.of,
            "until": self.rule.until,
            "half_width": self.half_width,
            "reached": self.reached,
        }

    @property
    def sentence(self) -> str:
        """The number of repeats that were needed, as a sentence; empty if the interval did not become narrow enough."""
        if not self.reached:
            return ""
        width = f"{self._worded(self.half_width)}, at most {self._worded(self.rule.until)} as wanted"
        return f"{self.repeats} repeats were needed: half the width of the interval of {self.rule.of} is {width}."

    @property
    def doubts(self) -> tuple[str, ...]:
        """The doubt if the interval did not become narrow enough."""
        if self.reached:
            return ()
        if self.half_width is None:
            return (f"{self.rule.of} has no value in some repeat, so no number of repeats makes its interval narrow.",)
        width = f"{self._worded(self.half_width)}, above the wanted {self._worded(self.rule.until)}"
        return (
            f"After {self.repeats} repeats, repeats.at_most is reached and half the width of the interval of "
            f"{self.rule.of} is still {width}. Increase repeats.at_most.",
        )

    def _worded(self, value: float | None) -> str:
        unit: Unit = "points" if self.unit in ("share", "yes_no") else self.unit
        return worded(value, unit, signed=False)


def run_repeats(experiment: ExperimentSettings, measure: Callable[[int], M]) -> tuple[list[M], Stopped | None]:
    """Run the repeats, and return them, with the end of the rule if there is one.

    The rule looks only at the width of the interval, from `at_least` repeats on, after every repeat.

    Args:
        experiment: the experiment.
        measure: runs the repeat with a number, from 0.

    Raises:
        SettingsError: no figure has the key of the rule. It is raised after the first repeat.
    """
    rule = experiment.repeat_rule
    measured: list[M] = []
    stopped: Stopped | None = None
    while len(measured) < experiment.most_repeats:
        measured.append(measure(len(measured)))
        if rule is None:
            continue
        _require_known(rule.of, measured[0].evidence)
        if len(measured) >= rule.at_least:
            stopped = _stopped(rule, experiment, measured)
            if stopped.reached or stopped.half_width is None:
                break
    return measured, stopped


def _require_known(key: str, evidence: Evidence) -> None:
    if key not in evidence.figures:
        raise SettingsError(
            [f"repeats.of must be the key of a figure of this run; got '{key}'.{did_you_mean(key, evidence.figures)}"]
        )


def _stopped(rule: RepeatRule, experiment: ExperimentSettings, measured: Sequence[HasEvidence]) -> Stopped:
    figures = [each.evidence.figures.get(rule.of) for each in measured]
    known = next(each for each in figures if each is not None)
    values = [None if each is None else each.value for each in figures]
    stream = Rng(experiment.seed).child("interval")
    made = interval_of(values, known.unit, experiment.interval, stream.child(rule.of))
    half = None if made["low"] is None else (made["high"] - made["low"]) / 2
    return Stopped(rule, len(measured), half, known.unit)
