"""Your own tables, in CSV files."""

import csv
import math
from array import array
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from antivenom.data.dataset import Dataset, OnProgress, Splits, no_op
from antivenom.data.formats._reading import contents
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.trial import Trial


@component
class Csv:
    r"""Your own table: a line of column names, then lines of numbers and a label.

    Labels are whole numbers from 0, or names. Names are numbered in alphabetical order.

    Args:
        path: the file, in UTF-8. A relative path starts at the current folder.
        label: the name of the column of labels; the last column if omitted.
        test_path: a second file with the same columns, for testing.
        test_share: the share of the rows for testing, in (0, 1), without a `test_path`.
        bounds: the legal range of the numbers as a classifier receives them; no range if omitted.
        separator: the character between two columns.

    Raises:
        DataError: on loading; the message names the line.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("width,height,kind\n1,2,cat\n3,4,dog\n5,6,cat\n7,8,dog\n")
    >>> splits = Csv(path=str(file)).load()
    >>> splits.train.x.shape, splits.train.classes
    (torch.Size([3, 2]), ('cat', 'dog'))
    """

    trial = Trial(settings={"path": "mine.csv"})

    path: str
    label: str | None = None
    test_path: str | None = None
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25
    bounds: tuple[float, float] | None = None
    separator: str = ","

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits."""
        train = self._read(Path(self.path), None)
        if self.test_path is None:
            return self._dataset(train[0], train[1], _classes(train[1]), self.path).split(
                self.test_share, Rng(0).child("csv")
            )
        test = self._read(Path(self.test_path), train[2])
        classes = _classes([*train[1], *test[1]])
        sets = [
            self._dataset(x, labels, classes, path)
            for (x, labels, _), path in ((train, self.path), (test, self.test_path))
        ]
        return Splits(train=sets[0], test=sets[1])

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file, and `test_path` if it is set."""
        return (Path(self.path), *([Path(self.test_path)] if self.test_path else []))

    def _read(self, file: Path, names: list[str] | None) -> tuple[NDArray[np.float64], list[str], list[str]]:
        try:
            text = contents(file).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{file} must be UTF-8 text; the byte at offset {error.start} is not.") from error
        lines = self._lines(text, file)
        _, head = next(lines, (0, []))
        if len(head) < 2 or len(set(head)) < len(head):
            raise DataError(f"{file} must begin with a line of at least two different column names; got {head}.")
        if names is None and all(map(_is_number, head)) and head != list(map(str, range(len(head)))):
            raise DataError(f"{file} must begin with a line of column names; got the numbers {head[:4]}.")
        if names is not None and head != names:
            raise DataError(f"{file} must have the same columns as {self.path}; got {head}.")
        place = len(head) - 1 if self.label is None else head.index(self.label) if self.label in head else -1
        if place < 0:
            raise DataError(f"{file} has no column {self.label!r}. Its columns are: {', '.join(head)}.")
        values, labels = array("d"), list[str]()
        for number, line in lines:
            if not line:
                continue
            if len(line) != len(head):
                raise DataError(f"{file}, line {number} must have {len(head)} columns, as line 1; got {len(line)}.")
            labels.append(line.pop(place))
            values.extend(_number(value, file, number) for value in line)
        if not labels:
            raise DataError(f"{file} must have at least one row; it has none.")
        return np.frombuffer(values).reshape(len(labels), -1), labels, head

    def _lines(self, text: str, file: Path) -> Iterator[tuple[int, list[str]]]:
        try:
            reader = csv.reader(StringIO(text, newline=""), delimiter=self.separator, strict=True)
            for line in reader:
                yield reader.line_num, line
        except (csv.Error, TypeError) as error:
            raise DataError(f"{file} is not a CSV file with the separator {self.separator!r}: {error}") from error

    def _dataset(self, x: NDArray[np.float64], labels: list[str], classes: tuple[str, ...], path: str) -> Dataset:
        numbers = {name: number for number, name in enumerate(classes)}
        y = [numbers[label.strip()] for label in labels]
        try:
            return Dataset.from_arrays(x.astype(np.float32), np.array(y), classes=classes, bounds=self.bounds)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _number(value: str, file: Path, line: int) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{file}, line {line} must contain finite numbers; got {value[:40]!r}.")
    return number


def _classes(labels: list[str]) -> tuple[str, ...]:
    """Return the class names in order: whole numbers by value, other names in alphabetical order."""
    names = {label.strip() for label in labels}
    if all(name.isascii() and name.isdigit() and len(name) < 6 for name in names):
        most = max(map(int, names))
        if {str(int(name)) for name in names} == names:
            return tuple(map(str, range(most + 1)))
    return tuple(sorted(names))
