"""The result of a sweep. Cells stay in their folders, and each is read when it is used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antivenom.charts import Chart
from antivenom.errors import RunError, UnknownFigureError
from antivenom.files.opening import exists
from antivenom.files.writing import write_text
from antivenom.registry import did_you_mean
from antivenom.runner.results.cell_table import CellTable, axis_names, first_columns, values_of
from antivenom.runner.results.comparing import cells_chart
from antivenom.runner.results.costs import Cost, cost_rows, costs_of
from antivenom.runner.results.failures import PLANNED, Failure
from antivenom.runner.results.folder import written_files
from antivenom.runner.results.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from antivenom.runner.results.reading import checked_about, read_metrics
from antivenom.runner.results.result import Result, frame
from antivenom.runner.results.sweep_folder import (
    failures_of,
    finished_axes,
    planned_cells,
    read_sweep_spec,
    unknown_cell,
)
from antivenom.storage.tables import csv_text

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure as Picture


MAX_TABLE_BYTES = 1 << 30
"""The largest file in the folder of a sweep, without its cells, in bytes."""

OF_A_CELL = ("stages", "doubts", "headline", "assumptions", "key", "repeats")
"""The entries of a cell's manifest that are not about the whole sweep."""


class Cells(Mapping[str, Result]):
    """The results of a sweep's cells by name. Each access reads the cell from its folder."""

    def __init__(self, folder: Path, names: tuple[str, ...], allow_code: bool) -> None:
        self._folder, self._names, self._allow_code = folder, dict.fromkeys(names), allow_code

    def __getitem__(self, name: str) -> Result:
        if name not in self._names:
            raise KeyError(unknown_cell(name, self._names))
        return Result.load(self._folder / name, allow_code=self._allow_code)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """The result of a sweep: the figures, doubts and charts of all cells.

    Args:
        name: the name of the sweep.
        folder: the folder of the sweep. Each cell has a folder in `cells`.
        axes: the values that the sweep set in each finished cell, by the cell's name.
        allow_code: whether code that the spec names may run when a cell is read.
    """

    name: str
    folder: Path
    axes: Mapping[str, Mapping[str, Any]]
    allow_code: bool = False

    @classmethod
    def load(cls, folder: Path | str, *, allow_code: bool = False) -> "SweepResult":
        """Read a sweep from its folder, also while it runs. Only the cells that are finished are part of the result.

        Args:
            folder: the folder of a sweep.
            allow_code: whether code that the spec names may run when a cell is read.

        Raises:
            RunError: the folder is not a sweep, or it is damaged.
        """
        folder = Path(folder)
        axes = finished_axes(folder, planned_cells(folder))
        return cls(str(read_sweep_spec(folder).get("name", "experiment")), folder, axes, allow_code)

    @property
    def results(self) -> Cells:
        """Each finished cell's result, by the cell's name."""
        return Cells(self.folder / "cells", tuple(self.axes), self.allow_code)

    @property
    def planned(self) -> dict[str, dict[str, Any]]:
        """The values that the sweep sets in each planned cell, by the cell's name.

        Raises:
            RunError: the file of the planned cells is damaged.
        """
        known = exists(self.folder / PLANNED) or exists(self.folder / MANIFEST)
        return planned_cells(self.folder) if known else {cell: dict(axes) for cell, axes in self.axes.items()}

    @property
    def failures(self) -> dict[str, Failure]:
        """The errors of the failed cells, by the cell's name: `error`, `message` and `trace`.

        Raises:
            RunError: the file of the failures is damaged.
        """
        return failures_of(self.folder, self.planned, self.axes)

    @property
    def missing(self) -> list[str]:
        """The names of the planned cells that are neither finished nor failed."""
        failures = self.failures
        return [cell for cell in self.planned if cell not in self.axes and cell not in failures]

    def metrics(self, cell: str) -> dict[str, dict[str, Any]]:
        """Return a cell's metrics.

        Raises:
            RunError: the metrics are missing or damaged.
        """
        self._manifest(cell).check("metrics.json")
        return read_metrics(self.folder / "cells" / cell)

    def doubts(self, cell: str) -> list[str]:
        """Return a cell's doubts, one sentence each."""
        return list(self._about(cell)["doubts"])

    def assumptions(self, cell: str) -> list[str]:
        """Return what was inferred from a cell's data and model, one sentence each."""
        return list(self._about(cell)["assumptions"])

    def costs(self, cell: str) -> dict[str, Cost]:
        """Return the cost of a cell by the kind of stage, such as `fit`: seconds, and how many stages were stored."""
        manifest = self._manifest(cell)
        return costs_of(manifest.about, manifest.file)

    def _manifest(self, cell: str) -> Manifest:
        return read_manifest(self.folder / "cells" / cell / MANIFEST)

    def _about(self, cell: str) -> dict[str, Any]:
        manifest = self._manifest(cell)
        return checked_about(manifest.about, manifest.file)

    def table(self) -> CellTable:
        """Return the table of all finished cells: their names and columns, and rows that are read one by one."""
        return CellTable.of(self.axes, self.metrics)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each finished cell: the values of the sweep, and mean, interval and n of each figure.

        The columns of a figure are `KEY`, `KEY.low`, `KEY.high` and `KEY.n`, and for a paired
        difference also `KEY.p` and `KEY.p_holm`. Figures in seconds are left out.
        """
        return self.table().rows()

    def to_frame(self) -> "pandas.DataFrame":
        """Return a pandas table with a row for each finished cell. The columns are those of `rows`."""
        return frame(list(self.rows()))

    def chart(self, key: str) -> Chart:
        """Return a chart of one figure: against the grid's numeric axis if there is exactly one, otherwise by cell.

        Raises:
            UnknownFigureError: no cell has a figure with this key.
        """
        entries: dict[str, Any] = {}
        rows = []
        names = axis_names(self.axes)
        for cell, axes in self.axes.items():
            metrics = self.metrics(cell)
            entries |= {name: entry for name, entry in metrics.items() if name not in entries}
            rows.append({**first_columns(cell, axes, names), **values_of(key, metrics)})
        if key not in entries:
            raise UnknownFigureError(f"No cell has a figure '{key}'.{did_you_mean(key, entries)}")
        return cells_chart(key, rows, names, entries[key])

    def plot(self, key: str) -> "Picture":
        """Return the chart as a matplotlib figure: `sweep.plot("attack.success_rate")`."""
        return self.chart(key).to_matplotlib()

    def write_table(self) -> Path:
        """Write the tables of the finished cells and `manifest.json`, and return the sweep's folder.

        `table.csv`, and `table.parquet` if pyarrow is installed, have the columns of `rows`. They are the same, byte by
        byte, if the sweep is run again. `costs.csv` has the seconds of each kind of stage, and how many of the stages
        were read from the store.

        Raises:
            RunError: no cell is finished, or a cell is damaged.
        """
        if not self.axes:
            raise RunError(f"{self.folder} does not have a finished cell yet.")
        self.table().write(self.folder)
        cells: dict[str, Any] = {}
        costs: list[tuple[dict[str, Any], dict[str, Cost]]] = []
        names = axis_names(self.axes)
        for cell, axes in self.axes.items():
            manifest = self._manifest(cell)
            about = checked_about(manifest.about, manifest.file)
            cells[cell] = {"axes": dict(axes), **{key: list(about[key]) for key in ("doubts", "assumptions")}}
            costs.append((first_columns(cell, axes, names), costs_of(manifest.about, manifest.file)))
        write_text(self.folder / "costs.csv", csv_text(cost_rows(costs)))
        shared = {key: value for key, value in self._about(next(iter(self.axes))).items() if key not in OF_A_CELL}
        write_manifest(
            self.folder / MANIFEST, {**shared, "cells": cells}, written_files(self.folder), most=MAX_TABLE_BYTES
        )
        return self.folder

    def __repr__(self) -> str:
        return f"SweepResult({self.name}: {len(self.axes)} cells in {self.folder})"
