"""Poison per round in an .npz file: `X` (n, rounds, *shape) and `Y` (n, rounds), the original study's layout."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.data.dataset import Dataset
from antivenom.data.formats import npz
from antivenom.errors import DataError
from antivenom.shapes import Labels, Rows


def arrays(rounds: Rows, labels: Labels, data: Dataset) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of such a file: classifier inputs, float32 within the bounds of `data`, and their labels.

    Args:
        rounds: the poison after each round, as stored (n, rounds, *shape).
        labels: the labels (n), equal in all rounds.
        data: the data set that the poison is made for.
    """
    x = data.decode(rounds)
    y = labels.unsqueeze(1).expand(len(rounds), rounds.shape[1])
    return {"X": x.cpu().numpy(), "Y": y.cpu().numpy().copy()}


def read(file: Path, data: Dataset, number: int) -> tuple[Rows, Labels]:
    """Return the rows of one round (n, *shape), as the data is stored, and their labels (n).

    Raises:
        DataError: the file is damaged, does not have this round, or its rows or labels do not fit the data.
    """
    arrays_by_name = npz.read(file, ("X", "Y"))
    x, y = arrays_by_name["X"], arrays_by_name["Y"]
    if x.ndim < 3 or y.ndim != 2 or x.shape[:2] != y.shape:
        raise DataError(f"{file}: X must be (n, rounds, *shape) and Y (n, rounds); got {x.shape} and {y.shape}.")
    if not -x.shape[1] <= number < x.shape[1]:
        raise DataError(f"{file} does not have round {number}; its rounds are 0 to {x.shape[1] - 1}.")
    rows, labels = x[:, number], y[:, number]
    if rows.shape[1:] != data.shape:
        raise DataError(f"{file} must have rows of {data.shape}, as the data has; got {rows.shape[1:]}.")
    for name, array in (("X", rows), ("Y", labels)):
        if array.dtype.kind not in "biuf":
            raise DataError(f"{file}: {name} must contain real numbers; got {array.dtype}.")
        if not np.isfinite(array).all():
            raise DataError(f"{file}: {name} must contain finite numbers; got NaN or infinity.")
    _check_labels(file, labels, len(data.classes))
    return _stored(file, rows, data), torch.from_numpy(labels.astype(np.int64)).to(data.device)


def _check_labels(file: Path, labels: NDArray[np.generic], classes: int) -> None:
    whole = labels.astype(np.float64)
    wrong = (whole != np.round(whole)) | (whole < 0) | (whole >= classes)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"{file}: labels must be from 0 to {classes - 1}; row {row} has {labels[row]}.")


def _stored(file: Path, rows: NDArray[np.generic], data: Dataset) -> Rows:
    if rows.dtype == np.uint8 and data.x.dtype == torch.uint8:
        return torch.from_numpy(rows.copy()).to(data.device)
    inputs = torch.from_numpy(rows.astype(np.float32)).to(data.device)
    if data.bounds is not None and len(rows):
        low, high = data.bounds
        least, most = float(inputs.min()), float(inputs.max())
        if least < low or most > high:
            raise DataError(f"{file}: rows must be within {data.bounds}; got {least:g} to {most:g}.")
    return data.encode(inputs)
