"""Shared code of CIFAR-10 and CIFAR-100: three file layouts of the same images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from antivenom.data.dataset import Dataset
from antivenom.data.formats import images, recordio
from antivenom.data.progress import OnProgress
from antivenom.errors import DataError, MissingDataError
from antivenom.files.opening import is_file

Layout = Literal["any", "binary", "python", "recordio"]
Pair = tuple[Tensor, Tensor]
SIDE = 32
MOST = 256


def chosen(files: dict[str, tuple[Path, ...]], layout: Layout) -> str:
    """Return the layout that is set, or the first layout of which all files exist.

    Raises:
        MissingDataError: no layout has all of its files.
    """
    if layout != "any":
        return layout
    for name, needed in files.items():
        if all(is_file(file) for file in needed):
            return name
    tried = ", ".join(str(needed[0]) for needed in files.values())
    raise MissingDataError(
        f"The data is missing: no layout is complete. Looked for {tried} and their other files. "
        "Put the files of one layout there, or set $ANTIVENOM_DATA to the folder of your data sets."
    )


def recorded(file: Path, on_progress: OnProgress, label: int = 0) -> Pair:
    """Return images and labels of a RecordIO file. `label` is the index of the label if a record has two."""
    records, numbers = list(recordio.read(file)), []
    for record in records:
        number = record.labels[label if len(record.labels) > 1 else 0] if record.labels else -1.0
        if not number.is_integer() or not 0 <= number < MOST:
            raise DataError(f"{file}: labels must be class numbers; the record at offset {record.offset} has {number}.")
        numbers.append(int(number))
    x = images.decode_all(
        len(records),
        lambda index: (records[index].image, f"{file}: the image of the record at offset {records[index].offset}"),
        images.Canvas(size=(SIDE, SIDE)),
        on_progress,
    )
    return x, torch.tensor(numbers)


def joined(parts: Sequence[Pair], classes: tuple[str, ...], where: Path) -> Dataset:
    """Join the images and labels of several files to one data set."""
    try:
        x, y = torch.cat([x for x, _ in parts]), torch.cat([y.long() for _, y in parts])
        return Dataset.from_arrays(x, y, classes=classes, channels="first")
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
