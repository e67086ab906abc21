"""What an experiment gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from antivenom.charts import Chart, worded
from antivenom.data import Poisoned
from antivenom.errors import AntivenomError, UnknownFigureError
from antivenom.models import Classifier
from antivenom.registry import did_you_mean
from antivenom.runner.results.comparing import figure_chart
from antivenom.runner.results.loading import load_parts
from antivenom.runner.results.repeat import Repeat
from antivenom.runner.results.saving import save_parts

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure as Picture


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """What an experiment gives.

    Args:
        spec: what was run, in YAML with every default written out.
        repeats: one for each seed.
        metrics: each figure's `mean`, `n`, and the bounds `low` and `high` of its 95 % interval over the repeats, by
            key, with its unit and direction.
        headline: what came out, in a few sentences.
        doubts: what a careful reader would doubt, in sentences.
        about: versions, hardware, and the wall time of each stage.
        charts: by key, such as `scan.neural_cleanse.norms`.
        data: raw arrays that analyses give, by key.
    """

    spec: str
    repeats: tuple[Repeat, ...]
    metrics: dict[str, dict[str, Any]]
    headline: str
    doubts: tuple[str, ...]
    about: dict[str, Any]
    charts: Mapping[str, Chart] = field(default_factory=dict)
    data: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def victim(self) -> Classifier:
        """The first seed's victim."""
        return self.repeats[0].victim

    @property
    def control(self) -> Classifier:
        """The first seed's control."""
        return self.repeats[0].control

    @property
    def poisoned(self) -> Poisoned:
        """What the first seed's victim trained on, and the truth about it."""
        return self.repeats[0].poisoned

    def to_frame(self) -> "pandas.DataFrame":
        """A pandas table with a row for each repeat and a column for each figure."""
        return frame([{"repeat": number, **repeat.values} for number, repeat in enumerate(self.repeats)])

    def chart(self, key: str) -> Chart:
        """A chart of the run by its key, or a chart of one figure: each repeat, the mean and its interval.

        Raises:
            UnknownFigureError: the run has no such figure and no such chart.
        """
        if key in self.charts:
            return self.charts[key]
        if key not in self.metrics:
            known = [*self.metrics, *self.charts]
            raise UnknownFigureError(f"The run has no figure or chart '{key}'.{did_you_mean(key, known)}")
        return figure_chart(key, self.metrics, [repeat.values for repeat in self.repeats])

    def plot(self, key: str) -> "Picture":
        """The same as a matplotlib figure: `result.plot("attack.success_rate")`."""
        return self.chart(key).to_matplotlib()

    def save(self, folder: Path | str) -> Path:
        """Write the run's folder, each file whole or not at all."""
        return save_parts(
            Path(folder),
            spec=self.spec,
            repeats=self.repeats,
            metrics=self.metrics,
            headline=self.headline,
            doubts=self.doubts,
            about=self.about,
            charts=self.charts,
            data=self.data,
        )

    @classmethod
    def load(cls, folder: Path | str, *, allow_code: bool = False) -> "Result":
        """Read a run back. Models and poison are loaded when they are asked for.

        Only the poison needs the data set, and an attack that the spec names by its import path.

        Args:
            folder: what `save` wrote.
            allow_code: whether components and factories that its spec names by import path may run. They are imported
                by the same path as in the run.

        Raises:
            RunError: it is no run, or is damaged.
        """
        return cls(**load_parts(Path(folder), allow_code=allow_code))

    def __repr__(self) -> str:
        counts = f"{len(self.repeats)} repeats, {len(self.metrics)} figures, {len(self.charts)} charts"
        return f"Result({self.headline} {counts})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(key)}</td><td>{escape(worded(entry['mean'], entry['unit']))}</td></tr>"
            for key, entry in self.metrics.items()
            if entry["headline"]
        )
        doubts = "".join(f"<li>{escape(doubt)}</li>" for doubt in self.doubts)
        return f"<p><b>{escape(self.headline)}</b></p><table>{rows}</table><ul>{doubts}</ul>"


def frame(rows: list[dict[str, Any]]) -> "pandas.DataFrame":
    """A pandas table.

    Raises:
        AntivenomError: pandas is not installed.
    """
    try:
        import pandas  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise AntivenomError("to_frame() requires pandas: pip install 'antivenom[frame]'.") from error
    return pandas.DataFrame(rows)
