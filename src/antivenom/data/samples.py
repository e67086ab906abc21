"""Convert data sets of torch and of Hugging Face."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset

from antivenom.data.arrays import Channels, as_tensor
from antivenom.data.bounds import checked_bounds
from antivenom.data.dataset import Dataset
from antivenom.data.formats.findings import Findings
from antivenom.data.formats.images import Canvas, Fit, alike
from antivenom.data.formats.pixels import Background, Mode
from antivenom.data.given_classes import GivenClasses
from antivenom.data.hugging_arrays import about_arrays, check_no_canvas, is_array, is_uint8, row_hint, without_format
from antivenom.data.numeric import Unusable, label_hint, rows_from_columns
from antivenom.data.sample_parts import Parts, check_single, class_names, each_sample, labels_of, splitter
from antivenom.errors import DataError
from antivenom.settings.ranges import Range

Samples = Iterable[Any] | TorchDataset[Any]

MOST = 100_000
"""The largest number of samples of a data set without a length, unless the caller sets a limit."""


def from_torch(
    samples: Samples,
    *,
    classes: GivenClasses | None = None,
    bounds: tuple[float, float] | None = None,
    channels: Channels | None = None,
    parts: Parts | None = None,
    limit: int | None = None,
    mode: Mode | None = None,
    background: Background | None = None,
    white: float | None = None,
    renumber: bool = False,
) -> Dataset:
    """Make a data set from a torch `Dataset`, or from any other iterable of samples.

    A sample is a pair of a row (a tensor, an array or a PIL image) and a label, or a mapping such as
    `{"image": …, "label": …}`. Labels are as in `Dataset.from_arrays`. Each sample is read once. With random transforms
    the rows are one draw; an assumption says so if two reads of the first sample differ.

    Args:
        samples: the samples. Batches are refused: pass `loader.dataset` instead of a `DataLoader`.
        classes: names of the classes, a mapping such as `{"cat": 0, "dog": 1}`, or their number; if omitted, `classes`
            or `class_to_idx` of the samples, or the labels that occur.
        bounds: the smallest and largest possible value of a number; uint8 is scaled to them. (0, 1) for uint8 if
            omitted.
        channels: the layout of images that are arrays, as in `Dataset.from_arrays`.
        parts: the places or keys of the row and of the label in a sample.
        limit: the number of samples to read, from the first; all if omitted. Samples without a length need it if there
            are more than 100,000.
        mode: `rgb` or `grey`, for PIL images; if omitted, grey images stay grey and others become RGB.
        background: the colour behind transparent pixels of PIL images, which are refused if omitted.
        white: the value of white in PIL images with more than 8 bits per pixel; inferred if omitted.
        renumber: make a class of each different number if the labels are not 0, 1, ….

    Raises:
        DataError: rows of different shapes or types, or arrays that `Dataset.from_arrays` refuses.

    >>> pairs = torch.utils.data.TensorDataset(torch.zeros(4, 1, 5, 5), torch.tensor([0, 1, 0, 1]))
    >>> from_torch(pairs, bounds=(0, 1)).x.shape
    torch.Size([4, 1, 5, 5])
    """
    bounds = checked_bounds(bounds)
    findings, canvas = Findings(), Canvas(None, mode, "stretch", background, white)
    rows, labels, notes, take = list[Tensor](), list[Any](), tuple[str, ...](), None
    pictures = False
    for sample, beyond in each_sample(samples, limit, MOST):
        if beyond:
            notes += (f"Only the first {limit:,} samples are read. Pass another limit= for more.",)
            break
        if take is None:
            take, notes = splitter(sample, parts)
        row, label = take(sample)
        check_single(row, label)
        pictures = isinstance(row, Image.Image) if not rows else pictures
        rows.append(_row(row, len(rows), canvas, findings, pictures=pictures))
        labels.append(label)
    stacked = _stacked(alike(rows) if pictures else rows)
    if take is not None and _is_random(samples, take, rows[0], canvas):
        notes += (
            "The data set gives another row 0 each time, as with random augmentation; each row is read once. Pass a "
            "data set without random transforms for the original rows.",
        )
    if pictures:
        stacked, bounds = _within(stacked, bounds)
    names = classes if classes is not None else class_names(samples)
    layout = "first" if pictures else channels
    settings: dict[str, Any] = {"classes": names, "bounds": bounds, "channels": layout, "renumber": renumber}
    data = Dataset.from_arrays(stacked, labels_of(labels), **settings)
    return replace(data, assumptions=(*notes, *findings.assumptions(), *data.assumptions))


def from_hugging_face(
    samples: Any,
    *,
    image: str | None = "image",
    label: str = "label",
    size: tuple[int, int] | None = None,
    mode: Mode = "rgb",
    fit: Fit = "stretch",
    background: Background | None = None,
    white: float | None = None,
    bounds: tuple[float, float] | None = None,
    ignore: Sequence[str] | None = None,
    channels: Channels | None = None,
    renumber: bool = False,
) -> Dataset:
    """Make a data set from a Hugging Face `datasets.Dataset`.

    Args:
        samples: a `datasets.Dataset`, of images, arrays or columns of numbers. Its format, such as `torch`, does not
            matter.
        image: the column of images, or of arrays or lists of equal shapes; None to use all columns of numbers except
            the label.
        label: the column of class numbers or names.
        size: the height and width of all images after resizing; if omitted, all images must have equal sizes.
        mode: `rgb` or `grey`.
        fit: how an image gets the shape `size`: `stretch`, `crop` or `pad`.
        background: the colour behind transparent pixels; if omitted, images that have them are refused.
        white: the value of white in images with more than 8 bits per pixel; inferred if omitted.
        bounds: the smallest and largest possible value of a number; uint8 and images are scaled to them. (0, 1) for
            images if omitted.
        ignore: the columns of numbers to leave out. Those that only count the rows are always left out, unless `ignore`
            is an empty list.
        channels: the layout of images that are arrays, as in `Dataset.from_arrays`.
        renumber: make a class of each different number if the labels are not 0, 1, ….

    Raises:
        DataError: a column is missing or has the wrong type, or a label or a number is missing.
    """
    bounds, names = checked_bounds(bounds), _column_names(samples)
    samples = without_format(samples)
    absent = [name for name in (image, label) if name is not None and name not in names]
    if absent:
        hint = row_hint(samples, label) if absent[0] == image else label_hint(names)
        raise DataError(f"The data set has no column {absent[0]!r}. Its columns are: {', '.join(names)}.{hint}")
    raw = list(samples[label])
    classes = getattr(samples.features.get(label), "names", None)
    missing = sum(each == -1 for each in raw) if classes else 0
    if missing:
        raise DataError(f"{missing:,} rows have the label -1, which means no label. Remove these rows first.")
    labels = labels_of(raw)
    if image is None:
        columns = {name: _column(samples[name], name) for name in names if name != label}
        x, used, notes = rows_from_columns(columns, ignore)
        data = Dataset.from_arrays(x, labels, classes=classes, bounds=bounds, renumber=renumber)
        data = replace(data, columns=used)
    else:
        canvas, findings = Canvas(size, mode, fit, background, white), Findings()
        values = [samples[index][image] for index in range(len(raw))]
        if values and is_array(values[0]):
            check_no_canvas(canvas, image)
            stacked = _stacked([as_tensor(each, f"Row {index}") for index, each in enumerate(values)])
            stacked = (
                stacked.to(torch.uint8) if is_uint8(samples, image) and not stacked.is_floating_point() else stacked
            )
            notes = (about_arrays(image, stacked),)
        else:
            rows = [_picture(each, index, canvas, findings) for index, each in enumerate(values)]
            stacked, bounds = _within(_stacked(alike(rows)), bounds)
            notes, channels = findings.assumptions(), "first"
        data = Dataset.from_arrays(
            stacked, labels, classes=classes, bounds=bounds, channels=channels, renumber=renumber
        )
    return replace(data, assumptions=(*notes, *data.assumptions))


def _within(images: Tensor, bounds: Range | None) -> tuple[Tensor, Range]:
    """Return images and their bounds, (0, 1) if there are none. Images of float32 are from 0 to 1 before."""
    low, high = bounds or (0.0, 1.0)
    return images if images.dtype == torch.uint8 else (images * (high - low) + low).clamp(low, high), (low, high)


def _column_names(samples: Any) -> list[str]:
    """Return the names of the columns of a Hugging Face data set that is in memory or on disk."""
    names = getattr(samples, "column_names", None)
    if isinstance(names, dict):
        raise DataError(f"samples must be one data set; got the splits {', '.join(names)}. Pass one: samples['train'].")
    if names is None or not hasattr(samples, "__len__"):
        raise DataError(f"samples must be a datasets.Dataset; got {type(samples).__name__}. Load it without streaming.")
    return list(names)


def _column(values: Any, name: str) -> NDArray[Any] | Unusable:
    """Return a column of numbers as an array, or the reason why there is none."""
    plain = list(values)
    missing = sum(value is None for value in plain)
    if missing:
        return Unusable(f"no value in {missing:,} of {len(plain):,} rows")
    if any(isinstance(value, list | tuple) for value in plain):
        return Unusable(f"lists (pass image={name!r} if they are the rows)")
    array = np.asarray(plain)
    if array.dtype.kind not in "buif":
        return Unusable("text" if array.dtype.kind == "U" else f"values such as {plain[0]!s}")
    return array


def _row(value: Any, index: int, canvas: Canvas, findings: Findings, *, pictures: bool) -> Tensor:
    """Convert one row to a tensor; a PIL image becomes (channels, height, width)."""
    if isinstance(value, Image.Image) != pictures:
        kind = "a PIL image" if pictures else "an array"
        raise DataError(f"Row {index} must be {kind}, as row 0; got {type(value).__name__}.")
    if isinstance(value, Image.Image):
        return torch.from_numpy(canvas.pixels(value, f"row {index}", findings))
    row = as_tensor(value, f"Row {index}")
    return row.reshape(1) if row.ndim == 0 else row


def _is_random(samples: Any, take: Any, first: Tensor, canvas: Canvas) -> bool:
    """Return whether an indexable data set gives another first row when it is read again."""
    if not (hasattr(samples, "__getitem__") and hasattr(samples, "__len__")) or isinstance(samples, IterableDataset):
        return False
    value, _ = take(samples[0])
    again = _row(value, 0, canvas, Findings(), pictures=isinstance(value, Image.Image))
    return not torch.equal(again, first)


def _picture(value: Any, index: int, canvas: Canvas, findings: Findings) -> Tensor:
    """Convert an image of Hugging Face, decoded or not, to (channels, height, width)."""
    encoded = value.get("bytes") if isinstance(value, dict) else None
    if encoded is not None:
        pixels = canvas.decode(encoded, f"row {index}", findings)
        return torch.from_numpy(np.array(np.atleast_3d(pixels).transpose(2, 0, 1)))
    return torch.from_numpy(canvas.pixels(value, f"row {index}", findings))


def _stacked(rows: list[Tensor]) -> Tensor:
    if not rows:
        raise DataError("The data set must have at least one row; got none.")
    for index, row in enumerate(rows):
        if row.shape != rows[0].shape or row.dtype != rows[0].dtype:
            raise DataError(
                f"Row {index} must have the shape {tuple(rows[0].shape)} and the type {rows[0].dtype}, as row 0; got "
                f"{tuple(row.shape)}, {row.dtype}."
            )
    return torch.stack(rows)
