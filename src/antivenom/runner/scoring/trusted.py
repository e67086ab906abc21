"""The rows that a defender trusts: a share of the test set, on which nothing is measured."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from antivenom.charts import worded
from antivenom.data import Dataset
from antivenom.defences import Detector
from antivenom.errors import SettingsError
from antivenom.metrics import threshold_for
from antivenom.models import Classifier
from antivenom.rng import Rng


@dataclass(frozen=True)
class Defender:
    """What a defender has.

    Args:
        before: the classifier that stood before the data came in; None where no defence needs it.
        after: the classifier that was trained on the data.
        clean: trusted rows that neither was trained on.
    """

    before: Classifier | None
    after: Classifier
    clean: Dataset


def trusted_rows(rows: int, share: float) -> int:
    """How many of a test set's rows are the defender's.

    Raises:
        SettingsError: too few for a model and a threshold, or so many that none is left to measure on.
    """
    kept = round(share * rows)
    if not 2 <= kept < rows:
        given = f"trusted is {share}: {kept} of {rows} test rows are the defender's."
        raise SettingsError([f"{given} It must leave the defender at least two, and at least one to measure on."])
    return kept


def clean_rows(rows: int, share: float, *, model: bool) -> int:
    """How many of the defender's rows no model is trained on: half where it trains one of its own, otherwise all."""
    kept = trusted_rows(rows, share)
    return kept - kept // 2 if model else kept


def split_trusted(test: Dataset, share: float, rng: Rng, *, model: bool) -> tuple[Dataset, Dataset, Dataset]:
    """The defender's rows to train a model on, its other rows, and the rest of the test set, to measure on."""
    order = rng.order(test.ids)
    count = trusted_rows(len(test), share)
    half = count - clean_rows(len(test), share, model=model)
    train, clean, rest = order[:half], order[half:count], order[count:]
    return test.subset(train), test.subset(clean), test.subset(torch.sort(rest).values)


def too_few_clean_rows(detectors: Mapping[str, Detector], clean: int) -> Iterator[str]:
    """A doubt for each detector for whose promise the defender has too few clean rows."""
    for name, detector in detectors.items():
        if threshold_for(torch.arange(float(clean)), detector.false_alarm_rate) == math.inf:
            rate = worded(detector.false_alarm_rate, "share")
            needed = math.ceil(1 / detector.false_alarm_rate) - 1
            yield (
                f"{name} flags nothing: {clean} clean rows are too few to promise {rate} "
                f"false alarms; it takes {needed}. Raise trusted or its false_alarm_rate."
            )
