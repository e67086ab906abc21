"""Certificates of victim and control, beside what the attack achieved with its number of changes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from antivenom.charts import Axis, Evidence, Figure, Lines, Series, by_subject, column, worded
from antivenom.charts.parts import Role
from antivenom.data import Dataset, Goal, Poisoned
from antivenom.goals import TriggeredGoal, attacked_rows, target_classes, triggered_rows
from antivenom.models import Certificates, Certified, Classifier, Threat, input_batches, predictions
from antivenom.runner.scoring.pair import Pair
from antivenom.shapes import Chosen, Labels
from antivenom.training.partitions import Keys, content_keys

COUNTS = (1, 5, 10, 50, 100)
"""The numbers of changes at which tables state the certified accuracy. The chart has all numbers."""

MOST_POINTS = 2000
"""The largest number of points of a line."""


@dataclass(frozen=True, eq=False)
class CertifiedRows:
    """Rows with their predictions and certificates.

    Args:
        predicted: the predicted class of each row (n).
        good: True where the prediction is good for the owner of the model (n).
        radii: the certificates (n).
    """

    predicted: Labels
    good: Chosen
    radii: Certificates

    def share_at(self, changes: int) -> float:
        """Return the share of rows with a good prediction that survives this number of changes."""
        return float((self.good & (self.radii >= changes)).double().mean()) if len(self.good) else 0.0

    @property
    def median(self) -> int | None:
        """The largest number of changes at which at least half of the rows are certified; None if there is none."""
        kept = self.radii.masked_fill(~self.good, -1).sort(descending=True).values
        middle = int(kept[(len(kept) + 1) // 2 - 1]) if len(kept) else -1
        return None if middle < 0 else middle


def is_certified(pair: Pair) -> bool:
    """Return whether victim and control have certificates."""
    return all(isinstance(each, Certified) for each in pair.classifiers)


def score_certificates(poisoned: Poisoned, clean: Dataset, pair: Pair, test: Dataset) -> Evidence:
    """Return figures and a chart of the certificates.

    Args:
        poisoned: the data of the victim, and the attacker's goal.
        clean: the data of the control.
        pair: a victim and a control with certificates.
        test: the rows to measure on.
    """
    victim, control = pair.classifiers
    assert isinstance(victim, Certified)
    changes = changes_between(clean, poisoned.data, victim.threat)
    rows = [_on_test(one, test) for one in (victim, control)]
    triggered = _triggered(poisoned.goal, test, (victim, control))
    figures = [*_accuracies(rows), *_bounds(changes, rows, triggered)]
    return Evidence.of("model", figures, [_chart(rows, triggered, changes, victim.threat)])


def changes_between(before: Dataset, after: Dataset, threat: Threat) -> int | None:
    """Return the number of changes between two training sets; None if the threat does not include them.

    For insertions and removals it is the size of the symmetric difference. A row that occurs twice counts twice.

    >>> import numpy as np
    >>> old = Dataset.from_arrays(np.array([[0.0], [1.0]]), [0, 1])
    >>> new = Dataset.from_arrays(np.array([[0.0], [1.0]]), [1, 1], classes=2)
    >>> changes_between(old, new, "insertions and removals"), changes_between(old, new, "label flips")
    (2, 1)
    """
    if threat == "label flips" and _difference(before, after, labels=False):
        return None
    rows = _difference(before, after, labels=True)
    return rows // 2 if threat == "label flips" else rows


def _difference(before: Dataset, after: Dataset, *, labels: bool) -> int:
    keys: list[Keys] = [content_keys(data, labels=labels) for data in (before, after)]
    _, numbers = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    most = int(numbers.max(initial=-1)) + 1
    counts = [np.bincount(part, minlength=most) for part in (numbers[: len(before)], numbers[len(before) :])]
    return int(np.abs(counts[0] - counts[1]).sum())


def _on_test(classifier: Classifier, test: Dataset) -> CertifiedRows:
    predicted = predictions(classifier, test)
    return CertifiedRows(predicted, predicted == test.y, _radii(classifier, test))


def _triggered(goal: Goal, test: Dataset, both: tuple[Classifier, Classifier]) -> list[CertifiedRows]:
    """Return the attacked rows with their trigger; a prediction is good if it is not the attacker's target."""
    if not isinstance(goal, TriggeredGoal):
        return []
    rows = attacked_rows(goal, test)
    if not len(rows):
        return []
    targets, rows = target_classes(goal, rows), triggered_rows(goal, rows)
    pairs = [(predictions(one, rows), one) for one in both]
    return [CertifiedRows(predicted, predicted != targets, _radii(one, rows)) for predicted, one in pairs]


def _radii(classifier: Classifier, data: Dataset) -> Certificates:
    assert isinstance(classifier, Certified)
    return torch.cat([classifier.certified(x).to(data.device) for _, x in input_batches(data)])


def _accuracies(rows: list[CertifiedRows]) -> Iterator[Figure]:
    for each, control in zip(rows, (False, True), strict=True):
        shares = {f"at_{count}": each.share_at(count) for count in COUNTS}
        yield from by_subject("certified_accuracy", shares, better="high", control=control)
        yield Figure(name="median_certified", value=each.median, unit="count", better="high", control=control)


def _bounds(changes: int | None, rows: list[CertifiedRows], triggered: list[CertifiedRows]) -> Iterator[Figure]:
    """Yield what the control's certificates promise about the victim, and how often they were broken."""
    yield Figure(name="changed_rows", value=changes, unit="count")
    promised = None if changes is None else rows[1].share_at(changes)
    yield Figure(name="accuracy_promised", value=promised, better="high", headline=True)
    if triggered:
        most = None if changes is None else 1 - triggered[1].share_at(changes)
        yield Figure(name="success_rate_at_most", value=most, better="low", headline=True)
    broken = None if changes is None else sum(_broken(each, changes) for each in (rows, triggered) if each)
    yield Figure(name="broken_certificates", value=broken, unit="count", better="low")


def _broken(both: list[CertifiedRows], changes: int) -> int:
    """Return the number of rows whose prediction differs although a certificate covers the changes."""
    victim, control = both
    covered = (victim.radii >= changes) | (control.radii >= changes)
    return int((covered & (victim.predicted != control.predicted)).sum())


def _chart(rows: list[CertifiedRows], triggered: list[CertifiedRows], changes: int | None, threat: Threat) -> Lines:
    last = max(int(each.radii.max()) if len(each.radii) else 0 for each in (*rows, *triggered))
    last = max(last + 1, 0 if changes is None else changes)
    at = np.unique(np.linspace(0, last, min(last + 1, MOST_POINTS)).round().astype(int))

    def line(each: CertifiedRows, label: str, role: Role) -> Series:
        shares = column([100 * each.share_at(int(count)) for count in at])
        return Series(label=label, x=column(at), y=shares, role=role, stepped=True)

    series = [line(rows[1], "certified, control", "control"), line(rows[0], "certified, victim", "victim")]
    if triggered:
        series.append(line(triggered[1], "trigger certified to fail, control", "neutral"))
    if changes is not None:
        series.append(_point(changes, rows[0], "measured: correct"))
        series += [_point(changes, triggered[0], "measured: trigger fails")] if triggered else []
    measured = f"After {changes:,} {threat}, {worded(rows[0].share_at(0), 'share')} are correct." if changes else ""
    promised = worded(rows[1].share_at(changes), "share") if changes is not None else worded(None, "share")
    return Lines(
        name="certified",
        x=Axis(label=f"{threat} in the training set", low=0, whole=True),
        y=Axis(label="test rows, %", low=-2, high=102),
        series=tuple(series),
        caption="Correct predictions that provably survive each number of changes of the training set, and what the "
        "attack achieved with its own number of changes.",
        alt=f"The control's certificates promise {promised} correct predictions at the attack's number. {measured}",
    )


def _point(changes: int, rows: CertifiedRows, label: str) -> Series:
    return Series(label=label, x=column([changes]), y=column([100 * rows.share_at(0)]), role="poison", marks=True)
