"""Figures and charts that belong to a result."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from antivenom.charts.data import Chart
from antivenom.charts.figure import Figure
from antivenom.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Evidence:
    """Figures and charts with their names in a run: `KIND.NAME.figure` and `KIND.NAME.chart`.

    >>> evidence = Evidence.of("scan.neural_cleanse", [Figure(name="p_value", value=0.01, unit="p_value")])
    >>> list(evidence.figures)
    ['scan.neural_cleanse.p_value']
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    charts: dict[str, Chart] = field(default_factory=dict)

    @classmethod
    def of(cls, prefix: str, figures: Iterable[Figure] = (), charts: Iterable[Chart] = ()) -> "Evidence":
        """Return figures and charts with a common prefix before their names.

        Raises:
            DataError: two figures or two charts have the same name, or the name of a chart is not valid.
        """
        named: dict[str, Figure] = {}
        for figure in figures:
            key = f"{prefix}.{figure.key}"
            if key in named:
                raise DataError(f"Figures must have different names; got {key} twice. Change the name or the subject.")
            named[key] = figure
        drawn: dict[str, Chart] = {}
        for chart in charts:
            key = f"{prefix}.{chart.name}"
            if not chart.name.isidentifier():
                raise DataError(f"A chart's name must be words joined by underscores; got {chart.name!r} in {prefix}.")
            if key in drawn:
                raise DataError(f"Charts must have different names; got {key} twice. Change one of the names.")
            drawn[key] = chart
        return cls(named, drawn)

    def __or__(self, other: "Evidence") -> "Evidence":
        """Return the figures and charts of both.

        Raises:
            DataError: both have a figure or a chart with the same name.
        """
        for kind, mine, theirs in (("figures", self.figures, other.figures), ("charts", self.charts, other.charts)):
            if shared := mine.keys() & theirs.keys():
                raise DataError(
                    f"{kind.capitalize()} must have different names; got {min(shared)} twice. Change one of the names."
                )
        return Evidence({**self.figures, **other.figures}, {**self.charts, **other.charts})

    def __repr__(self) -> str:
        return f"Evidence({len(self.figures)} figures, {len(self.charts)} charts)"


@dataclass(frozen=True, eq=False, repr=False)
class WithEvidence(Generic[T]):
    """The result of a component, together with its own figures and charts.

    A detector, a filter, a repair or a training returns a tensor or a classifier. To add figures or charts, it returns
    `WithEvidence(result, figures, charts)` instead. Poisons, verdicts and analyses have their own fields for these.

    Args:
        result: the tensor or classifier that the component's method usually returns.
        figures: numbers for all tables.
        charts: charts for the report.
    """

    result: T
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __repr__(self) -> str:
        return f"WithEvidence({type(self.result).__name__}, {len(self.figures)} figures, {len(self.charts)} charts)"


def with_evidence(result: T | WithEvidence[T]) -> WithEvidence[T]:
    """Return a result as `WithEvidence`: unchanged if it is one, otherwise without figures and charts."""
    return result if isinstance(result, WithEvidence) else WithEvidence(result)
