"""A data set as a few whole tensors on one device."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from antivenom.data.memmap import take_rows
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Ids, Inputs, Labels, Positions, Rows, ShortRepr

MAX_UNNAMED = 100_000
"""So many classes may go without names: a stray label must not make a name for every number below it."""


LARGEST = 1e38
"""Rows are float32, and the width of their range must be one too."""


OnProgress = Callable[[int, int], object]
"""Told how many rows have been read, of how many."""


def no_op(done: int, of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """Labelled rows, held as whole tensors.

    Args:
        x: the rows (n, *shape): uint8 for images (channels, height, width), float32 for the rest.
        y: class numbers (n), int64.
        ids: one number a row (n), int64, that it keeps through every shuffle, subset and poison.
        classes: the names of the classes.
        bounds: the legal range of `x` as a classifier sees it, usually (0, 1); None where there is none.

    Raises:
        DataError: the parts do not fit together.
    """

    x: Rows
    y: Labels
    ids: Ids
    classes: tuple[str, ...]
    bounds: tuple[float, float] | None

    def __post_init__(self) -> None:
        if self.x.dtype not in (torch.uint8, torch.float32):
            raise DataError(f"Rows must be uint8 or float32; got {self.x.dtype}. Convert them first.")
        if self.x.ndim < 2 or not math.prod(self.shape):
            raise DataError(f"x must be n rows of at least one number; got shape {tuple(self.x.shape)}.")
        for name, tensor in (("y", self.y), ("ids", self.ids)):
            if tensor.ndim != 1 or tensor.dtype != torch.int64:
                raise DataError(f"{name} must be int64, one number a row; got {tensor.dtype} of {tuple(tensor.shape)}.")
        if not len(self.x) == len(self.y) == len(self.ids):
            raise DataError(f"{len(self.x)} rows, {len(self.y)} labels and {len(self.ids)} ids do not match.")
        if self.x.dtype == torch.uint8 and self.bounds is None:
            raise DataError("Rows of uint8 need bounds, the range they stand for; usually (0, 1).")
        if self.bounds is not None:
            if not -math.inf < self.bounds[0] < self.bounds[1] < math.inf:
                raise DataError(f"Bounds must be two numbers, the lower below the upper; got {self.bounds}.")
            if max(map(abs, self.bounds)) > LARGEST:
                raise DataError(f"Bounds must be within ±{LARGEST:g}, as float32 can hold; got {self.bounds}.")
            object.__setattr__(self, "bounds", (float(self.bounds[0]), float(self.bounds[1])))
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"Classes must have names of their own; got {self.classes}.")
        if len(self.y) and not 0 <= int(self.y.min()) <= int(self.y.max()) < len(self.classes):
            low, high = int(self.y.min()), int(self.y.max())
            raise DataError(f"Labels must be class numbers from 0 to {len(self.classes) - 1}; got {low} to {high}.")

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        *,
        classes: Sequence[str] | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> "Dataset":
        """A data set from arrays; ids count from 0.

        Args:
            x: rows. Images of uint8 may be (n, h, w), (n, c, h, w) or (n, h, w, c) with 1, 3 or 4 channels; anything
                else is taken as it stands, as float32.
            y: class numbers (n).
            classes: names; the numbers themselves where left out.
            bounds: the legal range of `x` as a classifier sees it. uint8 always stands for (0, 1) unless given.

        Raises:
            DataError: not arrays of numbers, lengths that differ, values that are not finite or out of bounds.

        >>> images = np.zeros((2, 28, 28), np.uint8)
        >>> data = Dataset.from_arrays(images, [0, 1])
        >>> data.x.shape, data.classes, data.bounds
        (torch.Size([2, 1, 28, 28]), ('0', '1'), (0.0, 1.0))
        """
        rows, labels = _tensor(x, "x"), _tensor(y, "y")
        if rows.ndim < 2 or labels.ndim != 1 or len(rows) != len(labels):
            raise DataError(
                f"x must be n rows of at least one number and y n labels; "
                f"got shapes {tuple(rows.shape)} and {tuple(labels.shape)}."
            )
        if labels.is_floating_point() and not torch.equal(labels, labels.round()):
            raise DataError("Labels must be whole class numbers; got fractions.")
        rows = _channels_first(rows) if rows.dtype == torch.uint8 else rows.to(torch.float32)
        if rows.dtype == torch.uint8:
            bounds = bounds or (0.0, 1.0)
        elif not torch.isfinite(rows).all():
            raise DataError("x holds values that are not finite numbers. Remove or fill them first.")
        elif bounds is not None and ((rows < bounds[0]) | (rows > bounds[1])).any():
            raise DataError(
                f"x must lie within its bounds {bounds}; got {float(rows.min()):g} to {float(rows.max()):g}."
            )
        labels = labels.to(rows.device, torch.int64)
        count = int(labels.max()) + 1 if len(labels) else 0
        if classes is None and count > MAX_UNNAMED:
            raise DataError(f"Labels go up to {count - 1}. Number the classes from 0, or name all of them.")
        return cls(
            x=rows,
            y=labels,
            ids=torch.arange(len(rows), device=rows.device),
            classes=tuple(map(str, range(count) if classes is None else classes)),
            bounds=bounds,
        )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def shape(self) -> tuple[int, ...]:
        """One row's own shape."""
        return tuple(self.x.shape[1:])

    @property
    def is_image(self) -> bool:
        """Whether a row is channels, height, width."""
        return self.x.ndim == 4

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.x.device

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data on another device."""
        return replace(self, x=self.x.to(device), y=self.y.to(device), ids=self.ids.to(device))

    def subset(self, rows: Positions | Chosen) -> "Dataset":
        """Some of the rows, by position or by a mask; they keep their ids."""
        return replace(self, x=take_rows(self.x, rows), y=self.y[rows], ids=self.ids[rows])

    def split(self, share: float, rng: Rng) -> "Splits":
        """A training set, and a test set of this share of the rows, drawn by their ids.

        Raises:
            DataError: there are too few rows for both.

        >>> data = Dataset.from_arrays(np.zeros((8, 2, 2), np.uint8), [0, 1] * 4)
        >>> len(data.split(0.25, Rng(0)).test)
        2
        """
        order = rng.order(self.ids)
        cut = round(len(self) * share)
        if not 0 < cut < len(self):
            raise DataError(f"{len(self)} rows are too few to keep a share of {share} for testing.")
        return Splits(train=self.subset(torch.sort(order[cut:]).values), test=self.subset(order[:cut]))

    def inputs(self, rows: Positions | slice | None = None) -> Inputs:
        """Rows as a classifier takes them: float32 within `bounds`, on the data's device.

        >>> Dataset.from_arrays(np.full((1, 1, 1), 255, np.uint8), [0]).inputs().item()
        1.0
        """
        return self.decode(self.x if rows is None else self.x[rows])

    def decode(self, x: Rows, out: Inputs | None = None) -> Inputs:
        """Stored rows as a classifier takes them; into `out`, where it is given and a conversion is needed."""
        if x.dtype != torch.uint8:
            return x
        low, high = self.bounds or (0.0, 1.0)
        unit = (x.to(torch.float32) if out is None else out.copy_(x)).div_(255)
        return unit if (low, high) == (0.0, 1.0) else unit.mul_(high - low).add_(low)

    def encode(self, inputs: Inputs) -> Rows:
        """What a classifier takes, as it is stored: clipped to `bounds`, and rounded where rows are uint8."""
        if self.bounds is None:
            return inputs.to(self.x.dtype)
        low, high = self.bounds
        if self.x.dtype != torch.uint8:
            return inputs.clamp(low, high).to(self.x.dtype)
        return inputs.sub(low).mul_(255 / (high - low)).round_().clamp_(0, 255).to(torch.uint8)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything in it, in hexadecimal: equal data, equal fingerprint."""
        digest = hashlib.sha256(repr((self.classes, self.bounds, str(self.x.dtype), tuple(self.x.shape))).encode())
        for tensor in (self.x, self.y, self.ids):
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        held = f"{len(self)} rows {self.shape} {str(self.x.dtype).removeprefix('torch.')}"
        return f"Dataset({held}, {len(self.classes)} classes, on {self.device})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Splits(ShortRepr):
    """A training set and a test set of the same kind."""

    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        if self.train.shape != self.test.shape or self.train.classes != self.test.classes:
            raise DataError(
                f"Training and test set differ: rows of {self.train.shape} and {self.test.shape}, "
                f"{len(self.train.classes)} and {len(self.test.classes)} classes."
            )
        if not len(self.train) or not len(self.test):
            raise DataError(f"There are {len(self.train)} rows to train on and {len(self.test)} to test with.")

    def load(self, on_progress: OnProgress = no_op) -> "Splits":  # noqa: ARG002
        """Itself: data made in Python is a source too."""
        return self

    def files(self) -> tuple[Path, ...]:
        """None: it is in memory."""
        return ()

    def identity(self) -> dict[str, Any]:
        """What tells it from other splits: all of its rows."""
        return {"train": self.train.fingerprint, "test": self.test.fingerprint}

    def code(self) -> tuple[object, ...]:
        """None: what made the rows has done its work."""
        return ()


@runtime_checkable
class Source(Protocol):
    """Where a data set comes from: a component, such as `Digits` or `Npz`."""

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Read both splits; `on_progress` is told how far it is where that takes long."""

    def files(self) -> tuple[Path, ...]:
        """The files that `load` reads: looked for before anything runs; their bytes are part of the result's key."""


@runtime_checkable
class NamesRows(Protocol):
    """A source whose rows have names, such as the files of a folder."""

    def row_names(self) -> Mapping[int, str]:
        """The name of each row of the training set, by its id."""


def _tensor(values: ArrayLike | Tensor, name: str) -> Tensor:
    if isinstance(values, Tensor):
        if values.is_complex():
            raise DataError(f"{name} must hold numbers; got {values.dtype}.")
        return values.detach()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} must be an array: {error}") from error
    if array.dtype.kind not in "buif":
        raise DataError(f"{name} must hold numbers; got {array.dtype}.")
    if array.dtype.kind == "u" and array.size and int(array.max()) >= 1 << 63:
        raise DataError(f"{name} must hold numbers below 2**63; got {array.max()}.")
    native = np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    return torch.from_numpy(np.array(array, dtype=native))


def _channels_first(x: Tensor) -> Tensor:
    if x.ndim == 3:
        return x.unsqueeze(1)
    if x.ndim == 4 and x.shape[1] not in (1, 3, 4) and x.shape[3] in (1, 3, 4):
        return x.permute(0, 3, 1, 2).contiguous()
    return x
