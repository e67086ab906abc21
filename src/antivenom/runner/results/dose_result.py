"""The result of a dose search: the dose, its interval, the curve, and the folder with the report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from antivenom.charts import Axis, Chart, Evidence, Figure, Lines, Series, Table, column, worded, worded_interval
from antivenom.charts.figure import Unit
from antivenom.files.writing import write_text
from antivenom.runner.results.comparing import scale_of
from antivenom.runner.results.folder import prepare_folder, written_files
from antivenom.runner.results.manifest import MANIFEST, write_manifest
from antivenom.runner.results.result import frame
from antivenom.runner.scoring.dose_search import Crossing, DosePoint
from antivenom.runner.scoring.metrics import summarise
from antivenom.storage.chart_files import write_charts
from antivenom.storage.files import locked, write_arrays, write_json
from antivenom.storage.tables import csv_text

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure as Picture

DoseUnit = Literal["rate", "count"]
"""The setting of the attack that is searched: the poisoned share of the training set, or the number of rows."""
COMPONENT = "dose"
ONE_DECIMAL = 100
"""Numbers of rows below this one are shown with a decimal if they are not whole."""


@dataclass(frozen=True, eq=False, repr=False)
class DoseResult:
    """The smallest dose at which a figure reaches a level, as a share and as a number of rows.

    Args:
        spec: the experiment, in YAML with every default written out. The attack's dose in it is not used.
        figure: the key of the figure.
        entry: name and unit of the figure, as in `metrics.json`.
        level: the level.
        scale: the setting that was searched.
        points: the doses that were measured, in rising order.
        estimate: the dose in the unit of `scale`, with its 95 % interval.
        reached: `dose`, `without poison`, `smallest` (already with the smallest dose) or `never`.
        trainings: the number of models that were trained.
        reused: the number of models that were read from the store.
        doubts: the reasons to doubt the result, one sentence each.
        about: versions and hardware.
    """

    spec: str
    figure: str
    entry: Mapping[str, Any]
    level: float
    scale: DoseUnit
    points: tuple[DosePoint, ...]
    estimate: Crossing
    reached: Literal["dose", "without poison", "smallest", "never"]
    trainings: int
    reused: int
    doubts: tuple[str, ...]
    about: Mapping[str, Any]

    @property
    def rate(self) -> Crossing:
        """The dose as the poisoned share of the final training set."""
        return self._converted([point.rate for point in self.points])

    @property
    def count(self) -> Crossing:
        """The dose as a number of poisoned rows."""
        return self._converted([point.rows for point in self.points])

    @property
    def headline(self) -> str:
        """The result in a few sentences."""
        cost = f"{len(self.points)} doses were measured, with {self.trainings:,} trainings"
        return f"{self._answer()} {cost}{f' and {self.reused:,} more from the store' if self.reused else ''}."

    def _answer(self) -> str:
        level, last = f"{self.figure} {{}} {self._worded(self.level)}", self.points[-1]
        if self.reached == "without poison":
            return f"{level.format('is at')} already without poison: the control has {self._worded(last.control)}."
        if self.reached == "never":
            extreme = min if self._falls() else max
            most = extreme(self.points, key=lambda point: point.mean)
            return (
                f"{level.format('does not reach')} up to the largest dose, {_rows(last.rows)} ({_share(last.rate)}). "
                f"The nearest mean is {self._worded(most.mean)}, at {_rows(most.rows)}."
            )
        if self.reached == "smallest":
            first = self.points[0]
            return (
                f"{level.format('reaches')} already with the smallest dose, {_rows(first.rows)} ({_share(first.rate)})."
            )
        rate, count = self.rate, self.count
        return (
            f"{level.format('reaches')} when {_share(rate.dose)} of the training set is poisoned"
            f"{_interval(rate, _share)}: {_rows(count.dose)}{_interval(count, _number)}."
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each dose: rate, number of rows, n, mean, interval and the control's mean."""
        return [
            {
                "rate": point.rate,
                "rows": point.rows,
                "n": len(point.values),
                "mean": point.mean,
                "low": point.low,
                "high": point.high,
                "control": point.control,
            }
            for point in self.points
        ]

    def to_frame(self) -> "pandas.DataFrame":
        """Return a pandas table with the columns of `rows`.

        Raises:
            AntivenomError: pandas is not installed.
        """
        return frame(self.rows())

    def chart(self) -> Lines:
        """Return the curve: the mean with its interval at each dose, the level, and the interval of the dose."""
        factor, label = scale_of(self.entry)
        doses = column([100 * point.rate if self.scale == "rate" else point.rows for point in self.points])
        scale = 100.0 if self.scale == "rate" else 1.0
        place = self.rate if self.scale == "rate" else self.count
        series = [self._series(doses, factor)]
        if all(point.control is not None for point in self.points):
            controls = column([factor * (point.control or 0.0) for point in self.points])
            series.append(Series(label="control", x=doses, y=controls, role="control"))
        known = place.low is not None and place.high is not None
        words = self._answer()
        return Lines(
            name="curve",
            x=Axis(
                label="poisoned share of the training set, %" if self.scale == "rate" else "poisoned rows", scale="log"
            ),
            y=Axis(label=label),
            series=tuple(series),
            levels=column([factor * self.level]),
            spans=np.array([[scale * (place.low or 0.0), scale * (place.high or 0.0)]]) if known else None,
            span_label="95 % interval of the dose" if known else "",
            ticks=column([scale * place.dose]) if place.dose is not None else None,
            tick_label="the dose" if place.dose is not None else "",
            caption=f"{self.figure}: means over the repeats with their 95 % intervals. The dotted line is the level.",
            alt=words,
        )

    def _series(self, doses: Any, factor: float) -> Series:
        low, high = (
            column([math.nan if end is None else factor * end for end in ends])
            for ends in ([point.low for point in self.points], [point.high for point in self.points])
        )
        means = column([factor * point.mean for point in self.points])
        if np.isnan(low).all():
            return Series(label="victim", x=doses, y=means, role="victim", marks=True)
        return Series(label="victim", x=doses, y=means, low=low, high=high, role="victim", marks=True)

    def plot(self) -> "Picture":
        """Return the curve as a matplotlib figure."""
        return self.chart().to_matplotlib()

    def table(self) -> Table:
        """Return the table of the doses."""
        unit: Unit = self.entry["unit"]
        rows = tuple(
            (
                _share(point.rate),
                _number(point.rows),
                str(len(point.values)),
                worded(point.mean, unit),
                worded_interval(point.low, point.high, unit),
                worded(point.control, unit),
            )
            for point in self.points
        )
        columns = ("share", "rows", "n", "mean", "95 % interval", "control")
        caption = f"{self.figure} at each dose."
        return Table(name="doses", columns=columns, rows=rows, numeric=(0, 1, 2, 3, 4, 5), caption=caption)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Return the dose as figures, in the form of `metrics.json`, with the interval of the dose."""
        counts = (("doses", len(self.points)), ("trainings", self.trainings), ("reused_trainings", self.reused))
        figures = [
            Figure(name="poison_rate", value=self.rate.dose, headline=True),
            Figure(name="poison_rows", value=self.count.dose, unit="count", headline=True),
            *(Figure(name=name, value=value, unit="count") for name, value in counts),
        ]
        made = summarise([Evidence.of(COMPONENT, figures)])
        repeats = max(len(point.values) for point in self.points)
        for key, place in (("poison_rate", self.rate), ("poison_rows", self.count)):
            made[f"{COMPONENT}.{key}"] |= {"low": place.low, "high": place.high, "n": repeats}
        return made

    def save(self, folder: Path | str) -> Path:
        """Write `dose.json`, `table.csv`, and the files that `antivenom report` reads. Return the folder.

        Raises:
            RunError: the folder contains other files, or it cannot be written to.
        """
        folder = Path(folder)
        charts: dict[str, Chart] = {f"{COMPONENT}.{each.name}": each for each in (self.chart(), self.table())}
        metrics = self.metrics()
        with locked(folder):
            prepare_folder(folder, self.spec)
            write_arrays(folder / "details.npz", {"confusion": np.zeros((1, 2, 0, 0)), "losses": np.zeros((1, 2, 0))})
            write_charts(folder, charts)
            write_json(folder / "repeats.json", [{key: entry["mean"] for key, entry in metrics.items()}])
            write_json(folder / "metrics.json", metrics, sort_keys=False)
            write_json(folder / "dose.json", self.content())
            write_text(folder / "table.csv", csv_text(self.rows()))
            words = {"headline": self.headline, "doubts": list(self.doubts), "assumptions": []}
            write_manifest(folder / MANIFEST, {**self.about, **words}, written_files(folder))
        return folder

    def content(self) -> dict[str, Any]:
        """Return the content of `dose.json`."""
        return {
            "figure": self.figure,
            "level": self.level,
            "in": self.scale,
            "reached": self.reached,
            "rate": asdict(self.rate),
            "count": asdict(self.count),
            "trainings": self.trainings,
            "reused": self.reused,
            "doubts": list(self.doubts),
            "points": [asdict(point) for point in self.points],
        }

    def _converted(self, values: Sequence[float]) -> Crossing:
        doses = [point.dose for point in self.points]

        def converted(dose: float | None) -> float | None:
            return None if dose is None else float(np.exp(np.interp(np.log(dose), np.log(doses), np.log(values))))

        return Crossing(converted(self.estimate.dose), converted(self.estimate.low), converted(self.estimate.high))

    def _falls(self) -> bool:
        return bool(self.entry["better"] == "high")

    def _worded(self, value: float | None) -> str:
        return worded(value, self.entry["unit"])

    def __repr__(self) -> str:
        return f"DoseResult({self.headline})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g} %"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if value < ONE_DECIMAL and value != round(value) else f"{value:,.0f}"


def _rows(value: float | None) -> str:
    return f"{_number(value)} row{'' if value == 1 else 's'}"


def _interval(place: Crossing, shown: Any) -> str:
    if place.low is None or place.high is None:
        return ""
    return f" (95 % interval: {shown(place.low)} to {shown(place.high)})"
