"""The contract of analyses, and how several share one pass over the data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._layers import Observer, observe_layers
from antivenom.charts import Chart, Evidence, Figure
from antivenom.rng import Rng
from antivenom.shapes import ShortRepr


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisResult(ShortRepr):
    """What an analysis found.

    Attributes:
        figures: appear in all tables; None as a value where one does not apply.
        charts: appear in the report.
        data: arrays or tensors by name, for whoever wants to go on; they are saved, and no report reads them.
    """

    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class LayerObserver(Observer, Protocol):
    """An analysis under way: it observes layers of victim and control, batch by batch, and then says what it found."""

    def finish(self) -> AnalysisResult:
        """What was found, once `observe` has received all clean test rows."""


@dataclass(frozen=True, eq=False)
class NoLayers:
    """A `LayerObserver` for an analysis that observes no layers.

    Args:
        finish: says what was found.

    >>> NoLayers(AnalysisResult).finish()
    AnalysisResult(figures=(), charts=(), data={})
    """

    finish: Callable[[], AnalysisResult]
    layers: tuple[tuple[str, ...], ...] = ()

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Receives no batch, because it asks for no layer."""


@runtime_checkable
class Analysis(Protocol):
    """Describes what victim and control have learned: a component, such as `Probes`.

    One that looks into a network declares it: `needs = frozenset({"features"})` or `frozenset({"gradients"})`.
    """

    def start(self, context: AnalysisContext, rng: Rng) -> LayerObserver:
        """Start, so that all analyses can share one pass over the clean test rows."""


def analyse(
    analyses: Mapping[str, Analysis], context: AnalysisContext, rng: Rng
) -> tuple[Evidence, dict[str, NDArray[Any]]]:
    """Several analyses, which share one pass over the clean test rows.

    Args:
        analyses: by name.
        context: both networks, and the truth.
        rng: each analysis draws from a child of it.

    Returns:
        Figures and charts under `analysis.NAME`, and arrays under `analysis.NAME.KEY`.

    Raises:
        CapabilityError: an analysis needs what the networks do not have.
        DataError: an analysis gives two figures or two charts of one name.

    >>> from antivenom.analysis import Similarity
    >>> from antivenom.attacks import LabelFlip
    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> context = AnalysisContext(net, net, LabelFlip().poison(digits.train, rng=Rng(0)), digits.test)
    >>> found, _ = analyse({"similarity": Similarity()}, context, Rng(0))
    >>> sorted(found.figures)[:2], sorted(found.charts)
    (['analysis.similarity.cka.activation_1', 'analysis.similarity.cka.hidden_1'], \
['analysis.similarity.by_layer', 'analysis.similarity.matrix'])
    """
    observers = {name: each.start(context, rng.child(name)) for name, each in analyses.items()}
    observe_layers(context.networks, context.test, tuple(observers.values()))
    evidence, data = Evidence(), dict[str, NDArray[Any]]()
    for name, observer in observers.items():
        result, prefix = observer.finish(), f"analysis.{name}"
        evidence = evidence | Evidence.of(prefix, result.figures, result.charts)
        data |= {f"{prefix}.{key}": _array(value) for key, value in result.data.items()}
    return evidence, data


def _array(value: Any) -> NDArray[Any]:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
