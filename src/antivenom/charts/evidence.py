"""Figures and charts that come with a result."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from antivenom.charts.data import Chart
from antivenom.charts.figure import Figure
from antivenom.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Evidence:
    """Figures and charts under the names that the run gives them: `KIND.NAME.figure` and `KIND.NAME.chart`.

    >>> found = Evidence.of("scan.neural_cleanse", [Figure(name="p_value", value=0.01, unit="p_value")])
    >>> list(found.figures)
    ['scan.neural_cleanse.p_value']
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    charts: dict[str, Chart] = field(default_factory=dict)

    @classmethod
    def of(cls, prefix: str, figures: Iterable[Figure] = (), charts: Iterable[Chart] = ()) -> "Evidence":
        """Figures and charts under one prefix.

        Raises:
            DataError: two have one name.
        """
        named: dict[str, Figure] = {}
        for figure in figures:
            key = f"{prefix}.{figure.key}"
            if key in named:
                raise DataError(f"Two figures are called {key}. Give one of them another name or subject.")
            named[key] = figure
        drawn: dict[str, Chart] = {}
        for chart in charts:
            key = f"{prefix}.{chart.name}"
            if not chart.name.isidentifier():
                raise DataError(f"A chart's name must be words joined by underscores; {prefix} has {chart.name!r}.")
            if key in drawn:
                raise DataError(f"Two charts are called {key}. Give one of them another name.")
            drawn[key] = chart
        return cls(named, drawn)

    def __or__(self, other: "Evidence") -> "Evidence":
        """Both together.

        Raises:
            DataError: both have a figure or a chart of one name.
        """
        for kind, mine, theirs in (("figures", self.figures, other.figures), ("charts", self.charts, other.charts)):
            if shared := mine.keys() & theirs.keys():
                raise DataError(f"Two {kind} are called {min(shared)}. Give one of them another name.")
        return Evidence({**self.figures, **other.figures}, {**self.charts, **other.charts})

    def __repr__(self) -> str:
        return f"Evidence({len(self.figures)} figures, {len(self.charts)} charts)"


@dataclass(frozen=True, eq=False, repr=False)
class WithEvidence(Generic[T]):
    """A component's result with figures and charts of its own, in place of the bare result.

    A detector, a filter, a repair and a training return a tensor or a classifier. One that wants to show more returns
    this around it. Poisons, verdicts and analyses have fields for both.

    Args:
        result: what the component's method returns otherwise.
        figures: appear in all tables.
        charts: appear in the report.
    """

    result: T
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __repr__(self) -> str:
        return f"WithEvidence({type(self.result).__name__}, {len(self.figures)} figures, {len(self.charts)} charts)"


def with_evidence(found: T | WithEvidence[T]) -> WithEvidence[T]:
    """A bare result as one without figures and charts; one that has some as it is."""
    return found if isinstance(found, WithEvidence) else WithEvidence(found)
