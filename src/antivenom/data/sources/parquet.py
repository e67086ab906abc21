"""Your own images or tables, in Parquet files."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow  # noqa: F401 - `antivenom list` checks that it is installed
from annotated_types import Interval

from antivenom.data.dataset import Dataset, OnProgress, Splits, no_op
from antivenom.data.formats import images, parquet
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.trial import Trial


@component
class Parquet:
    """Your own Parquet file in Hugging Face's layout: encoded images or columns of numbers, and labels.

    Requires the extra `parquet`. Class names come from the metadata of the file, if it has them.

    Args:
        path: the file. A relative path starts at the current folder.
        image: the column of encoded images; null if all columns except the label are numbers.
        label: the column of labels: whole numbers from 0, or names.
        test_path: a second file with the same columns, for testing.
        test_share: the share of the rows for testing, in (0, 1), without a `test_path`.
        size: the height and width of all images after resizing, in pixels; if omitted, all must have equal sizes.
        mode: `rgb` or `grey`.
        fit: how an image gets the shape `size`: `stretch`, `crop` or `pad`.
        bounds: the legal range of columns of numbers; no range if omitted. It is always (0, 1) for images.

    Raises:
        DataError: on loading; the message names the file and the problem.
    """

    trial = Trial(settings={"path": "mine.parquet"})

    path: str
    image: str | None = "image"
    label: str = "label"
    test_path: str | None = None
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25
    size: tuple[AtLeastOne, AtLeastOne] | None = None
    mode: images.Mode = "rgb"
    fit: images.Fit = "stretch"
    bounds: tuple[float, float] | None = None

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Load both splits."""
        tables = [parquet.read(file, self.image, self.label) for file in self.files()]
        classes = self._classes(tables)
        sets = [
            self._dataset(table, classes, file, on_progress) for table, file in zip(tables, self.files(), strict=True)
        ]
        if len(sets) == 1:
            return sets[0].split(self.test_share, Rng(0).child("parquet"))
        return Splits(train=sets[0], test=sets[1])

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file, and `test_path` if it is set."""
        return (Path(self.path), *([Path(self.test_path)] if self.test_path else []))

    def _classes(self, tables: list[parquet.Table]) -> tuple[str, ...]:
        labels = [label for table in tables for label in table.labels]
        if not labels:
            raise DataError(f"{self.path} must have at least one row; it has none.")
        if all(type(label) is int for label in labels):
            if min(labels) < 0 or max(labels) >= len(tables[0].classes or range(images.MAX_PIXELS)):
                raise DataError(f"{self.path}: labels must be class numbers; got {min(labels)} to {max(labels)}.")
            return tables[0].classes or tuple(map(str, range(_bounded(max(labels), self.path) + 1)))
        if all(isinstance(label, str) for label in labels):
            return tuple(sorted(set(labels)))
        raise DataError(f"{self.path}: column {self.label!r} must contain only whole numbers or only names.")

    def _dataset(self, table: parquet.Table, classes: tuple[str, ...], file: Path, on_progress: OnProgress) -> Dataset:
        numbers = {name: number for number, name in enumerate(classes)}
        y = np.array([label if type(label) is int else numbers[label] for label in table.labels], np.int64)
        try:
            if table.images is None:
                return Dataset.from_arrays(np.stack(table.rows, axis=1), y, classes=classes, bounds=self.bounds)
            encoded = table.images
            canvas = images.Canvas(self.size, self.mode, self.fit)
            x = images.decode_all(len(encoded), lambda i: (encoded[i], f"{file}, row {i}"), canvas, on_progress)
            return Dataset.from_arrays(x, y, classes=classes)
        except DataError as error:
            raise error if str(file) in str(error) else DataError(f"{file}: {error}") from error


def _bounded(most: int, path: str) -> int:
    if most > 100_000:
        raise DataError(f"{path}: the largest label is {most}. Number the classes from 0.")
    return most
