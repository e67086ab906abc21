"""The contract of analyses, and the pass over the data that several of them share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis._context import AnalysisContext
from antivenom.analysis.layers import Observer, observe_layers
from antivenom.calling import guarded
from antivenom.charts import Chart, Evidence, Figure
from antivenom.rng import Rng
from antivenom.shapes import ShortRepr


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisResult(ShortRepr):
    """The result of an analysis.

    Attributes:
        figures: numbers for all tables. The value is None if a figure does not apply.
        charts: charts for the report.
        data: arrays or tensors by name, for your own analysis. They are saved; the report does not use them.
    """

    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class LayerObserver(Observer, Protocol):
    """A running analysis: it observes layers of victim and control, batch by batch, and then returns its result."""

    def finish(self) -> AnalysisResult:
        """Return the result. `observe` has received all clean test rows before."""


@dataclass(frozen=True, eq=False)
class NoLayers:
    """A `LayerObserver` for an analysis that does not observe layers.

    Args:
        finish: a function that returns the result.
        layers: always empty.

    >>> NoLayers(AnalysisResult).finish()
    AnalysisResult(figures=(), charts=(), data={})
    """

    finish: Callable[[], AnalysisResult]
    layers: tuple[tuple[str, ...], ...] = ()

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Do nothing. It is never called, because `layers` is empty."""


@runtime_checkable
class Analysis(Protocol):
    """A description of what victim and control have learned: a component, such as `Probes`.

    An analysis of a network's layers or gradients must declare `needs = frozenset({"features"})` or
    `frozenset({"gradients"})`.
    """

    def start(self, context: AnalysisContext, rng: Rng) -> LayerObserver:
        """Return an observer, so that all analyses can share one pass over the clean test rows.

        Args:
            context: victim, control, their data, and the truth about the poison.
            rng: the analysis's random stream.
        """


def analyse(
    analyses: Mapping[str, Analysis], context: AnalysisContext, rng: Rng
) -> tuple[Evidence, dict[str, NDArray[Any]]]:
    """Run several analyses in one pass over the clean test rows.

    Args:
        analyses: the analyses, by name.
        context: victim, control, their data, and the truth about the poison.
        rng: the random stream. Each analysis receives a child of it.

    Returns:
        The figures and charts, with names that start with `analysis.NAME`, and the arrays, as `analysis.NAME.KEY`.

    Raises:
        CapabilityError: an analysis requires a capability that the networks do not provide.
        DataError: an analysis returns two figures or two charts with one name.

    >>> from antivenom.analysis import Similarity
    >>> from antivenom.attacks import LabelFlip
    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> context = AnalysisContext(net, net, LabelFlip().poison(digits.train, rng=Rng(0)), digits.test)
    >>> evidence, _ = analyse({"similarity": Similarity()}, context, Rng(0))
    >>> sorted(evidence.figures)[:2], sorted(evidence.charts)
    (['analysis.similarity.cka.activation_1', 'analysis.similarity.cka.hidden_1'], \
['analysis.similarity.by_layer', 'analysis.similarity.matrix'])
    """
    observers = {name: _Guarded.start(each, context, rng.child(name)) for name, each in analyses.items()}
    observe_layers(context.networks, context.test, tuple(observers.values()))
    evidence, data = Evidence(), dict[str, NDArray[Any]]()
    for name, observer in observers.items():
        result, prefix = observer.finish(), f"analysis.{name}"
        evidence = evidence | Evidence.of(prefix, result.figures, result.charts)
        data |= {f"{prefix}.{key}": _array(value) for key, value in result.data.items()}
    return evidence, data


@dataclass(frozen=True, eq=False)
class _Guarded:
    """An observer whose mistakes are reported with the name of its analysis."""

    analysis: Analysis
    observer: LayerObserver

    @classmethod
    def start(cls, analysis: Analysis, context: AnalysisContext, rng: Rng) -> "_Guarded":
        """Start an analysis."""
        return cls(analysis, guarded(analysis, Analysis.start, LayerObserver)(context, rng))

    @property
    def layers(self) -> Sequence[tuple[str, ...]]:
        """The names of the layers that it observes."""
        return self.observer.layers

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Pass a batch on."""
        guarded(self.observer, LayerObserver.observe, None, owner=self.analysis)(rows, activations)

    def finish(self) -> AnalysisResult:
        """Return the result."""
        result = guarded(self.observer, LayerObserver.finish, AnalysisResult, owner=self.analysis)()
        assert isinstance(result, AnalysisResult)
        return result


def _array(value: Any) -> NDArray[Any]:
    if not isinstance(value, Tensor):
        return np.asarray(value)
    return (value.float() if value.dtype == torch.bfloat16 else value).detach().cpu().numpy()  # numpy has no bfloat16
