"""The referee of defences: it gives each what a defender has, and scores what it says against the truth."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.data import CLEAN, Dataset, Poisoned
from antivenom.defences import Detector
from antivenom.errors import SettingsError
from antivenom.metrics import auroc, share_above, threshold_for, true_positives_at
from antivenom.models import Classifier
from antivenom.rng import Rng

SHOWN = 4000
"""So many scores of each kind are kept for the report."""


@dataclass(frozen=True)
class Defender:
    """What a defender has.

    Attributes:
        before: the classifier that stood before the data came in; None where no defence needs it.
        after: the classifier that was trained on it.
        clean: trusted rows that neither was trained on.
    """

    before: Classifier | None
    after: Classifier
    clean: Dataset


@dataclass(frozen=True)
class Found:
    """What detectors found: figures by name, and scores for the report."""

    values: dict[str, float | None]
    scores: dict[str, NDArray[np.generic]]


def trusted_rows(rows: int, share: float) -> int:
    """How many of a test set's rows are the defender's.

    Raises:
        SettingsError: too few for a model and a threshold, or so many that none is left to measure on.
    """
    kept = round(share * rows)
    if not 2 <= kept < rows:
        given = f"trusted is {share}: {kept} of {rows} test rows are the defender's."
        raise SettingsError([f"{given} It needs two, and leaves one at least to measure on."])
    return kept


def clean_rows(rows: int, share: float, *, model: bool) -> int:
    """How many of the defender's rows no model is trained on: a half where it trains one of its own, or all."""
    kept = trusted_rows(rows, share)
    return kept - kept // 2 if model else kept


def split_trusted(test: Dataset, share: float, rng: Rng, *, model: bool) -> tuple[Dataset, Dataset, Dataset]:
    """A defender's rows to train a model on, a defender's other rows, and the rest, to measure on."""
    order = rng.order(test.ids)
    count = trusted_rows(len(test), share)
    half = count - clean_rows(len(test), share, model=model)
    train, clean, rest = order[:half], order[half:count], order[count:]
    return test.subset(train), test.subset(clean), test.subset(torch.sort(rest).values)


def too_few(detectors: dict[str, Detector], clean: int) -> Iterator[str]:
    """What to doubt where a defender has too few clean rows to keep a detector's promise."""
    for name, detector in detectors.items():
        if threshold_for(torch.arange(float(clean)), detector.false_alarm_rate) == math.inf:
            needed = math.ceil(1 / detector.false_alarm_rate) - 1
            yield (
                f"{name} flags nothing: {clean} clean rows are too few to promise {detector.false_alarm_rate:.1%} "
                f"false alarms; it takes {needed}. Raise trusted or its false_alarm_rate."
            )


def detect(detectors: dict[str, Detector], poisoned: Poisoned, defender: Defender, rng: Rng) -> Found:
    """Score every row with every detector.

    A threshold is set on the defender's clean rows alone, from the detector's wanted rate of false alarms; what it
    then catches, and what it flags in vain among the training set's clean rows, is counted with the truth.
    """
    data, bad = poisoned.data, poisoned.roles != CLEAN
    values: dict[str, float | None] = {}
    kept: dict[str, list[Tensor]] = {"clean": [], "poison": [], "threshold": []}
    for name, detector in detectors.items():
        stands = defender.before if getattr(detector, "arrival", False) else defender.after
        assert stands is not None
        stream = rng.child(name)
        scores = detector.score(data, stands, rng=stream, clean=defender.clean)
        trusted = detector.score(defender.clean, stands, rng=stream, clean=defender.clean)
        threshold = threshold_for(trusted, detector.false_alarm_rate)
        some = bool(bad.any())
        values |= {
            f"defence.{name}.auroc": auroc(scores, bad),
            f"defence.{name}.caught_at_1_percent": true_positives_at(scores, bad, 0.01),
            f"defence.{name}.caught": share_above(scores[bad], threshold) if some else None,
            f"defence.{name}.false_alarms": share_above(scores[~bad], threshold) if not bool(bad.all()) else None,
        }
        for kind, chosen in (("clean", ~bad), ("poison", bad)):
            rows = torch.nonzero(chosen).flatten()
            few = rows[rng.child("shown").order(data.ids[rows])[:SHOWN]]
            kept[kind].append(scores[few].float().cpu())
        kept["threshold"].append(torch.tensor(threshold))
    shown = {f"defence_{kind}": torch.stack(each).numpy() for kind, each in kept.items() if each}
    return Found(values, {**shown, "defence_names": np.array(list(detectors))})
