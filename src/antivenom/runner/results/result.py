"""The result of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from antivenom.charts import Chart, worded
from antivenom.data import Poisoned
from antivenom.errors import AntivenomError, UnknownFigureError
from antivenom.extras import missing_packages
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
    """The result of an experiment: figures, charts, doubts, and the models and poison of each repeat.

    Args:
        spec: the experiment, in YAML with every default written out.
        repeats: one repeat for each seed.
        metrics: the figures by key. Each has its `mean`, `n`, and the bounds `low` and `high` of its 95 % interval over
            the repeats, with its unit and direction.
        headline: the main results, in a few sentences.
        doubts: the reasons to doubt the result, one sentence each.
        about: versions, hardware, and the wall time of each stage.
        charts: the charts by key, such as `scan.neural_cleanse.norms`.
        data: raw arrays of the analyses, by key.
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
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the data and the model, one sentence each."""
        return tuple(self.about.get("assumptions", ()))

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
        """The data that the first seed's victim was trained on, and the truth about it."""
        return self.repeats[0].poisoned

    def to_frame(self) -> "pandas.DataFrame":
        """Return a pandas table with a row for each repeat and a column for each figure.

        Raises:
            AntivenomError: pandas is not installed.
        """
        return frame([{"repeat": number, **repeat.values} for number, repeat in enumerate(self.repeats)])

    def chart(self, key: str) -> Chart:
        """Return a chart of the run by its key, or a chart of one figure: each repeat, and the mean with its interval.

        Raises:
            UnknownFigureError: the run does not have a figure or a chart with this key.
        """
        if key in self.charts:
            return self.charts[key]
        if key not in self.metrics:
            known = [*self.metrics, *self.charts]
            raise UnknownFigureError(f"The run does not have a figure or chart '{key}'.{did_you_mean(key, known)}")
        return figure_chart(key, self.metrics, [repeat.values for repeat in self.repeats])

    def plot(self, key: str) -> "Picture":
        """Return the chart as a matplotlib figure: `result.plot("attack.success_rate")`."""
        return self.chart(key).to_matplotlib()

    def save(self, folder: Path | str) -> Path:
        """Write the run's folder and return its path. Each file is written atomically."""
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
        """Read a run from its folder. Models and poison are loaded at the first use.

        Only the poison requires the data set, and the attack if the spec names it by an import path.

        Args:
            folder: a folder that `save` wrote.
            allow_code: whether components and factories that the spec names by import path may run. They are imported
                by the same path as in the run.

        Raises:
            RunError: the folder is not a run, or it is damaged.
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
    """Return rows as a pandas table.

    Raises:
        AntivenomError: pandas is not installed.
    """
    try:
        import pandas  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise AntivenomError(missing_packages("to_frame()", ["pandas"])) from error
    return pandas.DataFrame(rows)
