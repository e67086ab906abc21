"""The defender's trusted rows: a share of the test set, on which nothing is measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from antivenom.charts import worded
from antivenom.data import Dataset
from antivenom.defences import Detector, Filter
from antivenom.errors import SettingsError
from antivenom.metrics import rows_for_rate
from antivenom.models import Classifier
from antivenom.rng import Rng


@dataclass(frozen=True)
class Defender:
    """The models and clean rows that a defender has.

    Args:
        before: the classifier from before the poisoned data, or None if no defence needs it.
        after: the classifier that was trained on the poisoned data.
        clean: trusted rows that neither classifier was trained on.
        given: the number of all trusted rows: those of `clean`, and those for the defender's own model.
    """

    before: Classifier | None
    after: Classifier
    clean: Dataset
    given: int


def trusted_rows(rows: int, share: float) -> int:
    """Return the number of test rows that the defender has.

    Raises:
        SettingsError: the defender would have fewer than two rows, or no row would be left to measure on.
    """
    kept = round(share * rows)
    if not 2 <= kept < rows:
        given = f"got {share}, which gives {kept} of {rows}"
        raise SettingsError(
            [f"trusted must give the defender at least 2 test rows and leave 1 to measure on; {given}."]
        )
    return kept


def clean_rows(rows: int, share: float, *, model: bool) -> int:
    """Return the number of trusted rows that are not trained on: half if the defender trains a model, else all."""
    kept = trusted_rows(rows, share)
    return kept - kept // 2 if model else kept


def split_trusted(test: Dataset, share: float, rng: Rng, *, model: bool) -> tuple[Dataset, Dataset, Dataset]:
    """Return the defender's rows to train a model on, its other rows, and the rest of the test set to measure on."""
    order = rng.order(test.ids)
    count = trusted_rows(len(test), share)
    half = count - clean_rows(len(test), share, model=model)
    train, clean, rest = order[:half], order[half:count], order[count:]
    return test.subset(train), test.subset(clean), test.subset(torch.sort(rest).values)


def halves(clean: Dataset, rng: Rng) -> tuple[Dataset, Dataset]:
    """Return the trusted rows that a filter receives, and those that set its threshold."""
    order = rng.child("halves").order(clean.ids)
    return clean.subset(order[: len(order) // 2]), clean.subset(order[len(order) // 2 :])


def too_few_clean_rows(
    detectors: Mapping[str, Detector], filters: Mapping[str, Filter], clean: int, given: int
) -> Iterator[str]:
    """Yield a doubt for each detector and filter that has too few trusted rows for its promised rate.

    Args:
        detectors: the detectors by name.
        filters: the filters by name.
        clean: the number of trusted rows that the defences receive.
        given: the number of all trusted rows.
    """
    model = f" The defender has {given} trusted rows; {given - clean} are for its own model, {clean} remain."
    split = model if given > clean else ""
    for name, detector in detectors.items():
        if needed := _rows_missing(clean, detector.false_alarm_rate):
            rate = worded(detector.false_alarm_rate, "share")
            yield (
                f"{name} cannot flag any row: a false-alarm rate of {rate} requires {needed} clean rows, and the "
                f"defender has {clean}. Increase trusted, or the detector's false_alarm_rate.{split}"
            )
    for name, each in filters.items():
        if needed := _rows_missing(clean - clean // 2, each.false_rejection_rate):
            rate = worded(each.false_rejection_rate, "share")
            yield (
                f"{name} cannot reject any input: a false-rejection rate of {rate} requires {needed} rows to set the "
                f"threshold, and there are {clean - clean // 2}. Increase trusted, or false_rejection_rate.{split}"
            )


def _rows_missing(rows: int, rate: float) -> int:
    """Return the number of rows that a threshold for this rate requires; 0 if there are enough."""
    needed = rows_for_rate(rate)
    return needed if rows < needed else 0
