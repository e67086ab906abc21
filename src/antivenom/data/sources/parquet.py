"""Your own images or tables, in Parquet files."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow  # noqa: F401 - `antivenom list` checks that it is installed
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from antivenom.data.assumptions import with_files
from antivenom.data.class_order import Categorical
from antivenom.data.dataset import Dataset, Splits
from antivenom.data.formats import images, parquet
from antivenom.data.formats.findings import Findings
from antivenom.data.formats.pixels import Background, Mode
from antivenom.data.numeric import rows_from_columns
from antivenom.data.progress import OnProgress, no_op
from antivenom.data.sample_parts import labels_of
from antivenom.errors import DataError, SettingsError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.trial import Trial


@component
class Parquet:
    """Your own Parquet file in Hugging Face's layout: encoded images or columns of numbers, and labels.

    Requires the extra `parquet`. Class names come from the metadata of the file, if it has them.

    Args:
        path: the file. A relative path starts at the current folder.
        image: the column of encoded images; null if all columns except the label are numbers.
        label: the column of labels: whole numbers or names.
        test_path: a second file with the same columns, for testing.
        test_share: the share of the rows for testing, in (0, 1), without a `test_path`.
        size: the height and width of all images after resizing, in pixels; if omitted, all must have equal sizes.
        mode: `rgb` or `grey`.
        fit: how an image gets the shape `size`: `stretch`, `crop` or `pad`.
        background: `black` or `white`: the colour behind transparent pixels; if omitted, images that have them are
            refused.
        white: the value of white in images with more than 8 bits per pixel, such as 4095; inferred if omitted.
        ignore: the columns of numbers to leave out: a list, or one of them. Columns that only count the rows are always
            left out, unless `ignore` is `[]`. It requires `image: null`.
        bounds: the smallest and largest possible value of a number in the columns; no range if omitted. It is always
            (0, 1) for images.

    Raises:
        SettingsError: `ignore` contains the label.
        DataError: on loading; the message names the file, and all columns that cannot be used.
    """

    trial = Trial(settings={"path": "mine.parquet"})

    path: str
    image: str | None = "image"
    label: str = "label"
    test_path: str | None = None
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25
    size: tuple[AtLeastOne, AtLeastOne] | None = None
    mode: Mode = "rgb"
    fit: images.Fit = "stretch"
    background: Background | None = None
    white: Positive | None = None
    ignore: tuple[str, ...] | str | None = None
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.label in (self._ignored or ()):
            raise SettingsError([f"Parquet.ignore must not contain the label; got {self.label!r}."])

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Load both splits."""
        tables = [parquet.read(file, self.image, self.label, self._ignored) for file in self.files()]
        first, last = list(tables[0].columns), list(tables[-1].columns)
        if sorted(first) != sorted(last):
            raise DataError(
                f"{self.test_path} must have the same columns as {self.path}: {', '.join(first)}; got "
                f"{', '.join(last)}."
            )
        if first != last:
            note = f"The columns are in another order than in {self.path}, and are matched by their names."
            moved = {name: tables[1].columns[name] for name in first}
            tables[1] = replace(tables[1], columns=moved, assumptions=(*tables[1].assumptions, note))
        if tables[0].classes != tables[-1].classes:
            raise DataError(f"{self.test_path} must name the same classes as {self.path}, in the same order.")
        findings = Findings()
        try:
            rows = [
                self._rows(table, file, findings, on_progress) for table, file in zip(tables, self.files(), strict=True)
            ]
            parts = images.alike([torch.as_tensor(x) for x, _, _ in rows])
            pairs = [(x, _labels(table)) for x, table in zip(parts, tables, strict=True)]
            made = Dataset.several_from_arrays(
                pairs,
                classes=tables[0].classes,
                bounds=self.bounds if self.image is None else (0, 1),
                channels=None if self.image is None else "first",
                renumber=tables[0].classes is None,
                columns=rows[0][1],
            )
            of_images = findings.assumptions()
        except DataError as error:
            raise error if self.path in str(error) else DataError(f"{self.path}: {error}") from error
        sentences = [(*notes, *of_images, *data.assumptions) for data, (_, _, notes) in zip(made, rows, strict=True)]
        sets = [
            replace(data, assumptions=each)
            for data, each in zip(made, with_files(self.files(), sentences), strict=True)
        ]
        if len(sets) == 1:
            return sets[0].split(self.test_share, Rng(0).child("parquet"))
        return Splits(train=sets[0], test=sets[1])

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file, and `test_path` if it is set."""
        return (Path(self.path), *([Path(self.test_path)] if self.test_path else []))

    @property
    def _ignored(self) -> tuple[str, ...] | None:
        return (self.ignore,) if isinstance(self.ignore, str) else self.ignore

    def _rows(
        self, table: parquet.Table, file: Path, findings: Findings, on_progress: OnProgress
    ) -> tuple[NDArray[np.float32] | Tensor, tuple[str, ...], tuple[str, ...]]:
        """Return the rows of a file, the names of their columns, and the assumptions about these."""
        if not table.labels:
            raise DataError(f"{file} must have at least one row; it has none.")
        try:
            if table.images is None:
                numbers, used, notes = rows_from_columns(table.columns, self._ignored)
                return numbers, used, (*table.about_index(used), *table.assumptions, *notes)
            encoded = table.images
            canvas = images.Canvas(self.size, self.mode, self.fit, self.background, self.white)
            x = images.decode_all(
                len(encoded), lambda index: (encoded[index], f"{file}, row {index}"), canvas, on_progress, findings
            )
            return x, (), ()
        except DataError as error:
            raise error if str(file) in str(error) else DataError(f"{file}: {error}") from error


def _labels(table: parquet.Table) -> NDArray[Any] | Categorical:
    """Return the labels, with their categories if the file has them."""
    labels = labels_of(table.labels)
    return labels if table.categories is None else Categorical(labels, *table.categories)
