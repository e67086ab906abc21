"""Your own tables, in CSV files."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Interval

from antivenom.data.assumptions import with_files
from antivenom.data.cells import MISSING
from antivenom.data.dataset import Dataset, Splits
from antivenom.data.formats.delimited import Decimal, plain_texts, read_table
from antivenom.data.formats.table_rows import MissingRows, Table, matched
from antivenom.data.progress import OnProgress, no_op
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.trial import Trial


@component
class Csv:
    r"""Your own table: lines of numbers and a label, with or without a line of column names.

    Labels are whole numbers or names. Names are numbered in alphabetical order. Settings that are omitted are inferred
    from the names and values of the columns. The run says what was assumed. A table that can be read in several ways is
    refused.

    Args:
        path: the file, in UTF-8. A relative path starts at the current folder.
        label: the column of labels, by name or number (0 is the first, -1 the last); if omitted, the column with a name
            such as `label`, `class`, `target` or `y`, or else the only column that can be it.
        header: whether the first line contains the names of the columns; inferred if omitted.
        ignore: the columns to leave out, by name or number: a list, or one of them. A column that only counts the rows
            is always left out, unless `ignore` is `[]`: then all columns are used.
        missing: these texts (in small letters) mean "no label".
        missing_rows: `refuse` rows without a label, with their line, or `drop` them; the run says how many.
        test_path: a second file with the same columns, for testing.
        test_share: the share of the rows for testing, in (0, 1), without a `test_path`.
        bounds: the smallest and largest possible value of a number in the columns; no range if omitted.
        separator: the character between two columns; `tab` for a tab.
        decimal: the mark before the fraction of a number: `.`, or `,` as in 1,5. If the separator is a comma, too, such
            numbers must be in quotes.

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
    label: str | int | None = None
    header: bool | None = None
    ignore: tuple[str | int, ...] | str | int | None = None
    missing: tuple[str, ...] = MISSING
    missing_rows: MissingRows = "refuse"
    test_path: str | None = None
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25
    bounds: tuple[float, float] | None = None
    separator: str = ","
    decimal: Decimal = "."

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits."""
        files = self.files()
        tables = [self.table(files[0])]
        for file in files[1:]:
            try:
                tables.append(matched(self.table(file), tables[0], file, files[0]))
            except DataError as error:
                about = (
                    f" The settings apply to both files, and {self.path} can be read with them: save {file} like it."
                )
                raise DataError(f"{error}{about if 'eparator' in str(error) else ''}") from error
        try:
            sets = self._datasets(tables)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error
        if len(sets) == 1:
            return sets[0].split(self.test_share, Rng(0).child("csv"))
        return Splits(train=sets[0], test=sets[1])

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file, and `test_path` if it is set."""
        return (Path(self.path), *([Path(self.test_path)] if self.test_path else []))

    def table(self, file: Path) -> Table:
        """Read the numbers, labels and columns of a file with these settings."""
        return read_table(
            file,
            separator=self.separator,
            decimal=self.decimal,
            label=self.label,
            header=self.header,
            ignore=(self.ignore,) if isinstance(self.ignore, str | int) else self.ignore,
            missing=self.missing,
            missing_rows=self.missing_rows,
        )

    def _datasets(self, tables: list[Table]) -> list[Dataset]:
        """Return one data set for each table. The labels of all tables together decide whether they are numbers."""
        columns = tables[0].columns
        labels = plain_texts([label for table in tables for label in table.labels], columns.shown(columns.label))
        if labels.dtype.kind == "i" and set(labels.tolist()) != {-1, 1}:
            self._refuse_negative(tables)
        parts = np.split(labels, np.cumsum([len(table.labels) for table in tables])[:-1])
        pairs = [
            (table.numbers, part if part.dtype.kind == "i" else part.astype(object))  # 'nan' is a name here
            for table, part in zip(tables, parts, strict=True)
        ]
        made = Dataset.several_from_arrays(pairs, bounds=self.bounds, renumber=True, columns=columns.used)
        sentences = [(*table.assumptions, *data.assumptions) for table, data in zip(tables, made, strict=True)]
        return [
            replace(data, assumptions=each)
            for data, each in zip(made, with_files(self.files(), sentences), strict=True)
        ]

    def _refuse_negative(self, tables: list[Table]) -> None:
        """Refuse a negative label, with its line."""
        for file, table in zip(self.files(), tables, strict=True):
            for line, label in zip(table.lines, table.labels, strict=True):
                if label.startswith("-") and float(label) < 0:
                    raise DataError(
                        f"{file}, line {line} has the label {label}. If it means that there is no label, remove the "
                        f"row, or add '{label}' to missing and set missing_rows to drop. If it is a class, write a "
                        "name."
                    )
