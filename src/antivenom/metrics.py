"""Metrics of classifiers and detectors, and the mean and interval over repeats."""

import math
from collections.abc import Sequence

import torch
from scipy.special import stdtrit
from torch import Tensor

from antivenom.data import Dataset, Scorer
from antivenom.errors import DataError
from antivenom.models import predictions
from antivenom.models.predict import ABSTAINS
from antivenom.shapes import Chosen, Counts, Labels


def accuracy(classifier: Scorer, data: Dataset) -> float:
    """Return the share of correct predictions, or NaN without rows. A row without a prediction counts as wrong."""
    correct = predictions(classifier, data).to(data.device) == data.y
    return int(correct.sum()) / len(data) if len(data) else math.nan


def coverage_and_accuracy(classifier: Scorer, data: Dataset) -> tuple[float, float]:
    """Return the coverage and the accuracy on rows with an answer. Each is NaN if it is a share of no rows."""
    predicted = predictions(classifier, data).to(data.device)
    answered, correct = int((predicted != ABSTAINS).sum()), int((predicted == data.y).sum())
    return (answered / len(data) if len(data) else math.nan, correct / answered if answered else math.nan)


def coverage(classifier: Scorer, data: Dataset) -> float:
    """Return the share of rows that get an answer, or NaN without rows."""
    return coverage_and_accuracy(classifier, data)[0]


def confusion(classifier: Scorer, data: Dataset) -> Counts:
    """Return the confusion matrix: true class by predicted class, (classes, classes), int64, on the CPU.

    Rows without an answer, and rows whose scores are not finite, are left out.

    Raises:
        DataError: the rows do not fit the classifier, or it predicts a class that the data does not have.
    """
    return confusion_from(predictions(classifier, data), data)


def confusion_from(predicted: Labels, data: Dataset) -> Counts:
    """Return the confusion matrix of predictions (n), as `confusion` does.

    Raises:
        DataError: a prediction is a class that the data does not have.
    """
    classes, predicted = len(data.classes), predicted.to(data.device)
    if len(data) and int(predicted.max()) >= classes:
        raise DataError(
            f"The classifier predicts class {int(predicted.max())}, but the classes of the data are 0 to {classes - 1}."
        )
    pairs = (data.y * classes + predicted)[predicted >= 0]
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes).cpu()


def accuracy_from(counts: Counts, undefined: int = 0) -> float:
    """Return the accuracy from a confusion matrix, or NaN if it is empty.

    Args:
        counts: the confusion matrix.
        undefined: the number of further rows whose scores are not finite. They count as wrong.

    >>> accuracy_from(torch.tensor([[8, 2], [1, 9]]))
    0.85
    """
    total = int(counts.sum()) + undefined
    return int(counts.diagonal().sum()) / total if total else math.nan


def class_accuracies(counts: Counts) -> list[float | None]:
    """Return the accuracy on each class from a confusion matrix, or None for a class without rows.

    >>> class_accuracies(torch.tensor([[8, 2], [0, 0]]))
    [0.8, None]
    """
    rows = zip(counts.diagonal().tolist(), counts.sum(1).tolist(), strict=True)
    return [correct / total if total else None for correct, total in rows]


def summary(values: Sequence[float | None], *, share: bool = True) -> dict[str, float | int | None]:
    """Return the mean, n, and the limits of the 95 % interval over repeats, by Student's t.

    The interval is for the mean over seeds. One repeat has no interval. If a value is None or NaN, the mean and the
    limits are None.

    Args:
        values: one value for each repeat.
        share: True if values are shares. The limits are then clipped to [0, 1].

    >>> {key: round(value, 3) for key, value in summary([0.9, 0.92, 0.94]).items()}
    {'mean': 0.92, 'n': 3, 'low': 0.87, 'high': 0.97}
    >>> summary([0.5])
    {'mean': 0.5, 'n': 1, 'low': None, 'high': None}
    """
    known = [value for value in values if value is not None and not math.isnan(value)]
    if len(known) < len(values) or not known:
        return {"mean": None, "n": len(known), "low": None, "high": None}
    mean = math.fsum(known) / len(known)
    if len(known) == 1:
        return {"mean": mean, "n": 1, "low": None, "high": None}
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1))
    half = float(stdtrit(len(known) - 1, 0.975)) * spread / math.sqrt(len(known))
    low, high = mean - half, mean + half
    if share:
        low, high = max(0.0, low), min(1.0, high)
    return {"mean": mean, "n": len(known), "low": low, "high": high}


def auroc(scores: Tensor, positive: Chosen) -> float | None:
    """Return the area under the ROC curve, or None if all rows are positive or all are negative.

    >>> auroc(torch.tensor([0.1, 0.4, 0.4, 0.9]), torch.tensor([False, False, True, True]))
    0.875
    """
    if bool(positive.all()) or not bool(positive.any()):
        return None
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - the import takes a second, and few runs need it

    return float(roc_auc_score(positive.cpu().numpy(), scores.cpu().numpy()))


def tpr_at_fpr(scores: Tensor, positive: Chosen, fpr: float) -> float | None:
    """Return the highest true-positive rate of a threshold with at most this false-positive rate, or None as `auroc`.

    >>> tpr_at_fpr(torch.tensor([0.1, 0.4, 0.3, 0.9]), torch.tensor([False, False, True, True]), 0.01)
    0.5
    """
    if bool(positive.all()) or not bool(positive.any()):
        return None
    from sklearn.metrics import roc_curve  # noqa: PLC0415 - see auroc

    false_rates, true_rates, _ = roc_curve(positive.cpu().numpy(), scores.cpu().numpy(), drop_intermediate=False)
    return float(true_rates[false_rates <= fpr].max())


def threshold_for(clean: Tensor, false_alarm_rate: float) -> float:
    """Return a threshold that a new clean row exceeds with a chance of at most `false_alarm_rate`.

    This is the conformal quantile: of the n sorted scores of clean rows, number (n + 1) (1 - rate), rounded up. It is
    infinite if n is too small for the rate. Clean rows and the new row must be exchangeable.

    >>> threshold_for(torch.arange(99.0), 0.05), threshold_for(torch.arange(9.0), 0.05)
    (94.0, inf)
    """
    rank = _rank(len(clean), false_alarm_rate)
    return float(clean.sort().values[rank - 1]) if rank <= len(clean) else math.inf


def rows_for_rate(false_alarm_rate: float) -> int:
    """Return the smallest number of clean rows with which `threshold_for` is finite.

    >>> rows_for_rate(0.05), rows_for_rate(0.01)
    (19, 99)
    """
    rows = max(1, math.ceil(1 / false_alarm_rate) - 2)
    while _rank(rows, false_alarm_rate) > rows:
        rows += 1
    return rows


def _rank(rows: int, rate: float) -> int:
    return math.ceil((rows + 1) * (1 - rate))


def share_above(scores: Tensor, threshold: float) -> float:
    """Return the share of scores above a threshold, or NaN if there are none."""
    return float((scores > threshold).double().mean()) if len(scores) else math.nan
