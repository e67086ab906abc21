"""Reading a finished run's folder for a report. All content is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from antivenom.charts import Chart
from antivenom.charts.typed import short
from antivenom.errors import AntivenomError, RunError
from antivenom.runner.results.folder import written_files
from antivenom.runner.results.loading import read_details
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.results.reading import Measured, checked_about, read_figures, read_repeats
from antivenom.storage.chart_files import read_charts
from antivenom.storage.yaml12 import read_yaml

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One run: a cell of a grid, or a single experiment.

    Attributes:
        name: the name of the cell, or of the experiment without a grid.
        spec: the spec, with every default written out.
        metrics: the figures by key, in the order of the report.
        repeats: the figures of each repeat, by key.
        about: the manifest.
        headline: the main results, in a few sentences.
        doubts: the reasons to doubt the result, one sentence each.
        assumptions: what was inferred from the data and the model, one sentence each.
        charts: the charts by key, in the order of the report.
        axes: the values that the grid set in the cell.
        arrays: the arrays of `details.npz`, for the lesson of the walking boundary.
    """

    name: str
    spec: dict[str, Any]
    metrics: dict[str, Measured]
    repeats: list[dict[str, float | None]]
    about: dict[str, Any]
    headline: str
    doubts: tuple[str, ...]
    charts: Mapping[str, Chart]
    assumptions: tuple[str, ...] = ()
    axes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


def read_run(folder: Path, name: str | None = None, axes: dict[str, Any] | None = None) -> Run:
    """Read a run's folder.

    Raises:
        RunError: a file is missing or damaged.
    """
    try:
        manifest = read_manifest(folder / MANIFEST)
        manifest.check_all(written_files(folder))
        spec, about = read_yaml(folder / "spec.yaml"), checked_about(manifest.about, folder / MANIFEST)
        if not isinstance(spec.get("name"), str):
            raise RunError(f"{folder / 'spec.yaml'} must contain settings with a `name`; got {short(spec)}.")
        return Run(
            name=spec["name"] if name is None else name,
            spec=spec,
            metrics=read_figures(folder),
            repeats=read_repeats(folder / "repeats.json"),
            about=about,
            headline=about["headline"],
            doubts=tuple(about["doubts"]),
            assumptions=tuple(about["assumptions"]),
            charts=read_charts(folder),
            axes=axes or {},
            arrays=read_details(folder / "details.npz"),
        )
    except RunError:
        raise
    except AntivenomError as error:
        raise RunError(f"{folder} is not a finished run, or it is damaged: {error}") from error
