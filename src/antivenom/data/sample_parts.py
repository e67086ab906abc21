"""The samples of a data set of another library: one by one, and the row and the label in each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset

from antivenom.errors import DataError

ROW_KEYS = ("image", "images", "img", "pixel_values", "input", "inputs", "features", "data", "x")
"""Keys of the row in samples that are mappings."""

LABEL_KEYS = ("label", "labels", "target", "targets", "class", "y")
"""Keys of the label in samples that are mappings."""

BATCH_AXES = (2, 4)
"""The numbers of axes of batches of rows of numbers, and of images."""

Parts = tuple[int | str, int | str]
"""The places or keys of the row and of the label in a sample."""


def each_sample(samples: Any, limit: int | None, most: int) -> Iterator[tuple[Any, bool]]:
    """Yield the samples, and True with each that is beyond `limit`, at most one.

    Args:
        samples: an indexable or iterable data set.
        limit: the number of samples to read; None for all.
        most: the largest number of samples of a data set whose length is unknown.

    Raises:
        DataError: it is not a data set, or has no length and more than `most` samples.
    """
    if isinstance(samples, DataLoader):
        raise DataError("A DataLoader yields batches in its own order. Pass its data set instead: loader.dataset.")
    if limit is not None and limit < 1:
        raise DataError(f"limit must be at least 1; got {limit}.")
    streams = isinstance(samples, IterableDataset)
    indexable = hasattr(samples, "__len__") and hasattr(samples, "__getitem__") and not streams
    if isinstance(samples, str | bytes | Mapping | Tensor | np.ndarray) or not (
        indexable or hasattr(samples, "__iter__") or hasattr(samples, "__getitem__")
    ):
        raise DataError(
            f"Samples must be a data set of pairs of a row and a label; got {type(samples).__name__}. "
            "Pass arrays to Dataset.from_arrays."
        )
    # not every indexable data set stops its own iteration
    source: Iterable[Any] = (samples[index] for index in range(len(samples))) if indexable else samples
    known = len(samples) if hasattr(samples, "__len__") else 0
    bound = limit or (known if indexable else max(known, most))
    for number, sample in enumerate(islice(iter(source), bound + 1)):
        if number == bound and limit is None:
            raise DataError(f"The data set has no length and more than {bound:,} samples. Pass limit= to read fewer.")
        yield sample, number == bound


def splitter(sample: Any, parts: Parts | None) -> tuple[Callable[[Any], tuple[Any, Any]], tuple[str, ...]]:
    """Return the function that takes a row and a label out of a sample, and the assumptions about it.

    Raises:
        DataError: it is not clear which parts of the sample are the row and the label.

    >>> take, _ = splitter({"image": 1, "label": 2, "path": 3}, None)
    >>> take({"image": 4, "label": 5})
    (4, 5)
    """
    notes: tuple[str, ...] = ()
    if parts is None and isinstance(sample, Mapping):
        parts, notes = _keys(sample)
    elif parts is None:
        if not isinstance(sample, tuple | list):
            raise DataError(f"Samples must be pairs of a row and a class; got {type(sample).__name__}.")
        if len(sample) != 2:
            raise DataError(
                f"Samples must be pairs of a row and a class; got {len(sample)} parts. Pass the places of the row and "
                "of the class, such as parts=(0, 1)."
            )
        parts = (0, 1)
    row, label = parts

    def take(one: Any) -> tuple[Any, Any]:
        if not isinstance(one, type(sample)) or (len(one) != len(sample) and not isinstance(one, Mapping)):
            raise DataError(f"Samples must be pairs like the first one; got {type(one).__name__}.")
        try:
            return one[row], one[label]
        except (LookupError, TypeError) as error:
            raise DataError(
                f"A sample has no part {error}. Pass parts=, the places of the row and the label."
            ) from error

    return take, notes


def check_single(row: Any, label: Any) -> None:
    """Refuse a sample that is a batch, that has several rows, or whose label is an image.

    Raises:
        DataError: the label is a vector as long as the row, and the row has an axis more than usual rows; or the row
            consists of several arrays; or the label has two axes or more.
    """
    if isinstance(label, Image.Image) or (len(getattr(label, "shape", ())) > 1 and label.shape[-1] > 1):
        raise DataError(
            f"Labels must be whole numbers or text; got {type(label).__name__}. Pass parts=(1, 0) if the label comes "
            "first in a sample. In samples that are mappings, parts= has the keys of the row and of the label."
        )
    shape, many = getattr(row, "shape", None), getattr(label, "shape", None)
    if isinstance(row, tuple | list) and any(hasattr(part, "shape") or hasattr(part, "getbands") for part in row):
        raise DataError(
            f"A row must be one array or image; got {len(row)} of them. Pass a data set with one per sample."
        )
    if (
        shape
        and many
        and len(many) == 1
        and len(shape) in BATCH_AXES
        and shape[0] == many[0]
        and tuple(shape[:-1]) != (1,)
    ):
        raise DataError(
            f"Samples look like batches: a row of shape {tuple(shape)} and labels of shape {tuple(many)}. Pass single "
            "samples, such as loader.dataset, and class numbers."
        )


def labels_of(values: list[Any]) -> NDArray[Any]:
    """Return labels as one array: objects (n), or one-hot rows (n, classes).

    Raises:
        DataError: labels have different forms, or one is masked.
    """
    masked = next((row for row, value in enumerate(values) if np.ma.is_masked(value)), None)
    if masked is not None:
        raise DataError(f"Row {masked} has no label (masked). Remove the rows without a label.")
    plain = [_plain(value) for value in values]
    vectors = [isinstance(value, np.ndarray) for value in plain]
    if any(vectors):
        if not all(vectors) or len({value.shape for value in plain}) > 1:
            raise DataError("Labels must all have the same form; got vectors of different lengths, or other values.")
        return np.stack(plain)
    made = np.empty(len(plain), object)
    for row, value in enumerate(plain):  # assigned at once, lists would become axes
        made[row] = value
    return made


def class_names(samples: Any) -> list[str] | None:
    """Return the class names that a data set knows; None if it knows none.

    Raises:
        DataError: its attributes `classes` and `class_to_idx` differ, or its parts have different classes.
    """
    if isinstance(samples, Subset):
        return class_names(samples.dataset)
    if isinstance(samples, ConcatDataset):
        several = [class_names(part) for part in samples.datasets]
        if any(names != several[0] for names in several):
            raise DataError("The joined data sets have different classes. Pass classes=.")
        return several[0]
    given, numbers = getattr(samples, "classes", None), getattr(samples, "class_to_idx", None)
    listed = list(given) if isinstance(given, list | tuple | np.ndarray) else None
    if not isinstance(numbers, Mapping):
        return None if listed is None else [_name(each) for each in listed]
    if listed is None:
        if sorted(numbers.values()) != list(range(len(numbers))):
            raise DataError("class_to_idx of the data set must number the classes from 0. Pass classes=.")
        return [_name(name) for name, _ in sorted(numbers.items(), key=lambda pair: pair[1])]
    for name, number in numbers.items():
        if name in listed and listed.index(name) != number:
            raise DataError(f"classes and class_to_idx of the data set differ about {name!r}. Pass classes=.")
    return [_name(each) for each in listed]


def _keys(sample: Mapping[Any, Any]) -> tuple[Parts, tuple[str, ...]]:
    rows = [key for key in ROW_KEYS if key in sample]
    labels = [key for key in LABEL_KEYS if key in sample]
    shown = ", ".join(map(repr, sample))
    if len(rows) != 1 or len(labels) != 1:
        raise DataError(
            f"Samples are mappings with the keys {shown}. Pass the keys of the row and of the label, such as "
            "parts=('image', 'label')."
        )
    others = [repr(key) for key in sample if key not in (rows[0], labels[0])]
    note = f"In each sample, {rows[0]!r} is the row and {labels[0]!r} is the label; {', '.join(others)} is left out."
    return (rows[0], labels[0]), (f"{note} Pass parts= for other keys.",) if others else ()


def _plain(value: Any) -> Any:
    """Return a label as a Python value, or as a vector."""
    if isinstance(value, Tensor):
        value = np.asarray(value.detach().cpu().tolist())
    if isinstance(value, list | tuple) and value and all(isinstance(each, int | float) for each in value):
        value = np.asarray(value)
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1):
        return value.item()
    return value


def _name(name: Any) -> str:
    """Return the name of a class; several names of it, as ImageNet has, are joined."""
    return ", ".join(map(str, name)) if isinstance(name, tuple | list) else str(name)
