"""What is measured of a classifier, and how repeats become a mean and an interval."""

import math
from collections.abc import Sequence

import torch
from scipy.special import stdtrit
from torch import Tensor

from antivenom.data import Dataset, Scorer
from antivenom.errors import DataError
from antivenom.models import predictions
from antivenom.models.predict import ABSTAINS
from antivenom.shapes import Chosen, Counts


def accuracy(classifier: Scorer, data: Dataset) -> float:
    """The share of rows predicted right; a row without an answer counts as wrong. NaN for no rows."""
    right = predictions(classifier, data).to(data.device) == data.y
    return int(right.sum()) / len(data) if len(data) else math.nan


def coverage_and_accuracy(classifier: Scorer, data: Dataset) -> tuple[float, float]:
    """Coverage, the share of rows that get an answer, and the accuracy on those; NaN for a share of no rows."""
    predicted = predictions(classifier, data).to(data.device)
    answered, right = int((predicted != ABSTAINS).sum()), int((predicted == data.y).sum())
    return (answered / len(data) if len(data) else math.nan, right / answered if answered else math.nan)


def coverage(classifier: Scorer, data: Dataset) -> float:
    """The share of rows that get an answer; NaN for no rows."""
    return coverage_and_accuracy(classifier, data)[0]


def confusion(classifier: Scorer, data: Dataset) -> Counts:
    """How many rows of each class (row) are predicted as each class (column): (classes, classes), int64.

    Rows without an answer are left out.

    Raises:
        DataError: the classifier predicts a class that the data does not have.
    """
    classes = len(data.classes)
    predicted = predictions(classifier, data).to(data.device)
    if len(data) and int(predicted.max()) >= classes:
        raise DataError(
            f"The classifier predicts class {int(predicted.max())}; the data has classes 0 to {classes - 1}."
        )
    pairs = (data.y * classes + predicted)[predicted != ABSTAINS]
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes).cpu()


def accuracy_from(counts: Counts) -> float:
    """The accuracy that a confusion matrix shows; NaN for no rows.

    >>> accuracy_from(torch.tensor([[8, 2], [1, 9]]))
    0.85
    """
    total = int(counts.sum())
    return int(counts.diagonal().sum()) / total if total else math.nan


def class_accuracies(counts: Counts) -> list[float | None]:
    """The accuracy on each class; None for a class without rows.

    >>> class_accuracies(torch.tensor([[8, 2], [0, 0]]))
    [0.8, None]
    """
    rows = zip(counts.diagonal().tolist(), counts.sum(1).tolist(), strict=True)
    return [right / total if total else None for right, total in rows]


def summary(values: Sequence[float | None], *, share: bool = True) -> dict[str, float | int | None]:
    """Mean, n, and the bounds of the 95 % interval of repeats, by Student's t.

    It says what another seed might give. One repeat has no interval; a value that does not apply makes all null.

    Args:
        values: one a repeat.
        share: whether values are shares, which the interval's bounds then stay within [0, 1].

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
    """The chance that a positive row scores above a negative one, ties counted half; None without both kinds.

    >>> auroc(torch.tensor([0.1, 0.4, 0.4, 0.9]), torch.tensor([False, False, True, True]))
    0.875
    """
    if bool(positive.all()) or not bool(positive.any()):
        return None
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - takes a second, and few runs need it

    return float(roc_auc_score(positive.cpu().numpy(), scores.cpu().numpy()))


def tpr_at_fpr(scores: Tensor, positive: Chosen, false_alarms: float) -> float | None:
    """The largest share of positive rows above a threshold that at most so many negative rows exceed; None as `auroc`.

    >>> tpr_at_fpr(torch.tensor([0.1, 0.4, 0.3, 0.9]), torch.tensor([False, False, True, True]), 0.01)
    0.5
    """
    if bool(positive.all()) or not bool(positive.any()):
        return None
    from sklearn.metrics import roc_curve  # noqa: PLC0415 - as above

    rates, found, _ = roc_curve(positive.cpu().numpy(), scores.cpu().numpy(), drop_intermediate=False)
    return float(found[rates <= false_alarms].max())


def threshold_for(clean: Tensor, false_alarms: float) -> float:
    """A threshold that a new clean row exceeds with at most this chance, from the scores of exchangeable clean rows.

    The conformal rank: of n rows the (n + 1) (1 - rate)-th, rounded up; infinite where n is too small for this rate.

    >>> threshold_for(torch.arange(99.0), 0.05), threshold_for(torch.arange(9.0), 0.05)
    (94.0, inf)
    """
    rank = math.ceil((len(clean) + 1) * (1 - false_alarms))
    return float(clean.sort().values[rank - 1]) if rank <= len(clean) else math.inf


def share_above(scores: Tensor, threshold: float) -> float:
    """The share of scores above a threshold; NaN for none."""
    return float((scores > threshold).double().mean()) if len(scores) else math.nan
