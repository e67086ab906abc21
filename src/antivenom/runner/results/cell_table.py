"""The table of all cells of a sweep, as CSV and as Parquet. Equal results give equal bytes."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from antivenom.files.writing import atomic_file, write_text_lines
from antivenom.runner.scoring.intervals import holm
from antivenom.settings.naming import label
from antivenom.storage.tables import csv_line

PARTS = ("", ".low", ".high", ".n")
"""The ends of the columns of a figure: its mean, the ends of its 95 % interval, and the number of repeats."""

TESTED = (".p", ".p_holm")
"""The ends of two more columns of a paired difference: its p-value, and the same after Holm's correction.

The family of the correction is that of all finished cells of the sweep with a p-value, for each figure on its own.
"""

ROWS_AT_ONCE = 500
"""The number of rows of a group in a Parquet file."""

Axes = Mapping[str, Mapping[str, Any]]
PValues = tuple[float | None, float | None]
"""A p-value, and the same after Holm's correction."""
MetricsOf = Callable[[str], Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class CellTable:
    """A table with a row for each cell of a sweep.

    Args:
        axes: the values that the sweep sets in each cell, by the cell's name.
        figures: the keys of all figures of all cells.
        metrics_of: returns the metrics of a cell.
        p_values: the p-value of each paired difference in each cell, and the same after Holm's correction.
    """

    axes: Axes
    figures: tuple[str, ...]
    metrics_of: MetricsOf
    p_values: Mapping[str, Mapping[str, PValues]] = field(default_factory=dict)

    @classmethod
    def of(cls, axes: Axes, metrics_of: MetricsOf) -> "CellTable":
        """Return the table of some cells. Times are not part of it, because they differ between equal runs."""
        keys: dict[str, None] = {}
        tests: dict[str, dict[str, float | None]] = {}
        for cell in axes:
            for key, entry in metrics_of(cell).items():
                if entry["unit"] != "seconds":
                    keys[key] = None
                if entry.get("paired"):
                    tests.setdefault(key, {})[cell] = entry["p_value"]
        return cls(axes, tuple(keys), metrics_of, corrected(tests))

    @property
    def columns(self) -> list[str]:
        """The names of all columns: the cell, the axes, and four for each figure, six for a paired difference."""
        return ["cell", *axis_names(self.axes), *(f"{key}{part}" for key in self.figures for part in self.parts(key))]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the row of each cell, with every column. A value that a cell does not have is None."""
        names = axis_names(self.axes)
        for cell, values in self.axes.items():
            metrics = self.metrics_of(cell)
            row = first_columns(cell, values, names)
            for key in self.figures:
                row |= values_of(key, metrics)
                if key in self.p_values:
                    both = self.p_values[key].get(cell, (None, None))
                    row |= {f"{key}{part}": value for part, value in zip(TESTED, both, strict=True)}
            yield row

    def parts(self, key: str) -> tuple[str, ...]:
        """Return the ends of the columns of a figure."""
        return (*PARTS, *TESTED) if key in self.p_values else PARTS

    def write(self, folder: Path) -> None:
        """Write `table.csv`, and `table.parquet` if pyarrow is installed. Rows are not kept in memory."""
        with ExitStack() as stack:
            take = None
            parquet = folder / "table.parquet"
            if find_spec("pyarrow") is None:
                parquet.unlink(missing_ok=True)  # of an earlier run
            else:
                take = stack.enter_context(_parquet(stack.enter_context(atomic_file(parquet)), self))
            write_text_lines(folder / "table.csv", self._lines(take))

    def _lines(self, take: Callable[[dict[str, Any]], None] | None) -> Iterator[str]:
        """Yield the lines of the CSV file, and give each row to `take` as well."""
        yield csv_line(self.columns)
        for row in self.rows():
            if take is not None:
                take(row)
            yield csv_line(row.values())


def axis_names(axes: Axes) -> list[str]:
    """Return the names of all axes, in the order of the sweep. A cell may lack some of them."""
    return list(dict.fromkeys(axis for values in axes.values() for axis in values))


def corrected(tests: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, PValues]]:
    """Return each p-value with its value after Holm's correction over the cells, for each figure on its own.

    Args:
        tests: the p-value of each cell, or None, by the key of the figure.
    """
    return {
        key: {cell: (cells[cell], adjusted) for cell, adjusted in holm(cells).items()} for key, cells in tests.items()
    }


def first_columns(cell: str, values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the first columns of a cell's row: its name, and the value of each axis or None."""
    return {"cell": cell, **{name: plain(values[name]) if name in values else None for name in names}}


def values_of(key: str, metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a figure's columns: mean, interval, and number of repeats. All are None if a cell lacks the figure."""
    entry = metrics.get(key, {})
    return {f"{key}{part}": entry.get(part.removeprefix(".") or "mean") for part in PARTS}


def plain(value: Any) -> Any:
    """Return a setting for a table: numbers stay as they are, everything else becomes text."""
    return value if isinstance(value, int | float) else label(value)


@contextmanager
def _parquet(file: Path, table: CellTable) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that takes rows, and write them to a Parquet file in groups."""
    arrow, parquet = (importlib.import_module(name) for name in ("pyarrow", "pyarrow.parquet"))
    kinds = _kinds(table)
    texts = {name for name, kind in kinds.items() if kind == "string"}
    schema = arrow.schema([(name, getattr(arrow, kind)()) for name, kind in kinds.items()])
    rows: list[dict[str, Any]] = []

    def flush() -> None:
        if rows:
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

    def take(row: dict[str, Any]) -> None:
        rows.append({name: _text(each) if name in texts else each for name, each in row.items()})
        if len(rows) == ROWS_AT_ONCE:
            flush()

    with parquet.ParquetWriter(file, schema) as writer:
        yield take
        flush()


def _kinds(table: CellTable) -> dict[str, str]:
    """Return the type of each column, by its name in pyarrow."""
    names = axis_names(table.axes)
    axes = {name: _kind([values[name] for values in table.axes.values() if name in values]) for name in names}
    figures = {
        f"{key}{part}": "int64" if part == ".n" else "float64" for key in table.figures for part in table.parts(key)
    }
    return {"cell": "string", **axes, **figures}


def _kind(values: list[Any]) -> str:
    """Return the type of an axis. Values of several types are text, and so are numbers that no type has exactly.

    >>> _kind([1, 2]), _kind([1, 0.5]), _kind([True]), _kind(["mlp"]), _kind([1, "x"])
    ('int64', 'float64', 'bool_', 'string', 'string')
    >>> _kind([10**30, 1]), _kind([10**30, 0.5])
    ('string', 'string')
    """
    types = {type(value) for value in values}
    if types == {bool}:
        return "bool_"
    largest = max((abs(value) for value in values if type(value) is int), default=0)
    if types == {int} and largest < 1 << 63:
        return "int64"
    return "float64" if types and types <= {int, float} and largest <= 1 << 53 else "string"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
