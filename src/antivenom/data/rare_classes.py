"""Classes with few rows, or none."""

from collections.abc import Iterator

import torch

from antivenom.data.dataset import Dataset

CLASSES_NAMED = 8
"""The most classes that a sentence names."""


def rare_classes(data: Dataset, least: int) -> tuple[int, ...]:
    """Return the numbers of the classes with fewer than `least` rows.

    >>> import numpy as np
    >>> data = Dataset.from_arrays(np.zeros((3, 2), np.float32), [0, 0, 2], classes=4, bounds=(0, 1))
    >>> rare_classes(data, 1), rare_classes(data, 2)
    ((1, 3), (1, 2, 3))
    """
    counts = torch.bincount(data.y, minlength=len(data.classes))
    return tuple((counts < least).nonzero().flatten().tolist())


def rows_of_classes(data: Dataset, classes: tuple[int, ...]) -> str:
    """Return in words how many rows of some classes there are.

    >>> import numpy as np
    >>> data = Dataset.from_arrays(np.zeros((3, 2), np.float32), [0, 0, 2], classes=4, bounds=(0, 1))
    >>> rows_of_classes(data, (1, 2))
    "0 of class '1', 1 of class '2'"
    >>> data = Dataset.from_arrays(np.zeros((3, 2), np.float32), [0, 0, 2], classes=20, bounds=(0, 1))
    >>> rows_of_classes(data, tuple(range(3, 20))).rpartition(", ")[2]
    'and 0 of each of 9 more classes'
    """
    counts = torch.bincount(data.y, minlength=len(data.classes)).tolist()
    named = len(classes) if len(classes) <= CLASSES_NAMED + 1 else CLASSES_NAMED
    words = [f"{counts[each]} of class {data.classes[each]!r}" for each in classes[:named]]
    if rest := classes[named:]:
        low, high = (limit(counts[each] for each in rest) for limit in (min, max))
        words.append(f"and {low if low == high else f'{low} to {high}'} of each of {len(rest)} more classes")
    return ", ".join(words)


def class_problems(data: Dataset, least: int, reason: str) -> Iterator[str]:
    """Yield a sentence if trusted rows have fewer than `least` rows of a class.

    Args:
        data: the trusted rows.
        least: the smallest number of rows of each class.
        reason: a sentence that says why.
    """
    if rare := rare_classes(data, least):
        rows = "row" if least == 1 else "rows"
        yield (
            f"requires at least {least} trusted {rows} of each of the {len(data.classes)} classes; got "
            f"{rows_of_classes(data, rare)}. {reason}"
        )
