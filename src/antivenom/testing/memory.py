"""Checks that components convert the rows of a data set in batches, so that a large data set fits into memory."""

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor

from antivenom.analysis import Analysis, analyse
from antivenom.attacks import Attack
from antivenom.calling import guarded, scores_from
from antivenom.data import Dataset
from antivenom.defences import Detector, Scan, Verdict
from antivenom.goals import TriggeredGoal
from antivenom.models import batches
from antivenom.repairs import Repair
from antivenom.repairs._repair import apply_repair
from antivenom.rng import Rng
from antivenom.testing._toys import toy_images, toy_victim
from antivenom.testing.analyses import toy_contexts
from antivenom.testing.attacks import poison
from antivenom.testing.register import check
from antivenom.testing.repairs import verdict_on
from antivenom.testing.scans import planted_backdoor

ROWS = 1024
ROWS_IN_BUDGET = 32
"""The number of rows that fit into the budget of a batch during these checks."""
MOST_ROWS = ROWS // 4
"""The largest number of rows that a component may convert at once: a batch size of its own may exceed the budget."""


@contextmanager
def few_rows_at_once() -> Iterator[None]:
    """Enter a block in which rows count as large, and which fails if many rows of uint8 are converted at once."""
    converted, decode = [0], Dataset.decode

    def counted(data: Dataset, x: Tensor, out: Tensor | None = None) -> Tensor:
        if x.dtype == torch.uint8:  # other rows are returned without a copy
            converted.append(len(x))
        return decode(data, x, out)

    budget = ROWS_IN_BUDGET * 4 * math.prod(toy_images(1).shape)
    with patch.object(batches, "BYTES_OF_ROWS", budget), patch.object(Dataset, "decode", counted):
        yield
    assert max(converted) <= MOST_ROWS, (
        f"it converts {max(converted)} rows to inputs at once, and those of a large data set do not fit into memory. "
        "Use antivenom.models.input_batches(data), or waive this check in its trial, with the reason"
    )


@check
def detector_converts_rows_in_batches(detector: Detector) -> None:
    """The detector does not convert all rows to inputs at once, if the classifier has features."""
    data, victim, clean = toy_images(ROWS), toy_victim(), toy_images(ROWS, seed=2)
    with few_rows_at_once():
        scores_from(detector, Detector.score, data, victim, rows=ROWS, rng=Rng(0), clean=clean)


@check
def scan_converts_rows_in_batches(scan: Scan) -> None:
    """The scan does not convert all clean rows to inputs at once."""
    victim, _, _ = planted_backdoor()
    with few_rows_at_once():
        guarded(scan, Scan.scan, Verdict)(victim, toy_images(ROWS, seed=1), rng=Rng(0))


@check
def repair_converts_rows_in_batches(repair: Repair) -> None:
    """The repair, and the classifier that it returns, do not convert all clean rows to inputs at once."""
    victim, _, target = planted_backdoor()
    clean = toy_images(ROWS, seed=1)
    with few_rows_at_once():
        apply_repair(repair, victim, clean, rng=Rng(0), verdict=verdict_on(clean, target))


@check
def analysis_converts_rows_in_batches(analysis: Analysis) -> None:
    """The analysis does not convert all test rows to inputs at once."""
    for context in toy_contexts():
        larger = dataclasses.replace(context, test=toy_images(ROWS, seed=1))
        with few_rows_at_once():
            analyse({"it": analysis}, larger, Rng(0))


@check
def attack_converts_rows_in_batches(attack: Attack) -> None:
    """The attack does not convert all rows to inputs at once. It may convert the rows that it crafts."""
    data = toy_images(ROWS)
    with few_rows_at_once():
        poison(attack, data)


@check
def goal_converts_rows_in_batches(goal: TriggeredGoal) -> None:
    """The goal does not convert all attacked rows to inputs at once."""
    victim, test = toy_victim(), toy_images(ROWS)
    with few_rows_at_once():
        goal.triggered(test)
        goal.success(victim, test)
