"""A finished run's folder, read for a report; nothing in it is trusted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from antivenom.charts import Chart
from antivenom.errors import AntivenomError, RunError
from antivenom.runner.results.loading import read_details
from antivenom.storage.chart_files import read_charts
from antivenom.storage.files import read_json
from antivenom.storage.yaml12 import read_yaml

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One run: a cell of a grid, or a run of its own.

    Args:
        name: the cell's name; the experiment's where there is no grid.
        spec: the spec, every default written out.
        metrics: each figure's mean, n, low and high, and what it says of itself.
        repeats: each repeat's figures.
        about: the manifest.
        charts: by key.
        arrays: what `details.npz` holds.
        axes: what the grid set in it.
    """

    name: str
    spec: dict[str, Any]
    metrics: dict[str, dict[str, Any]]
    repeats: list[dict[str, Any]]
    about: dict[str, Any]
    charts: dict[str, Chart]
    arrays: dict[str, Array]
    axes: dict[str, Any] = field(default_factory=dict)

    @property
    def doubts(self) -> list[str]:
        """What a careful reader would doubt."""
        return [str(doubt) for doubt in self.about["doubts"]]

    @property
    def components(self) -> list[str]:
        """What reports figures or charts, in the order of the charts' first and then of the figures' appearance."""
        of_charts = [key.rpartition(".")[0] for key in self.charts]
        return list(dict.fromkeys([*of_charts, *(str(entry["component"]) for entry in self.metrics.values())]))


def read_run(folder: Path, name: str | None = None, axes: dict[str, Any] | None = None) -> Run:
    """Read a run's folder.

    Raises:
        RunError: a file is missing or damaged.
    """
    try:
        spec = read_yaml(folder / "spec.yaml")
        return Run(
            name=str(spec.get("name")) if name is None else name,
            spec=spec,
            metrics=read_json(folder / "metrics.json"),
            repeats=read_json(folder / "repeats.json"),
            about=read_json(folder / "manifest.json"),
            charts=read_charts(folder),
            arrays=read_details(folder / "details.npz"),
            axes=axes or {},
        )
    except RunError:
        raise
    except AntivenomError as error:
        raise RunError(f"{folder} is not a finished run, or a damaged one: {error}") from error
