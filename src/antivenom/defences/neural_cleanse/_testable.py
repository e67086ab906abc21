"""The classes that a data set can test: those with enough rows of other classes."""

from collections.abc import Iterator

import torch
from torch import Tensor

from antivenom.data import Dataset

MIN_ROWS = 20
"""The smallest number of rows of other classes on which the trigger of a class can be tried."""
MIN_SHARE = 0.1
"""The smallest share of these rows among all rows."""
MIN_SOURCES, MIN_SOURCE_ROWS = 3, 5
"""The number of other classes that must have at least `MIN_SOURCE_ROWS` rows; all others if there are fewer."""
CLASSES_NAMED = 8


def required(classes: int) -> str:
    """Return in words what the trigger of one class requires, in a network of this number of classes.

    >>> required(2).rpartition(', ')[2], required(10).rpartition(', ')[2]
    ('and 5 of them from the other class', 'and 5 of them from each of 3 other classes')
    """
    others = min(MIN_SOURCES, classes - 1)
    sources = "the other class" if classes == 2 else f"each of {others} other classes"
    return (
        f"at least {MIN_ROWS} rows of other classes that the network does not predict as this class, "
        f"{MIN_SHARE:.0%} of all rows, and {MIN_SOURCE_ROWS} of them from {sources}"
    )


def tried_rows(clean: Dataset, predicted: Tensor, classes: int) -> Tensor:
    """Return the number of rows of each class on which each class's trigger is tried: (triggers, classes), int64.

    Args:
        clean: the rows.
        predicted: the network's prediction for each row (n).
        classes: the number of classes of the network.
    """
    y, predicted = clean.y.cpu(), predicted.cpu()
    own = torch.bincount(y, minlength=classes)
    already = torch.bincount(predicted.clamp_min(0) * classes + y, (predicted >= 0).double(), minlength=classes**2)
    counts = own.expand(classes, -1) - already.view(classes, classes).long()
    counts.fill_diagonal_(0)
    return counts


def testable_classes(tried: Tensor, rows: int) -> Tensor:
    """Return the classes with enough rows of other classes (k), bool.

    Args:
        tried: the result of `tried_rows`.
        rows: the number of all rows.
    """
    total, classes = tried.sum(1), len(tried)
    sources = (tried >= MIN_SOURCE_ROWS).sum(1)
    return (total >= max(MIN_ROWS, MIN_SHARE * rows)) & (sources >= min(MIN_SOURCES, classes - 1))


def certain_problems(clean: Dataset) -> Iterator[str]:
    """Yield a sentence if the labels alone say that no class can be tested, whatever the network predicts."""
    none = torch.full_like(clean.y, -1)
    if len(clean) and not bool(testable_classes(tried_rows(clean, none, len(clean.classes)), len(clean)).any()):
        present = torch.bincount(clean.y, minlength=len(clean.classes)).cpu()
        counts = ", ".join(f"{int(present[each])} of class {each}" for each in present.nonzero().flatten().tolist())
        alone = int((present > 0).sum()) == 1
        more = " Rows of other classes are missing; more rows of this class do not help." if alone else ""
        yield (
            f"requires, for each class, {required(len(clean.classes))}; got {len(clean)} rows ({counts}), so no class "
            f"can be tested.{more}"
        )


def untested_classes(tried: Tensor, clean: Dataset, testable: Tensor) -> Iterator[str]:
    """Yield a sentence for each class that was not tested, with the reason; one sentence for more than eight."""
    missing = (~testable).nonzero().flatten().tolist()
    labels = torch.bincount(clean.y, minlength=len(tried)).cpu()
    for target in missing[:CLASSES_NAMED]:
        others = len(clean) - int(labels[target])
        already = others - int(tried[target].sum())
        seen = f"the data has {others} rows of other classes" + (
            f", of which the network already predicts {already} as this class" if already else ""
        )
        yield f"Class {target} was not tested: {seen}. A class requires {required(len(tried))}."
    if len(missing) > CLASSES_NAMED:
        yield f"{len(missing) - CLASSES_NAMED} more classes were not tested for the same reason."
