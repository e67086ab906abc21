"""A data set as a few whole tensors on one device."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from antivenom.data.arrays import Channels
from antivenom.data.bounds import about_bounds, bounds_of, checked_bounds
from antivenom.data.given_classes import GivenClasses
from antivenom.data.labels import labelling
from antivenom.data.memmap import take_rows
from antivenom.data.names import check_class_names, check_column_names
from antivenom.data.progress import OnProgress, no_op
from antivenom.data.scales import Scale, check_scales
from antivenom.data.selection import check_split, positions_of
from antivenom.data.several import about_equal_columns, check_test_labels, read_parts
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.shapes import Ids, Inputs, Labels, Positions, Rows, ShortRepr


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """Labelled rows, stored as whole tensors.

    Args:
        x: the rows (n, *shape): uint8 for images (channels, height, width), float32 for the rest.
        y: class numbers (n), int64.
        ids: one number per row (n), int64. A row keeps its id when data is shuffled, selected or poisoned.
        classes: the names of the classes.
        bounds: the smallest and largest possible value of a number in the inputs of a classifier, usually (0, 1);
            uint8 is scaled to them. None if `x` has no range.
        assumptions: what was assumed when the data was read, one sentence each. They do not identify the data.
        columns: the names of the columns of a table; empty if they are not known. They do not identify the data.

    Raises:
        DataError: the parts have wrong types or shapes, or do not match each other.
    """

    __antivenom_advice__: ClassVar[Mapping[str, str]] = {
        "datasets": "Pass Splits(train=…, test=…), or divide the rows: data.split(0.2, Rng(0)).",
    }

    x: Rows
    y: Labels
    ids: Ids
    classes: tuple[str, ...]
    bounds: tuple[float, float] | None
    assumptions: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.x.dtype not in (torch.uint8, torch.float32):
            raise DataError(f"Rows must be uint8 or float32; got {self.x.dtype}. Convert them first.")
        if self.x.ndim < 2 or not math.prod(self.shape):
            raise DataError(f"x must have shape (n, ...) with at least one number per row; got {tuple(self.x.shape)}.")
        for name, tensor in (("y", self.y), ("ids", self.ids)):
            if tensor.ndim != 1 or tensor.dtype != torch.int64:
                raise DataError(f"{name} must be int64, of shape (n,); got {tensor.dtype} of {tuple(tensor.shape)}.")
        if not len(self.x) == len(self.y) == len(self.ids):
            raise DataError(f"x, y and ids must be equally long; got {len(self.x)}, {len(self.y)}, {len(self.ids)}.")
        if self.x.dtype == torch.uint8 and self.bounds is None:
            raise DataError("Rows of uint8 require bounds; got None. Pass bounds=(0, 1) for usual images.")
        object.__setattr__(self, "bounds", checked_bounds(self.bounds))
        check_class_names(self.classes)
        check_column_names(self.columns, self.shape)
        if len(self.y) and not 0 <= int(self.y.min()) <= int(self.y.max()) < len(self.classes):
            low, high = int(self.y.min()), int(self.y.max())
            raise DataError(f"Labels must be class numbers from 0 to {len(self.classes) - 1}; got {low} to {high}.")

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        *,
        classes: GivenClasses | None = None,
        bounds: tuple[float, float] | None = None,
        channels: Channels | None = None,
        renumber: bool = False,
    ) -> "Dataset":
        """Make a data set from arrays. Ids count from 0. `assumptions` says what was inferred.

        Args:
            x: rows. Images may be (n, h, w), (n, c, h, w) or (n, h, w, c). Other arrays keep their shape. uint8 stays
                uint8; all other numbers become float32. A table of pandas or polars keeps the names of its columns.
            y: labels (n): whole numbers or text; or one-hot rows (n, classes).
            classes: the names of all classes in the order of their numbers, a mapping such as `{"cat": 0, "dog": 1}`,
                or how many there are; if omitted, the labels that occur, which must then be 0, 1, … without a gap, or
                text. Labels of a mapping may have gaps. Text is in alphabetical order, in that of whole numbers, or in
                that of the categories of pandas.
            bounds: the smallest and largest possible value of a number in `x`; uint8 is scaled to them, so that 0
                becomes the smallest and 255 the largest. (0, 1) for uint8 if omitted.
            channels: the layout of images: `first` (n, c, h, w), `last` (n, h, w, c) or `none` (n, h, w); if omitted,
                the axis of length 1, 3 or 4.
            renumber: make a class of each different number if the labels are not 0, 1, ….

        Raises:
            DataError: not arrays of numbers, different lengths, masked values, missing labels, an ambiguous layout, or
                values that are not finite or are out of bounds.

        >>> images = np.zeros((2, 28, 28), np.uint8)
        >>> data = Dataset.from_arrays(images, [0, 1])
        >>> data.x.shape, data.classes, data.bounds
        (torch.Size([2, 1, 28, 28]), ('0', '1'), (0.0, 1.0))
        """
        pairs = [(x, y)]
        return cls.several_from_arrays(pairs, classes=classes, bounds=bounds, channels=channels, renumber=renumber)[0]

    @classmethod
    def several_from_arrays(
        cls,
        pairs: Sequence[tuple[ArrayLike | Tensor, ArrayLike | Tensor]],
        *,
        classes: GivenClasses | None = None,
        bounds: tuple[float, float] | None = None,
        channels: Channels | None = None,
        renumber: bool = False,
        columns: Sequence[str] = (),
    ) -> list["Dataset"]:
        """Make data sets with the same classes, such as a training set and a test set, from pairs of `x` and `y`.

        Args:
            pairs: rows and labels of each data set, the training set first.
            classes: as in `from_arrays`; if omitted, the labels of the first set, which the others must not exceed.
            bounds: the smallest and largest possible value of a number in `x`; uint8 is scaled to them, so that 0
                becomes the smallest and 255 the largest. (0, 1) for uint8 if omitted.
            channels: the layout of images; see `from_arrays`.
            renumber: make a class of each different number if the labels of all sets are not 0, 1, ….
            columns: the names of the columns of rows (n, columns); if omitted, those of tables.

        Raises:
            DataError: see `from_arrays`; or a later set has a label that the first one lacks.

        >>> x = np.zeros((2, 3))
        >>> [data.classes for data in Dataset.several_from_arrays([(x, ["a", "b"]), (x, ["b", "b"])])]
        [('a', 'b'), ('a', 'b')]
        """
        bounds = checked_bounds(bounds)
        parts = read_parts(pairs, channels, columns)
        widths = {part.width for part in parts if part.width is not None}
        if classes is None and not widths:
            check_test_labels(parts)
        known = max(widths) if classes is None and widths else classes
        orders = {part.categories for part in parts}
        if len(orders) > 1 and classes is None:
            raise DataError("The labels of all parts must have the same categories in the same order. Pass classes=.")
        order = next(iter(orders), ())
        named = labelling(*(part.labels for part in parts), classes=known, renumber=renumber, order=order)
        return [
            cls(
                x=part.rows,
                y=(y := named.numbers(part.labels).to(part.rows.device)),
                ids=torch.arange(len(part.rows), device=part.rows.device),
                classes=named.classes,
                bounds=bounds_of(part.rows, bounds, part.name),
                assumptions=(
                    *part.assumptions,
                    *about_bounds(part.rows, bounds, part.name),
                    *about_equal_columns(part, y),
                    *named.assumptions,
                ),
                columns=part.columns,
            )
            for part in parts
        ]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return tuple(self.x.shape[1:])

    @property
    def is_image(self) -> bool:
        """True if a row has the shape (channels, height, width)."""
        return self.x.ndim == 4

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.x.device

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data on another device."""
        return replace(self, x=self.x.to(device), y=self.y.to(device), ids=self.ids.to(device))

    def subset(self, rows: Any) -> "Dataset":
        """Return some of the rows. They keep their ids.

        Args:
            rows: positions from 0, or a mask (n): a list, slice, array or tensor.

        Raises:
            DataError: it is none of these, or there is no row at a position.

        >>> data = Dataset.from_arrays(np.zeros((8, 2)), [0, 1] * 4)
        >>> data.subset(slice(0, 6, 2)).ids.tolist(), data.subset([7, 1]).ids.tolist()
        ([0, 2, 4], [7, 1])
        """
        chosen = positions_of(rows, len(self)).to(self.device)
        return replace(self, x=take_rows(self.x, chosen), y=self.y[chosen], ids=self.ids[chosen])

    def split(self, share: float, rng: Rng) -> "Splits":
        """Divide the rows into a training set and a test set.

        Args:
            share: the share of the rows in the test set, in (0, 1).
            rng: draws the test rows by their ids.

        Raises:
            DataError: there are too few rows for both.

        >>> data = Dataset.from_arrays(np.zeros((8, 2, 2), np.uint8), [0, 1] * 4)
        >>> len(data.split(0.25, Rng(0)).test)
        2
        """
        check_split(share, rng)
        order = rng.order(self.ids)
        cut = round(len(self) * share)
        if not 0 < cut < len(self):
            raise DataError(f"{len(self)} rows are too few for a training set and a test share of {share}.")
        return Splits(train=self.subset(torch.sort(order[cut:]).values), test=self.subset(order[:cut]))

    def inputs(self, rows: Positions | slice | None = None) -> Inputs:
        """Return rows as a classifier receives them: float32 within `bounds`, on the device of the data.

        >>> Dataset.from_arrays(np.full((1, 1, 1), 255, np.uint8), [0]).inputs().item()
        1.0
        """
        return self.decode(self.x if rows is None else self.x[rows])

    def decode(self, x: Rows, out: Inputs | None = None) -> Inputs:
        """Convert stored rows to classifier inputs; write them into `out` if it is given and uint8 is converted."""
        if x.dtype != torch.uint8:
            return x
        low, high = self.bounds or (0.0, 1.0)
        unit = (x.to(torch.float32) if out is None else out.copy_(x)).div_(255)
        return unit if (low, high) == (0.0, 1.0) else unit.mul_(high - low).add_(low)

    def encode(self, inputs: Inputs) -> Rows:
        """Convert classifier inputs to stored rows: clipped to `bounds`, and rounded if rows are uint8."""
        if self.bounds is None:
            return inputs.to(self.x.dtype)
        low, high = self.bounds
        if self.x.dtype != torch.uint8:
            return inputs.clamp(low, high).to(self.x.dtype)
        return inputs.sub(low).mul_(255 / (high - low)).round_().clamp_(0, 255).to(torch.uint8)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all of the data, in hexadecimal. Equal data has equal fingerprints."""
        digest = hashlib.sha256(repr((self.classes, self.bounds, str(self.x.dtype), tuple(self.x.shape))).encode())
        for tensor in (self.x, self.y, self.ids):
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        rows = f"{len(self)} rows {self.shape} {str(self.x.dtype).removeprefix('torch.')}"
        return f"Dataset({rows}, {len(self.classes)} classes, on {self.device})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Splits(ShortRepr):
    """A training set and a test set with the same row shape, the same classes and the same scale.

    Raises:
        DataError: they do not match, such as rows from 0 to 1 beside rows from 0 to 255.
    """

    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        for name, part in (("train", self.train), ("test", self.test)):
            _check_data_set(part, name)
        if self.train.shape != self.test.shape:
            raise DataError(
                f"Training and test set must have the same row shape; got rows of {self.train.shape} and "
                f"{self.test.shape}. Resize or select the rows first."
            )
        if self.train.classes != self.test.classes:
            raise DataError(
                f"Training and test set must have the same classes; got {_different(self.train, self.test)}. Pass the "
                "same classes= to both, or make both with Dataset.several_from_arrays."
            )
        if self.train.columns and self.test.columns and self.train.columns != self.test.columns:
            raise DataError(
                f"Training and test set must have the same columns in the same order; got {list(self.train.columns)} "
                f"and {list(self.test.columns)}. Select them in one order first."
            )
        if not len(self.train) or not len(self.test):
            raise DataError(f"Training and test set must have rows; got {len(self.train)} and {len(self.test)} rows.")
        check_scales(Scale(self.train.x, self.train.bounds), Scale(self.test.x, self.test.bounds))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the training set, and those about the test set alone, which say so."""
        own = (each for each in self.test.assumptions if each not in self.train.assumptions)
        return (*self.train.assumptions, *(each if "x_test" in each else f"Test set: {each}" for each in own))

    def load(self, on_progress: OnProgress = no_op) -> "Splits":  # noqa: ARG002
        """Return these splits. Data made in Python is a source too."""
        return self

    def files(self) -> tuple[Path, ...]:
        """Return no files: the data is in memory."""
        return ()

    def identity(self) -> dict[str, Any]:
        """The fingerprints of both data sets. They identify these splits."""
        return {"train": self.train.fingerprint, "test": self.test.fingerprint}

    def code(self) -> tuple[object, ...]:
        """Return no code: the rows exist already."""
        return ()


def _different(train: Dataset, test: Dataset) -> str:
    """Return the classes of both data sets in words: their numbers, or their names if the numbers are equal."""
    if len(train.classes) != len(test.classes):
        return f"{len(train.classes)} and {len(test.classes)} classes"
    return " and ".join(
        f"{'' if data is test else 'the classes '}{', '.join(data.classes[:8])}" for data in (train, test)
    )


def _check_data_set(part: object, name: str) -> None:
    """Raise DataError for another object than a data set of antivenom."""
    if not isinstance(part, Dataset):
        kind = type(part).__name__
        advice = "from_torch(loader.dataset)" if kind == "DataLoader" else "Dataset.from_arrays or from_torch"
        raise DataError(f"{name} must be a Dataset of antivenom; got {kind}. Make one with {advice}.")
