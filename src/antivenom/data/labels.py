"""Class numbers and class names from labels of any form."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from antivenom.data.arrays import as_array
from antivenom.data.class_order import MOST_NAMED, about_empty, about_numbers, class_order, shown_values
from antivenom.data.given_classes import GivenClasses, names_of
from antivenom.errors import DataError
from antivenom.registry import did_you_mean

SEVERAL, FEW = 20, 3
"""Numbers with gaps are measurements if there are more classes than SEVERAL, with fewer rows each than FEW."""

MANY = 100
"""From this number of classes on, a class for every other row is refused: such labels are measurements."""


@dataclass(frozen=True)
class Labelling:
    """The classes of a data set, and the label that each class has in the data.

    Args:
        classes: the names of the classes.
        values: the label of each class in the data: a whole number or a text.
        assumptions: what was assumed about the labels, one sentence each.
    """

    classes: tuple[str, ...]
    values: tuple[Any, ...]
    assumptions: tuple[str, ...] = ()

    def numbers(self, labels: NDArray[Any]) -> Tensor:
        """Return the class number (n) of each label.

        Raises:
            DataError: a label is not among the classes.
        """
        place = {value: number for number, value in enumerate(self.values)}
        known, inverse = np.unique(labels, return_inverse=True)
        strange = [value for value in known.tolist() if value not in place]
        if strange:
            hint = did_you_mean(str(strange[0]), map(str, self.values))
            raise DataError(f"The label {strange[0]!r} is not among the classes: {shown_values(self.values)}.{hint}")
        positions = np.array([place[value] for value in known.tolist()], np.int64)
        return torch.from_numpy(positions[inverse.reshape(-1)])


def labelling(
    *parts: NDArray[Any],
    classes: GivenClasses | None = None,
    renumber: bool = False,
    order: Sequence[str] = (),
) -> Labelling:
    """Return the classes of labels, such as those of a training set and of a test set.

    Whole numbers are class numbers if they are 0, 1, … without a gap. Other numbers are refused, unless each different
    number is to become a class with that number as its name. Texts become classes in the order of `class_order`.

    Args:
        parts: arrays of whole numbers or of text (n), of int64 or of text, as `plain_labels` returns them.
        classes: the names of all classes in the order of their numbers, a mapping between names and numbers, or how
            many there are; class numbers then count from 0.
        renumber: make a class of each different number if they are not 0, 1, ….
        order: the order of texts, without `classes`.

    Raises:
        DataError: the labels do not match the classes, mix numbers and text, or look like measurements.

    >>> labelling(np.array([2, 1, 3]), renumber=True).classes
    ('1', '2', '3')
    """
    kinds = {"text" if part.dtype.kind == "U" else "numbers" for part in parts if len(part)}
    if len(kinds) > 1:
        raise DataError("Labels must all be numbers or all be text; got both.")
    occurring = sorted({value for part in parts for value in np.unique(part).tolist()})
    if classes is not None:
        return _given(occurring, classes, text=kinds == {"text"}, renumber=renumber)
    counts = _counts(parts)
    chosen = tuple(name for name in order if name in occurring) if kinds == {"text"} else ()
    names = chosen or class_order(map(str, occurring))
    consecutive = occurring == list(range(len(occurring)))
    _refuse_measurements(len(occurring), sum(counts.values()), few=FEW if not consecutive and kinds != {"text"} else 0)
    if kinds == {"text"}:
        notes = (_with_counts(counts), *similar_names(names), *about_numbers(names))
        shown = f"The classes have the order of the categories: {shown_values(names)}. Pass classes= for another order."
        return Labelling(names, names, (*notes, shown) if chosen else notes)
    if consecutive:
        return Labelling(names, tuple(occurring))
    if occurring[0] < 0 and occurring != [-1, 1]:
        raise DataError(
            f"Labels must not be negative; got {occurring[0]}. Remove rows without a label, or use names as labels."
        )
    if not renumber:
        raise DataError(
            f"Labels must be 0, 1, … without a gap; got {shown_values(occurring)}. Pass classes= if these are "
            "class numbers, and some classes have no row. Pass renumber=True to make a class of each different number, "
            f"or a mapping to name them, such as classes={_example(occurring)}."
        )
    note = "The labels are not 0, 1, …, so they are the names of the classes."
    return Labelling(names, tuple(occurring), (f"{note} {_with_counts(counts)}", *about_numbers(names)))


def _example(occurring: Sequence[int]) -> str:
    """Return a mapping from a name to each label, for a message."""
    return str({f"class {label}": label for label in occurring}) if len(occurring) <= MOST_NAMED else "{'cat': 1, …}"


def _counts(parts: Sequence[NDArray[Any]]) -> Counter[Any]:
    """Return the number of rows of each label in all parts."""
    counts = Counter[Any]()
    for part in parts:
        values, rows = np.unique(part, return_counts=True)
        counts.update(dict(zip(values.tolist(), rows.tolist(), strict=True)))
    return counts


def _refuse_measurements(classes: int, rows: int, *, few: int) -> None:
    """Refuse labels with too many different values for their rows."""
    if (classes > MANY and 2 * classes > rows) or (classes > SEVERAL and rows < few * classes):
        raise DataError(
            f"Labels must be classes; got {classes:,} different values in {rows:,} rows, as measurements have. Choose "
            "another column or array as the labels. If the values are classes, use names such as 'class 21', or "
            "numbers from 0 without a gap."
        )


def _with_counts(counts: Counter[Any]) -> str:
    """Return a sentence with the classes and their numbers of rows, the largest class first."""
    shown = [f"{name} ({rows:,})" for name, rows in counts.most_common()]
    return f"The classes are {shown_values(shown)}."


def similar_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence about each group of classes that differ only in capital letters or spaces.

    >>> similar_names(["Cat", "cat ", "dog"])
    ("'Cat' and 'cat ' are different classes. Write them alike if this is wrong.",)
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault("".join(name.casefold().split()), []).append(name)
    alike = [group for group in groups.values() if len(group) > 1]
    return tuple(
        f"{' and '.join(map(repr, group))} are different classes. Write them alike if this is wrong." for group in alike
    )


def plain_labels(y: ArrayLike | Tensor) -> tuple[NDArray[Any], int | None, tuple[str, ...]]:
    """Return labels (n) as whole numbers or as text, the number of classes of one-hot rows, and the assumptions.

    Args:
        y: labels (n) or (n, 1): whole numbers, bools or text; or one-hot rows (n, classes).

    Raises:
        DataError: a label is missing, is a fraction, or `y` has another shape.

    >>> plain_labels([[0, 1, 0], [1, 0, 0]])
    (array([1, 0]), 3, ())
    """
    if isinstance(y, Tensor):
        y = y.detach().cpu()
        y = y.float().numpy() if y.dtype == torch.bfloat16 else y.numpy()
    labels = as_array(y, "y")
    notes = tuple[str, ...]()
    if labels.dtype.kind in "OSU":
        labels, notes = _texts(labels)
    if labels.dtype.kind not in "buifU":
        raise DataError(f"Labels must be whole numbers or text; got {labels.dtype}.")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    width = None
    if labels.ndim == 2 and labels.dtype.kind != "U":
        labels, width = _from_one_hot(labels), labels.shape[1]
    if labels.ndim != 1:
        raise DataError(f"y must have shape (n,), or one-hot rows (n, classes); got {labels.shape}.")
    return (labels if labels.dtype.kind == "U" else _whole(labels)), width, notes


def _texts(labels: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return an array of text, or of numbers if all objects are numbers, and the assumptions."""
    values = labels.ravel().tolist()
    missing = "nan" if labels.dtype.kind == "U" else b"nan"
    if labels.dtype.kind in "SU" and missing in values:
        raise DataError(
            f"Row {values.index(missing)} has no label: it is 'nan', the text that NumPy makes of a missing value. "
            "Remove the rows without a label. If it is the name of a class, pass objects: y.astype(object)."
        )
    for row, value in enumerate(values):
        if (
            value is None
            or (isinstance(value, float) and math.isnan(value))
            or type(value).__name__ in ("NAType", "NaTType")
        ):
            raise DataError(f"Row {row} has no label ({value}). Remove the rows without a label.")
    values = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    if all(isinstance(value, str) for value in values):
        texts = [value.strip() for value in values]
        if "" in texts:
            raise DataError(f"Row {texts.index('')} has no label (empty text). Remove the rows without a label.")
        return np.array(texts, np.str_).reshape(labels.shape), _about_spaces(values, texts)
    if all(isinstance(value, int | float | np.number) for value in values):
        return np.array(values).reshape(labels.shape), ()
    odd = next(value for value in values if not isinstance(value, str))
    if text := next((value for value in values if isinstance(value, str)), None):
        both = f"got both, such as {odd!r} and {text!r}. Make all of them text: [str(label) for label in y]"
        raise DataError(f"Labels must be all numbers or all text; {both}.")
    raise DataError(f"Labels must be whole numbers or text; got {type(odd).__name__}.")


def _about_spaces(values: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence about labels with spaces at their ends, which are removed."""
    longer = sorted({value for value, text in zip(values, texts, strict=True) if value != text})
    if not longer:
        return ()
    shown = shown_values([f"{value!r} is read as {value.strip()!r}" for value in longer])
    return (f"Spaces at the ends of labels are removed: {shown}. Use other names for different classes.",)


def _from_one_hot(labels: NDArray[Any]) -> NDArray[Any]:
    """Return the place of the single 1 in each row."""
    one = labels == 1
    if labels.shape[1] and bool(((labels == 0) | one).all()) and bool((one.sum(1) == 1).all()):
        return np.asarray(one.argmax(1))
    advice = "Pass class numbers (n,) instead, such as labels.argmax(1)."
    if bool(((labels == 0) | one).all()):
        row = int(np.flatnonzero(one.sum(1) != 1)[0])
        many = int(one[row].sum())
        advice = (
            f"Row {row} has {many} of them: several labels per row (multi-hot) are not supported. Choose one label "
            "for each row, or use one column as the labels: labels[:, 0]."
            if many
            else f"Row {row} has none, so it has no label. Remove the rows without a label."
        )
    raise DataError(
        f"Labels of shape {labels.shape} must be one-hot: a single 1 in each row, and 0 elsewhere. {advice}"
    )


def _whole(labels: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as int64."""
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            row = int(np.flatnonzero(~np.isfinite(labels))[0])
            raise DataError(f"Row {row} has no label ({labels[row]}). Remove the rows without a label.")
        if not np.array_equal(labels, np.round(labels)):
            raise DataError(
                f"Labels must be whole numbers; got fractions such as {labels[labels != np.round(labels)][0]:g}."
            )
    if labels.size and (float(labels.max()) >= 2**63 or float(labels.min()) < -(2**63)):
        raise DataError(f"Labels must be below 2**63; got {labels.max()}.")
    return labels.astype(np.int64)


def _given(occurring: list[Any], classes: GivenClasses, *, text: bool, renumber: bool) -> Labelling:
    """Return the labelling with the classes that the user named or counted."""
    named = names_of(classes)
    names = tuple(named.values())
    if text and isinstance(classes, Integral):
        raise DataError(
            f"classes must be the names of the classes if labels are text; got {classes}. Pass a list of all names in "
            f"the order of their numbers; these occur: {shown_values([repr(str(one)) for one in occurring])}."
        )
    if text:
        result = Labelling(names, names, (*about_numbers(names), *about_empty(names, set(names) - set(occurring))))
        result.numbers(np.array(occurring, np.str_))  # raises if a label is unknown
        return result
    strange = [label for label in occurring if label not in named]
    matching = len(occurring) == len(names) and not isinstance(classes, Mapping | Integral)
    if strange and matching and renumber:
        named = dict(zip(occurring, names, strict=True))
    elif strange:
        pairs = dict(zip(names, occurring, strict=False))
        advice = f" Pass classes={pairs}, or the same names with renumber=True." if matching else ""
        raise DataError(
            f"Labels must be among the class numbers {_shown(named)}; got {shown_values(occurring)}.{advice}"
        )
    if list(named) == list(range(len(named))):
        empty = {names[number] for number in named if number not in occurring}
        return Labelling(names, tuple(named), (*about_numbers(names), *about_empty(names, empty)))
    shown = shown_values([f"{label} is class {number}, {name!r}" for number, (label, name) in enumerate(named.items())])
    note = f"The labels are not 0, 1, …: the label {shown}. Settings such as target take the class numbers."
    empty = {name for label, name in named.items() if label not in occurring}
    return Labelling(names, tuple(named), (note, *about_empty(names, empty)))


def _shown(named: Mapping[int, str]) -> str:
    """Return class numbers in words."""
    numbers = list(named)
    consecutive = numbers == list(range(len(numbers)))
    return f"from 0 to {len(numbers) - 1}" if consecutive else shown_values(numbers)
