"""The contract of scans: the inputs of a scan, and the verdict that it returns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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

SUBJECTS_NAMED = 8
FEW_SUBJECTS = 4
"""With fewer subjects, a scan that compares them with each other rarely decides."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The subject of one row of a verdict: a class, a pair of classes, or the whole model.

    Args:
        target: the class to which a trigger would send rows, or None for the whole model.
        source: the only class on whose rows the trigger would work, or None for all classes.

    >>> [each.label(("cat", "dog")) for each in (Subject(target=1), Subject(target=1, source=0), Subject())]
    ['dog', 'cat → dog', 'the model']
    """

    target: int | None = None
    source: int | None = None

    def label(self, classes: tuple[str, ...] = ()) -> str:
        """Return the subject in words, with the names of the classes if they are known."""

        def name(number: int) -> str:
            return classes[number] if number < len(classes) else f"class {number}"

        if self.target is None:
            return "the model"
        return name(self.target) if self.source is None else f"{name(self.source)} → {name(self.target)}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Verdict:
    """The result of a scan of a classifier, one row for each subject (k).

    Args:
        subjects: the class, pair of classes or model that each row describes.
        statistic: the number that decides about each subject (k); NaN if there is none.
        p_value: the probability that a clean classifier has a statistic at least as suspicious, corrected for the
            number of subjects (k), in [0, 1]; NaN for inconclusive subjects.
        flagged: the subjects that look like a backdoor (k), bool.
        inconclusive: the subjects that the scan could not decide about (k), bool.
        false_alarm_rate: the promised probability that the scan flags any subject of a clean classifier.
        untested: the backdoors that this scan cannot see, one sentence each.
        triggers: the recovered triggers, or None if the scan does not recover triggers.
        threshold: the statistic at which each subject would be flagged (k); NaN or None if it is unknown.
        details: further numbers about each subject, by name, each (k).
        figures: numbers about the scan's own work.
        evidence: charts of the result.
        assumptions: what is assumed about the classifier, one sentence each. The call of `scan` adds those of the
            classifier, such as whose weights it has.
        doubts: reasons not to trust the verdict, one sentence each. The call of `scan` adds one if the classifier is
            rarely right on the rows.

    Raises:
        DataError: a tensor does not have one number for each subject.
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
    assumptions: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = {name: getattr(self, name) for name in ("statistic", "p_value", "flagged", "inconclusive")}
        parts |= {} if self.threshold is None else {"threshold": self.threshold}
        for name, tensor in {**parts, **self.details}.items():
            if tensor.shape != (len(self.subjects),):
                raise DataError(
                    f"Verdict.{name} must have one number for each subject, shape ({len(self.subjects)},); "
                    f"got shape {tuple(tensor.shape)}."
                )

    @property
    def suspected(self) -> tuple[int, ...]:
        """Return the target classes of the flagged subjects, the most suspicious first."""
        order = self.p_value.nan_to_num(nan=1.0).argsort(stable=True).tolist()
        targets = (self.subjects[row].target for row in order if self.flagged[row])
        return tuple(dict.fromkeys(target for target in targets if target is not None))

    @property
    def is_suspicious(self) -> bool:
        """Return True if any subject is flagged."""
        return bool(self.flagged.any())

    @property
    def smallest_p_value(self) -> float | None:
        """Return the smallest p-value, or None if all subjects are inconclusive."""
        known = self.p_value[~self.p_value.isnan()]
        return float(known.min()) if len(known) else None

    def figure(self, name: str) -> float | None:
        """Return the value of one of the verdict's `figures`.

        Raises:
            KeyError: the verdict does not have this figure.
        """
        return {each.key: each.value for each in self.figures}[name]

    def summary(self, classes: tuple[str, ...] = ()) -> str:
        """Return the verdict in one sentence: the flagged subjects with their p-values, or that none is flagged.

        If there are doubts, it ends with the first one.
        """
        if not self.doubts:
            return self._finding(classes)
        doubt = self.doubts[0].partition(". ")[0].removesuffix(".")
        doubt = f"the{doubt[3:]}" if doubt.startswith("The ") else doubt
        more = f" (and {len(self.doubts) - 1} more)" if len(self.doubts) > 1 else ""
        return f"{self._finding(classes)}; doubtful: {doubt}{more}"

    def _finding(self, classes: tuple[str, ...] = ()) -> str:
        """Return the verdict in one sentence, without doubts."""
        if self.is_suspicious:
            named = [
                f"{subject.label(classes)} ({worded_p_value(finite(float(p)))})"
                for subject, p, hit in zip(self.subjects, self.p_value, self.flagged, strict=True)
                if hit
            ]
            more = f" and {len(named) - SUBJECTS_NAMED} more" if len(named) > SUBJECTS_NAMED else ""
            return f"backdoored: {', '.join(named[:SUBJECTS_NAMED])}{more}"
        if bool(self.inconclusive.all()):
            return f"inconclusive: the scan could not decide about any {self._word(1)}"
        undecided = int(self.inconclusive.sum())
        smallest = self.smallest_p_value
        text = "no backdoor detected" + ("" if smallest is None else f" (smallest {worded_p_value(smallest)})")
        return text + (f"; inconclusive for {undecided} of {len(self.subjects)} {self._word(2)}" if undecided else "")

    def with_notes(self, assumptions: Iterable[str], doubts: Iterable[str]) -> "Verdict":
        """Return a copy with more assumptions and doubts, each sentence once."""
        return replace(
            self,
            assumptions=tuple(dict.fromkeys((*self.assumptions, *assumptions))),
            doubts=tuple(dict.fromkeys((*self.doubts, *doubts))),
        )

    def _word(self, count: int) -> str:
        """Return the word for `count` subjects of this verdict: classes, pairs of classes, or subjects."""
        one, several = "subject", "subjects"
        if all(each.target is not None for each in self.subjects):
            pairs = any(each.source is not None for each in self.subjects)
            one, several = ("pair of classes", "pairs of classes") if pairs else ("class", "classes")
        return one if count == 1 else several

    def charts(self, classes: tuple[str, ...] = ()) -> tuple[Chart, ...]:
        """Return the scan's charts, or a chart of the statistic of every subject if the scan has no charts."""
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
        """Return the first chart as a matplotlib figure."""
        return self.charts()[0].to_matplotlib()

    def __repr__(self) -> str:
        doubts = "".join(f" Doubt: {sentence}" for sentence in self.doubts)
        return f"Verdict({self._finding()}; promised false-alarm rate: {self.false_alarm_rate:.0%}){doubts}"

    def _repr_html_(self) -> str:
        labels = [subject.label() for subject in self.subjects]
        return verdict_html(
            labels,
            statistic=self.statistic,
            flagged=self.flagged,
            p_value=self.p_value,
            summary=" ".join((self._finding(), *(f"Doubt: {sentence}" for sentence in self.doubts))),
        )


@runtime_checkable
class Scan(Protocol):
    """A defence that looks for a backdoor in a classifier: a component, such as `NeuralCleanse`.

    Attributes:
        needs: its requirements on the classifier, such as `gradients`; see `antivenom.settings.NEEDS`.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Return its requirements: keys of `antivenom.settings.NEEDS`."""

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        """Return the verdict on a classifier.

        Args:
            classifier: the classifier. The scan must not change it.
            clean: the defender's rows with their true labels, or None. A scan may refuse None with a `DataError`.
            rng: the scan's random stream.
        """


@runtime_checkable
class RecoversTriggers(Protocol):
    """A scan whose verdicts contain recovered triggers. Some repairs require them.

    Attributes:
        recovers_triggers: always True.
    """

    recovers_triggers: bool


def clean_rows_for(scan: object, clean: Dataset | None) -> Dataset:
    """Return `clean` unchanged.

    Raises:
        DataError: `clean` is None or has no rows.
    """
    if clean is None or not len(clean):
        raise DataError(f"{type(scan).__name__} requires clean rows; got 0. Pass rows with true labels as `clean`.")
    return clean


def require_triggers(verdict: Verdict | None, *, by: str) -> Verdict:
    """Return `verdict` unchanged.

    Raises:
        CapabilityError: `verdict` is None, flags nothing and is inconclusive about a subject, or flags a class and does
            not contain triggers.
    """
    if verdict is None:
        raise CapabilityError(f"{by} requires a scan's verdict; got None. Run a scan first, such as neural_cleanse.")
    if (subjects := undecided(verdict)) is not None:
        raise CapabilityError(
            f"{by}: the verdict flags no class and is inconclusive about {subjects}; nothing was repaired. "
            f"{_advice(verdict)} fine_tuning and fine_pruning require no verdict."
        )
    if verdict.triggers is None and verdict.is_suspicious:
        raise CapabilityError(
            f"{by} requires recovered triggers, which this verdict does not contain. "
            "Use a scan that recovers triggers, such as neural_cleanse."
        )
    return verdict


def _advice(verdict: Verdict) -> str:
    if len(verdict.subjects) < FEW_SUBJECTS:
        return (
            "With fewer than four classes this scan rarely decides, because there are too few classes to compare; more "
            "steps or rows do not change this."
        )
    return "Scan with more steps or more clean rows; verdict.untested has reasons."


def undecided(verdict: Verdict) -> str | None:
    """Return the inconclusive subjects of a verdict that flags nothing, in words; None if there is a decision."""
    if verdict.is_suspicious or not bool(verdict.inconclusive.any()):
        return None
    subjects = [each for each, unsure in zip(verdict.subjects, verdict.inconclusive, strict=True) if unsure]
    labels = [each.label() for each in subjects[:SUBJECTS_NAMED]]
    plain = all(each.target is not None and each.source is None for each in subjects) and len(subjects) > 1
    text = "classes " + ", ".join(each.removeprefix("class ") for each in labels) if plain else ", ".join(labels)
    more = len(subjects) - SUBJECTS_NAMED
    return text + (f" and {more} more" if more > 0 else "")
