"""Convert data sets of torch and of Hugging Face."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from antivenom.data.dataset import Dataset
from antivenom.data.formats.images import Canvas, Fit, Mode
from antivenom.errors import DataError

Samples = Iterable[tuple[Any, Any]] | TorchDataset[Any]


def from_torch(
    samples: Samples,
    *,
    classes: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = None,
) -> Dataset:
    """Make a data set from a torch `Dataset` of pairs, or from any other iterable of pairs.

    Args:
        samples: pairs of a row (a tensor, an array or a PIL image) and a class number.
        classes: names of the classes; if omitted, the attribute `classes` of the samples, or the class numbers.
        bounds: the legal range of float rows; (0, 1) for uint8.

    Raises:
        DataError: rows of different shapes, or arrays that `Dataset.from_arrays` refuses.

    >>> pairs = torch.utils.data.TensorDataset(torch.zeros(4, 1, 5, 5), torch.tensor([0, 1, 0, 1]))
    >>> from_torch(pairs, bounds=(0, 1)).x.shape
    torch.Size([4, 1, 5, 5])
    """
    rows, labels = [], []
    for pair in _each(samples):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(f"Samples must be pairs of a row and a class number; got {type(pair).__name__}.")
        rows.append(_row(pair[0]))
        labels.append(int(pair[1]))
    names = classes if classes is not None else getattr(samples, "classes", None)
    return Dataset.from_arrays(_stacked(rows), labels, classes=names, bounds=bounds)


def from_hugging_face(
    samples: Any,
    *,
    image: str | None = "image",
    label: str = "label",
    size: tuple[int, int] | None = None,
    mode: Mode = "rgb",
    fit: Fit = "stretch",
    bounds: tuple[float, float] | None = None,
) -> Dataset:
    """Make a data set from a Hugging Face `datasets.Dataset`.

    Args:
        samples: a `datasets.Dataset`, of images or of columns of numbers.
        image: the column of images; None to use all columns of numbers except the label.
        label: the column of class numbers or names.
        size: the height and width of all images after resizing; if omitted, all images must have equal sizes.
        mode: `rgb` or `grey`.
        fit: how an image gets the shape `size`: `stretch`, `crop` or `pad`.
        bounds: the legal range of columns of numbers.

    Raises:
        DataError: a column is missing, or has the wrong type.
    """
    names = list(samples.column_names)
    absent = [name for name in (image, label) if name is not None and name not in names]
    if absent:
        raise DataError(f"The data set has no column {absent[0]!r}. Its columns are: {', '.join(names)}.")
    labels = list(samples[label])
    classes = getattr(samples.features.get(label), "names", None)
    if labels and isinstance(labels[0], str):
        classes = sorted(set(labels))
        labels = [classes.index(name) for name in labels]
    if image is None:
        columns = [np.asarray(samples[name], np.float32) for name in names if name != label]
        return Dataset.from_arrays(np.stack(columns, axis=1), labels, classes=classes, bounds=bounds)
    canvas = Canvas(size, mode, fit)
    rows = [torch.from_numpy(canvas.pixels(samples[index][image], f"row {index}")) for index in range(len(labels))]
    return Dataset.from_arrays(_stacked(rows), labels, classes=classes)


def _each(samples: Any) -> Iterable[Any]:
    """Iterate over samples, by index if possible: not every indexable data set stops its own iteration."""
    if hasattr(samples, "__len__") and hasattr(samples, "__getitem__"):
        return (samples[index] for index in range(len(samples)))
    return samples  # type: ignore[no-any-return]


def _row(value: Any) -> Tensor:
    """Convert one row to a tensor; a PIL image becomes (channels, height, width)."""
    if isinstance(value, Tensor):
        return value.detach()
    array = np.atleast_1d(np.asarray(value))
    if hasattr(value, "getbands"):
        array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(array.copy())


def _stacked(rows: list[Tensor]) -> Tensor:
    if not rows:
        raise DataError("The data set must have at least one row; got none.")
    odd = next((index for index, row in enumerate(rows) if row.shape != rows[0].shape), None)
    if odd is not None:
        raise DataError(
            f"Row {odd} must have the shape {tuple(rows[0].shape)}, as row 0; got {tuple(rows[odd].shape)}."
        )
    return torch.stack(rows)
