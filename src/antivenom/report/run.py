"""A finished run's folder, read for a report; nothing in it is trusted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from antivenom.errors import AntivenomError, RunError
from antivenom.runner.results.loading import read_details
from antivenom.storage.files import read_json
from antivenom.storage.yaml12 import read_yaml

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One run: a cell of a grid, or a run of its own.

    Attributes:
        name: the cell's name; the experiment's where there is no grid.
        spec: the spec, every default written out.
        metrics: each figure's mean, n, low and high.
        repeats: each repeat's figures.
        about: the manifest.
        arrays: what `details.npz` holds.
        axes: what the grid set in it.
    """

    name: str
    spec: dict[str, Any]
    metrics: dict[str, dict[str, Any]]
    repeats: list[dict[str, Any]]
    about: dict[str, Any]
    arrays: dict[str, Array]
    axes: dict[str, Any]

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return [str(name) for name in self.arrays["classes"]]

    @property
    def attack(self) -> str:
        """The attack's name."""
        return str(self.spec["attack"]["name"])

    @property
    def doubts(self) -> list[str]:
        """What a careful reader would doubt."""
        return [str(doubt) for doubt in self.about["doubts"]]

    def mean(self, figure: str) -> float | None:
        """A figure's mean; None where it does not apply."""
        value = self.metrics[figure]["mean"]
        return None if value is None else float(value)


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
            arrays=read_details(folder / "details.npz"),
            axes=axes or {},
        )
    except RunError:
        raise
    except AntivenomError as error:
        raise RunError(f"{folder} is no finished run, or a damaged one: {error}") from error
