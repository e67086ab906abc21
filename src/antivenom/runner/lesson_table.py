"""The table of a lesson: a CSV file with two columns of numbers, which the lesson standardises."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from antivenom.data import Dataset, Splits
from antivenom.data.sources.csv import Csv
from antivenom.errors import SettingsError
from antivenom.files.opening import exists, is_file
from antivenom.files.writing import write_bytes, write_text
from antivenom.runner.results.folder import prepare_folder, read_spec_text
from antivenom.settings import build_as
from antivenom.storage.tables import csv_line

Pair = tuple[float, float]
FILES = ("table-train.csv", "table-test.csv")
SCALED = (
    "The lesson subtracts the mean of the training rows from each column and divides by their standard deviation. "
    "Points and axes are in the units of the table."
)


@dataclass(frozen=True, eq=False)
class LessonTable:
    """A table with two columns of numbers, and the mean and standard deviation of its training rows.

    Attributes:
        path: the file.
        columns: the names of the two columns of numbers.
        splits: the rows, in the units of the table.
        centre: the mean of each column over the training rows.
        unit: the standard deviation of each column over the training rows, or 1 if it is 0.
    """

    path: str
    columns: tuple[str, str]
    splits: Splits
    centre: Pair
    unit: Pair

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what was assumed about the table, one sentence each."""
        return (*self.splits.train.assumptions, f"{self.path}: {SCALED}")

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the two classes."""
        return self.splits.train.classes

    def rows(self, *, scaled: bool = False) -> torch.Tensor:
        """Return all rows (n, 2), in the units of the table, or scaled to standard deviations from the mean."""
        rows = torch.cat([self.splits.train.x, self.splits.test.x]).double()
        return (rows - torch.tensor(self.centre)) / torch.tensor(self.unit) if scaled else rows

    def in_units(self, point: Pair) -> Pair:
        """Return a standardised point in the units of the table."""
        return self.centre[0] + self.unit[0] * point[0], self.centre[1] + self.unit[1] * point[1]

    def standardised(self, points: Sequence[Pair]) -> tuple[Pair, ...]:
        """Return points, which are in the units of the table, in standard deviations from the mean."""
        return tuple(
            (rounded((x - self.centre[0]) / self.unit[0]), rounded((y - self.centre[1]) / self.unit[1]))
            for x, y in points
        )

    def assumptions_with(self, of_run: Iterable[str]) -> tuple[str, ...]:
        """Return the assumptions of a run, with those about this table in place of those about the files of `write`."""
        others = (each for each in of_run if not any(f"{file}: " in each for file in FILES))
        return tuple(dict.fromkeys((*self.assumptions, *others)))

    @contextmanager
    def written(self, folder: Path) -> Iterator[dict[str, Any]]:
        """Write the rows as `write` does, for the run inside the `with` block. If it is refused, nothing is left.

        A run that fails after it began, when its spec is in the folder, keeps its files.

        Yields:
            The data set of the run's spec.

        Raises:
            RunError: the folder contains other files, or it cannot be written to.
        """
        created = [each for each in (folder, *folder.parents) if not exists(each)]
        spec = folder / "spec.yaml"
        before = {path: path.read_bytes() for path in (spec, *_paths(folder)) if is_file(path)}
        source = self.write(folder)
        placed = spec.read_bytes()
        try:
            yield source
        except BaseException:
            if spec.read_bytes() == placed:
                _restore(before, (spec, *_paths(folder)), created)
            raise

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the standardised rows to two files in the folder of a run, and return the data set of its spec.

        Raises:
            RunError: the folder contains other files, or it cannot be written to.
        """
        prepare_folder(folder, read_spec_text(folder) if is_file(folder / "spec.yaml") else "")
        paths = _paths(folder)
        for path, data in zip(paths, (self.splits.train, self.splits.test), strict=True):
            write_text(path, self._text(data))
        train, test = map(str, paths)
        return {
            "name": "csv",
            "path": train,
            "test_path": test,
            "label": 2,
            "header": True,
            "ignore": [],
            "missing": [],
        }

    def _text(self, data: Dataset) -> str:
        header = csv_line((*self.columns, "label" if "label" not in self.columns else "the label"))
        rows = zip(self.standardised(data.x.double().tolist()), data.y.tolist(), strict=True)
        return header + "".join(csv_line((*row, data.classes[label])) for row, label in rows)


def _paths(folder: Path) -> list[Path]:
    return [folder / name for name in FILES]


def _restore(before: Mapping[Path, bytes], paths: Iterable[Path], created: Iterable[Path]) -> None:
    """Give files their earlier content, or remove them; then remove the folders that were created, if empty."""
    for path in paths:
        if path in before:
            write_bytes(path, before[path])
        else:
            path.unlink(missing_ok=True)
    for folder in created:
        if any(folder.iterdir()):
            break
        folder.rmdir()


def read_lesson_table(source: dict[str, Any]) -> LessonTable:
    """Read the table of a lesson.

    Args:
        source: the data set `csv`, in the form that a spec has.

    Raises:
        DataError: the file cannot be read.
        SettingsError: the settings are wrong, or the file does not have 2 columns of numbers and 2 classes.
    """
    settings = build_as(Csv, {key: value for key, value in source.items() if key != "name"}, path="dataset")
    if settings.bounds is not None:
        raise SettingsError(
            ["dataset.bounds must be null for `antivenom boundary`: it standardises the columns. Remove it."]
        )
    splits = settings.load()
    if splits.train.shape != (2,):
        count = splits.train.x[0].numel()
        raise SettingsError([f"{settings.path} must have 2 columns of numbers besides the label; got {count}."])
    if len(splits.train.classes) != 2:
        raise SettingsError([f"{settings.path} must have 2 different labels; got {len(splits.train.classes)}."])
    rows = splits.train.x.double()
    centre, unit = rows.mean(0), rows.std(0, correction=0)
    unit = torch.where(unit > 0, unit, 1.0)
    return LessonTable(settings.path, _columns(settings), splits, _pair(centre), _pair(unit))


def _columns(settings: Csv) -> tuple[str, str]:
    """Return the names of the two columns of numbers."""
    known = settings.table(Path(settings.path)).columns
    left_out = (known.label, *known.ignored)
    x, y = (name for number, name in enumerate(known.names) if number not in left_out)
    return (x, y) if known.header else (f"column {x}", f"column {y}")


def _pair(values: torch.Tensor) -> Pair:
    x, y = values.tolist()
    return rounded(x), rounded(y)


def rounded(value: float) -> float:
    """Return a number with nine digits, as a spec writes it."""
    return float(f"{value:.9g}")
