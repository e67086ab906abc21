"""The contract of scans: what a scan receives, and what its verdict says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import Chart, Figure, finite, worded_p_value
from antivenom.data import Dataset
from antivenom.defences._recovered_triggers import RecoveredTriggers
from antivenom.defences._verdict_view import statistic_chart, verdict_html
from antivenom.errors import CapabilityError, DataError
from antivenom.models import Classifier
from antivenom.rng import Rng

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

WORDS_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What one row of a verdict is about: a class, a pair of classes, or the whole model.

    Args:
        target: the class that a trigger would send rows to; None for the whole model.
        source: the only class whose rows it would work on; None for all.

    >>> [each.label(("cat", "dog")) for each in (Subject(target=1), Subject(target=1, source=0), Subject())]
    ['dog', 'cat → dog', 'the model']
    """

    target: int | None = None
    source: int | None = None

    def label(self, classes: tuple[str, ...] = ()) -> str:
        """The subject in words, with the names of classes where they are known."""

        def name(number: int) -> str:
            return classes[number] if number < len(classes) else f"class {number}"

        if self.target is None:
            return "the model"
        return name(self.target) if self.source is None else f"{name(self.source)} → {name(self.target)}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Verdict:
    """What a scan says of a classifier, a row for each subject (k).

    Args:
        subjects: what each row is about.
        statistic: the number by which each subject is judged (k); NaN where there is none.
        p_value: the chance of a statistic as suspicious on a clean classifier, corrected for the number of subjects
            (k); NaN where nothing can be said.
        flagged: the subjects that look like a backdoor (k).
        inconclusive: the subjects of which nothing can be said (k).
        false_alarm_rate: the chance, over all subjects together, with which a clean classifier may be flagged.
        untested: what this scan cannot see, in a sentence each.
        triggers: the recovered triggers; None where the scan recovers none.
        threshold: the statistic at which each subject would be flagged (k); NaN or None where that is unknown.
        details: further numbers of each subject, by name (k).
        figures: what the scan reports of its own work.
        evidence: charts of what it found.
    """

    subjects: tuple[Subject, ...]
    statistic: Tensor
    p_value: Tensor
    flagged: Tensor
    inconclusive: Tensor
    false_alarm_rate: float
    untested: tuple[str, ...] = ()
    triggers: RecoveredTriggers | None = None
    threshold: Tensor | None = None
    details: Mapping[str, Tensor] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    evidence: tuple[Chart, ...] = ()

    def __post_init__(self) -> None:
        parts = {name: getattr(self, name) for name in ("statistic", "p_value", "flagged", "inconclusive")}
        parts |= {} if self.threshold is None else {"threshold": self.threshold}
        for name, tensor in {**parts, **self.details}.items():
            if tensor.shape != (len(self.subjects),):
                raise DataError(f"Verdict.{name} must have one number a subject; got {tuple(tensor.shape)}.")

    @property
    def suspected(self) -> tuple[int, ...]:
        """The target classes of flagged subjects, the most suspicious first."""
        order = self.p_value.nan_to_num(nan=1.0).argsort(stable=True).tolist()
        targets = (self.subjects[row].target for row in order if self.flagged[row])
        return tuple(dict.fromkeys(target for target in targets if target is not None))

    @property
    def is_suspicious(self) -> bool:
        """Whether anything is flagged."""
        return bool(self.flagged.any())

    @property
    def smallest_p_value(self) -> float | None:
        """The smallest p-value; None where nothing can be said of any subject."""
        known = self.p_value[~self.p_value.isnan()]
        return float(known.min()) if len(known) else None

    def figure(self, name: str) -> float | None:
        """The value of one of the scan's own figures.

        Raises:
            KeyError: it reports no such figure.
        """
        return {each.key: each.value for each in self.figures}[name]

    def summary(self, classes: tuple[str, ...] = ()) -> str:
        """The verdict in a sentence: what is flagged, with its p-value, or that nothing is."""
        if self.is_suspicious:
            named = [
                f"{subject.label(classes)} ({worded_p_value(finite(float(p)))})"
                for subject, p, hit in zip(self.subjects, self.p_value, self.flagged, strict=True)
                if hit
            ]
            more = f" and {len(named) - WORDS_SHOWN} more" if len(named) > WORDS_SHOWN else ""
            return f"backdoored: {', '.join(named[:WORDS_SHOWN])}{more}"
        if bool(self.inconclusive.all()):
            return "inconclusive: nothing can be said of any subject"
        open_ones = int(self.inconclusive.sum())
        least = self.smallest_p_value
        found = "clean as far as tested" + ("" if least is None else f" (smallest {worded_p_value(least)})")
        return found + (f"; {open_ones} of {len(self.subjects)} subjects are inconclusive" if open_ones else "")

    def charts(self, classes: tuple[str, ...] = ()) -> tuple[Chart, ...]:
        """The evidence; the statistic of every subject where the scan brings none."""
        if self.evidence:
            return self.evidence
        labels = [subject.label(classes) for subject in self.subjects]
        chart = statistic_chart(
            labels,
            statistic=self.statistic,
            flagged=self.flagged,
            threshold=self.threshold,
            summary=self.summary(classes),
        )
        return (chart,)

    def plot(self) -> "Picture":
        """The first chart as a matplotlib figure."""
        return self.charts()[0].to_matplotlib()

    def __repr__(self) -> str:
        return f"Verdict({self.summary()}; {self.false_alarm_rate:.0%} false alarms promised)"

    def _repr_html_(self) -> str:
        labels = [subject.label() for subject in self.subjects]
        return verdict_html(
            labels, statistic=self.statistic, flagged=self.flagged, p_value=self.p_value, summary=self.summary()
        )


@runtime_checkable
class Scan(Protocol):
    """A defence that looks for a backdoor in a classifier: a component, such as `NeuralCleanse`.

    Attributes:
        needs: what it requires of the classifier, such as `gradients`; see `antivenom.settings.NEEDS`.
    """

    @property
    def needs(self) -> frozenset[str]:
        """What it requires, in the words of `antivenom.settings.NEEDS`."""

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        """The verdict on a classifier.

        Args:
            classifier: the classifier; it stays as it is.
            clean: rows with their true labels, which a defender has; None for none, which a scan may refuse.
            rng: the scan's stream.
        """


@runtime_checkable
class RecoversTriggers(Protocol):
    """A scan whose verdicts hold recovered triggers, which some repairs require.

    Attributes:
        recovers_triggers: always true.
    """

    recovers_triggers: bool


def clean_rows_for(scan: object, clean: Dataset | None) -> Dataset:
    """The clean rows themselves.

    Raises:
        DataError: there are none.
    """
    if clean is None or not len(clean):
        raise DataError(f"{type(scan).__name__} requires clean rows; got none. Pass rows with their true labels.")
    return clean


def require_triggers(verdict: Verdict | None, *, by: str) -> Verdict:
    """The verdict itself.

    Raises:
        CapabilityError: there is none, or its scan recovers no triggers.
    """
    if verdict is None:
        raise CapabilityError(f"{by} requires a scan's verdict. Name a scan, such as neural_cleanse, before it.")
    if verdict.triggers is None and verdict.is_suspicious:
        raise CapabilityError(f"{by} requires recovered triggers, and the scan gave none. Use neural_cleanse.")
    return verdict
