"""The result of a sweep. Cells stay in their folders, and each is read when it is used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antivenom.charts import Chart
from antivenom.errors import UnknownFigureError
from antivenom.files.writing import write_text_lines
from antivenom.registry import did_you_mean
from antivenom.runner.results.comparing import cells_chart
from antivenom.runner.results.folder import written_files
from antivenom.runner.results.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from antivenom.runner.results.reading import checked_about, read_metrics
from antivenom.runner.results.result import Result, frame
from antivenom.runner.spec.naming import label
from antivenom.storage.tables import csv_lines

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure as Picture


class Cells(Mapping[str, Result]):
    """The results of a sweep's cells by name. Each access reads the cell from its folder."""

    def __init__(self, folder: Path, names: tuple[str, ...], allow_code: bool) -> None:
        self._folder, self._names, self._allow_code = folder, dict.fromkeys(names), allow_code

    def __getitem__(self, name: str) -> Result:
        if name not in self._names:
            raise KeyError(f"The sweep does not have a cell '{name}'.{did_you_mean(name, self._names)}")
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
        axes: the values that the grid set in each cell, by the cell's name.
        allow_code: whether code that the spec names may run when a cell is read.
    """

    name: str
    folder: Path
    axes: Mapping[str, Mapping[str, Any]]
    allow_code: bool = False

    @property
    def results(self) -> Cells:
        """Each cell's result, by the cell's name."""
        return Cells(self.folder / "cells", tuple(self.axes), self.allow_code)

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

    def _manifest(self, cell: str) -> Manifest:
        return read_manifest(self.folder / "cells" / cell / MANIFEST)

    def _about(self, cell: str) -> dict[str, Any]:
        manifest = self._manifest(cell)
        return checked_about(manifest.about, manifest.file)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each cell: its grid values, the mean of each figure, and the headline figures' intervals."""
        for cell, axes in self.axes.items():
            yield cell_row(cell, axes, self.metrics(cell))

    def to_frame(self) -> "pandas.DataFrame":
        """Return a pandas table with a row for each cell."""
        return frame(list(self.rows()))

    def chart(self, key: str) -> Chart:
        """Return a chart of one figure: against the grid's numeric axis if there is exactly one, otherwise by cell.

        Raises:
            UnknownFigureError: no cell has a figure with this key.
        """
        entries: dict[str, Any] = {}
        rows = []
        for cell, axes in self.axes.items():
            metrics = self.metrics(cell)
            entries |= {name: entry for name, entry in metrics.items() if name not in entries}
            rows.append(
                {"cell": cell, **{axis: _plain(value) for axis, value in axes.items()}, **values_of(key, metrics)}
            )
        if key not in entries:
            raise UnknownFigureError(f"No cell has a figure '{key}'.{did_you_mean(key, entries)}")
        return cells_chart(key, rows, list(next(iter(self.axes.values()))), entries[key])

    def plot(self, key: str) -> "Picture":
        """Return the chart as a matplotlib figure: `sweep.plot("attack.success_rate")`."""
        return self.chart(key).to_matplotlib()

    def write_table(self) -> Path:
        """Write `table.csv` and `manifest.json`, and return the sweep's folder."""
        write_text_lines(self.folder / "table.csv", csv_lines(self.rows))
        own = ("stages", "doubts", "headline", "assumptions")
        shared = {key: value for key, value in self._manifest(next(iter(self.axes))).about.items() if key not in own}
        cells = {
            cell: {"axes": dict(axes), "doubts": self.doubts(cell), "assumptions": self.assumptions(cell)}
            for cell, axes in self.axes.items()
        }
        write_manifest(self.folder / MANIFEST, {**shared, "cells": cells}, written_files(self.folder))
        return self.folder

    def __repr__(self) -> str:
        return f"SweepResult({self.name}: {len(self.axes)} cells in {self.folder})"


def finished_axes(folder: Path, axes: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the values of the cells that are finished in a sweep's folder, in the grid's order."""
    return {cell: values for cell, values in axes.items() if (folder / "cells" / cell / MANIFEST).is_file()}


def cell_row(cell: str, axes: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a cell's row in the table of all cells."""
    row: dict[str, Any] = {"cell": cell, **{key: _plain(value) for key, value in axes.items()}}
    row["n"] = max((entry["n"] for entry in metrics.values()), default=0)
    for key, entry in metrics.items():
        row |= values_of(key, metrics) if entry["headline"] else {key: entry["mean"]}
    return row


def values_of(key: str, metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a figure's mean and the bounds of its interval as `KEY`, `KEY.low` and `KEY.high`."""
    if key not in metrics:
        return {key: None, f"{key}.low": None, f"{key}.high": None}
    entry = metrics[key]
    return {key: entry["mean"], f"{key}.low": entry["low"], f"{key}.high": entry["high"]}


def _plain(value: Any) -> Any:
    """Return a setting for a table: numbers stay as they are, everything else becomes text."""
    return value if isinstance(value, int | float) else label(value)
