"""Many experiments from one spec: its grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antivenom.runner.events import Tell, silent
from antivenom.runner.executors.cell import run_cells
from antivenom.runner.results.result import MAIN, Result, frame, prepare_folder
from antivenom.runner.spec.settings import Experiment
from antivenom.storage.files import write_json, write_text
from antivenom.storage.store import Store
from antivenom.storage.tables import csv_text
from antivenom.storage.yaml12 import dump_yaml

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class SweepResult:
    """What a sweep gives.

    Attributes:
        sweep: what was run.
        results: each cell's result, by the cell's name.
    """

    sweep: "Sweep"
    results: dict[str, Result]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each cell: the grid's settings, the main figures with their intervals, the means of all others."""
        return [
            {
                "cell": name,
                **{key: label(value) for key, value in self.sweep.axes[name].items()},
                **{
                    f"{figure}{suffix}": result.metrics[figure][part]
                    for figure in MAIN
                    for suffix, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
                },
                "n": result.metrics["clean_accuracy"]["n"],
                **{figure: entry["mean"] for figure, entry in result.metrics.items() if figure not in MAIN},
            }
            for name, result in self.results.items()
        ]

    def to_frame(self) -> "pandas.DataFrame":
        """A pandas table with a row for each cell."""
        return frame(self.rows())

    def save(self, folder: Path | str) -> Path:
        """Write spec, table and manifest; each cell has written itself."""
        folder = prepare_folder(Path(folder), dump_yaml(self.sweep.spec))
        write_text(folder / "table.csv", csv_text(self.rows()))
        about = next(iter(self.results.values())).about
        cells = {name: {"axes": self.sweep.axes[name], "doubts": list(r.doubts)} for name, r in self.results.items()}
        shared = {key: value for key, value in about.items() if key != "stages"}
        write_json(folder / "manifest.json", {**shared, "cells": cells})
        return folder


@dataclass(frozen=True, eq=False)
class Sweep:
    """The cells of a grid.

    Attributes:
        name: names the run and its folder.
        cells: the experiments by name, in the grid's order.
        axes: what the grid set in each cell.
        spec: the spec as it was read, with its grid.
    """

    name: str
    cells: dict[str, Experiment]
    axes: dict[str, dict[str, Any]]
    spec: dict[str, Any]

    def run(
        self,
        *,
        out: Path | str | None = None,
        store: Store | None = None,
        device: str = "auto",
        tell: Tell = silent,
    ) -> SweepResult:
        """Run all cells, as `Experiment.run` does each; what two cells share is computed once if there is a store."""
        results = run_cells(self.cells, out=out, store=store, device=device, tell=tell, spec=dump_yaml(self.spec))
        done = SweepResult(self, results)
        if out is not None:
            done.save(out)
        return done


def label(value: object) -> str:
    """A grid's value in a table: a component by its name and what was set in it."""
    if isinstance(value, dict):
        rest = ", ".join(f"{key}={label(item)}" for key, item in value.items() if key != "name")
        return f"{value.get('name', '')}({rest})" if rest else str(value.get("name", ""))
    return str(value)
