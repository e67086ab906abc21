"""Predictions of a model that was trained elsewhere, read from a file, as a classifier."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.data import Dataset
from antivenom.data.formats import npz
from antivenom.errors import DataError
from antivenom.files.opening import read_text
from antivenom.models.batches import input_batches
from antivenom.settings import short
from antivenom.settings.finite_scores import check_scores
from antivenom.shapes import Inputs, Scores

Array = NDArray[Any]
PREDICTIONS = (".csv", ".npz")
"""The endings of files of predictions; all others are files of weights."""
MAX_PREDICTIONS = 64 << 20
"""The largest size of predictions, in bytes."""
LARGEST_NUMBER = 8
"""The size of the largest type of numbers that torch has, in bytes."""
LONGEST_NUMBER = 18
"""The most digits of the number of a row or a class: it fits into int64."""


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
    read = _from_csv if file.suffix == ".csv" else predictions_from_npz
    return PrecomputedPredictions(list(sets.values()), [read(file, name, data) for name, data in sets.items()])


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


def _from_csv(file: Path, name: str, data: Dataset) -> Tensor:
    try:
        predicted = _predicted(file, name, {label: number for number, label in enumerate(data.classes)})
    except csv.Error as error:
        raise DataError(f"{file} is not a valid CSV file: {error}") from error
    absent = next((row for row in range(len(data)) if row not in predicted), None)
    if absent is not None or len(predicted) != len(data):
        raise DataError(
            f"{file} must have one line for each of the {len(data)} rows of the set {name!r}; "
            + (f"row {absent} is missing." if absent is not None else f"it has {len(predicted)} rows.")
        )
    return _checked(torch.tensor([predicted[row] for row in range(len(data))], dtype=torch.int64), file, name, data)


def _predicted(file: Path, name: str, numbers: dict[str, int]) -> dict[int, int]:
    """Return the class of each row of a set, by the row's number."""
    predicted: dict[int, int] = {}
    text = read_text(file, MAX_PREDICTIONS).removeprefix("\ufeff")
    for line, row in enumerate(csv.DictReader(StringIO(text, newline="")), 2):
        if row.get("set") != name:
            continue
        label, place = row.get("label") or "", row.get("row") or ""
        if not _is_number(place) or (label not in numbers and not _is_number(label)):
            raise DataError(
                f"{file}, line {line}: must have a row number and a class; "
                f"got row {short(place)} and class {short(label)}."
            )
        predicted[int(place)] = numbers[label] if label in numbers else int(label)
    return predicted


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST_NUMBER


def _checked(labels: Tensor, file: Path, name: str, data: Dataset) -> Tensor:
    if len(labels) != len(data):
        raise DataError(f"{file}: {name!r} must have {len(data)} rows, as the set has; got {len(labels)}.")
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if not 0 <= low <= high < len(data.classes):
        raise DataError(f"{file}: {name!r} must have classes from 0 to {len(data.classes) - 1}; got {low} to {high}.")
    return labels
