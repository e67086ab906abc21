"""Predictions of a model that was trained elsewhere, read from a file, as a classifier."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.data import Dataset
from antivenom.data.formats import npz
from antivenom.errors import DataError
from antivenom.models.batches import input_batches
from antivenom.runner.prediction_lines import labels_in_lines
from antivenom.settings.finite_scores import check_scores
from antivenom.shapes import Inputs, Scores

Array = NDArray[Any]
PREDICTIONS = (".csv", ".npz")
"""The endings of files of predictions; all others are files of weights."""
MAX_PREDICTIONS = 64 << 20
"""The largest size of predictions, in bytes."""
LARGEST_NUMBER = 8
"""The size of the largest type of numbers that torch has, in bytes."""


class PrecomputedPredictions:
    """A classifier made of predictions: those on the test rows, with and without the trigger.

    Identical rows share the last prediction that was passed for them.

    Args:
        data: the data sets that were predicted.
        labels: the predicted class of each row of each set (n).
    """

    def __init__(self, data: list[Dataset], labels: list[Tensor]) -> None:
        self.data = data[0]
        self.known: dict[bytes, int] = {}
        for one, predicted in zip(data, labels, strict=True):
            for places, inputs in input_batches(one):
                for row, label in zip(self._rows(inputs), predicted[places].tolist(), strict=True):
                    self.known[row.tobytes()] = label

    def scores(self, x: Inputs) -> Scores:
        """Return 1 for the predicted class and 0 for all others (n, classes)."""
        predicted = torch.tensor([self.known[row.tobytes()] for row in self._rows(x)], dtype=torch.int64)
        return torch.nn.functional.one_hot(predicted, len(self.data.classes)).float()

    def _rows(self, x: Inputs) -> Array:
        """Return inputs as they are stored."""
        return self.data.encode(x.clone()).numpy()


def read_predictions(file: Path, sets: Mapping[str, Dataset]) -> PrecomputedPredictions:
    """Read the predictions on data sets, by the names that the file has for them.

    Raises:
        DataError: the file is damaged, or does not fit a data set.
    """
    if file.suffix == ".csv":
        labels = [_from_csv(file, name, data, sets) for name, data in sets.items()]
    else:
        labels = [predictions_from_npz(file, name, data) for name, data in sets.items()]
    return PrecomputedPredictions(list(sets.values()), labels)


def _from_csv(file: Path, name: str, data: Dataset, sets: Mapping[str, Dataset]) -> Tensor:
    labels = labels_in_lines(file, name, len(data), tuple(data.classes), sets, MAX_PREDICTIONS)
    return _checked(torch.tensor(labels, dtype=torch.int64), file, name, data)


def predictions_from_npz(file: Path, name: str, data: Dataset) -> Tensor:
    """Return the predicted class numbers (n) in an array of an `.npz` file: class numbers, or scores (n, classes).

    Raises:
        DataError: the array is neither, or has another number of rows than the data.
    """
    labels = _numbers(npz.read(file, (name,), most_bytes=MAX_PREDICTIONS)[name], name, file)
    if labels.ndim and len(labels) != len(data):
        raise DataError(f"{file}: {name!r} must have {len(data)} rows, as the set has; got {len(labels)}.")
    if labels.ndim == 2 and labels.shape[1] == len(data.classes) and not labels.is_complex():
        check_scores(labels.double(), f"the array {name!r}", str(file))
        labels = labels.double().argmax(1)
    if labels.ndim != 1 or labels.is_floating_point():
        raise DataError(
            f"{file}: {name!r} must be class numbers (n) or scores (n, {len(data.classes)}); "
            f"got {str(labels.dtype).removeprefix('torch.')} with the shape {tuple(labels.shape)}."
            f"{_advice_on(labels, name, data)}"
        )
    return _checked(labels.to(torch.int64), file, name, data)


def _advice_on(labels: Tensor, name: str, data: Dataset) -> str:
    """Return what to do with the outputs of one sigmoid, or with class numbers that are not whole numbers by type."""
    one = labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1)
    if not one or labels.is_complex() or not labels.numel():
        return ""
    flat = f"{name}.ravel()" if labels.ndim == 2 else name
    values = labels.double()
    if bool((values == values.round()).all()) and len(data.classes) > int(values.max()):
        return f" If they are class numbers, pass {flat}.astype(int)."
    if len(data.classes) == 2 and 0 <= float(values.min()) <= float(values.max()) <= 1:
        return f" If they are probabilities of class 1, with p = {flat}: pass np.stack([1 - p, p], 1)."
    if len(data.classes) == 2:
        return f" If they are logits of class 1, with z = {flat}: pass np.stack([0 * z, z], 1)."
    return ""


def _numbers(array: Array, name: str, file: Path) -> Tensor:
    """Return an array of numbers as a tensor, whatever the order of its bytes."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > LARGEST_NUMBER:
        raise DataError(f"{file}: {name!r} must be an array of numbers; got {array.dtype}.")
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))


def _checked(labels: Tensor, file: Path, name: str, data: Dataset) -> Tensor:
    if len(labels) != len(data):
        raise DataError(f"{file}: {name!r} must have {len(data)} rows, as the set has; got {len(labels)}.")
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if not 0 <= low <= high < len(data.classes):
        raise DataError(f"{file}: {name!r} must have classes from 0 to {len(data.classes) - 1}; got {low} to {high}.")
    return labels
