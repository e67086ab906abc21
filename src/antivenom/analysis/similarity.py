"""How alike two networks' representations are."""

from collections.abc import Sequence

import numpy as np

from antivenom.analysis._analysis import AnalysisResult
from antivenom.analysis._by_layer import chart_by_layer
from antivenom.analysis._cka import Alignment, LayerSimilarity, cka
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis.layers import BATCH_ROWS, observe_layers, penultimate, studied_layers
from antivenom.charts import Figure, Heatmap, Lines, by_subject, finite
from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import component

__all__ = ["LayerSimilarity", "Similarity", "cka", "similarity"]


@component
class Similarity:
    """Linear CKA between victim and control, every layer with every layer, on clean test rows.

    Figures: `cka`, of each layer with itself, and `penultimate_cka`, of the layer that feeds the output. See
    `similarity`.

    >>> Similarity()
    Similarity()
    """

    needs = frozenset({"features"})

    def start(self, context: AnalysisContext, rng: Rng) -> "_SimilarityObserver":  # noqa: ARG002
        """Observe all layers of both networks."""
        return _SimilarityObserver(*(studied_layers(network) for network in context.networks))


def similarity(
    one: Classifier,
    other: Classifier,
    data: Dataset,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = BATCH_ROWS,
) -> LayerSimilarity:
    """Linear CKA of two networks on the same rows, layer by layer.

    The estimator is Nguyen, Raghu and Kornblith's, *Do wide and deep networks learn the same things?* (2021): unbiased
    within each batch and summed over batches, so one pass over the data serves all pairs of layers.

    Args:
        one: a network.
        other: another.
        data: the rows, in batches of four or more.
        layers: which, for both; all that do more than move numbers, where left out.
        batch_size: rows at once.

    Raises:
        CapabilityError: one has no layers, or not these.
        DataError: too few rows.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> round(similarity(net, net, load("digits").test).same["hidden_1"], 4)
    1.0
    """
    sums = Alignment(*(tuple(layers or studied_layers(each)) for each in (one, other)))
    observe_layers((one, other), data, (sums,), batch_size=batch_size)
    if not sums.batches:
        raise DataError(f"CKA needs batches of four rows or more; got {len(data)} rows in batches of {batch_size}.")
    return sums.similarity()


class _SimilarityObserver(Alignment):
    """Victim and control: their similarity as figures and charts."""

    def finish(self) -> AnalysisResult:
        found = self.similarity()
        same = {name: finite(value) for name, value in found.same.items()}
        last = penultimate(tuple(same))
        figures = (
            *by_subject("cka", same, unit="none"),
            Figure(name="penultimate_cka", value=None if last is None else same[last], unit="none", headline=True),
        )
        data = {
            "matrix": found.matrix,
            "victim_layers": np.array(found.layers),
            "control_layers": np.array(found.others),
        }
        return AnalysisResult(figures=figures, charts=_charts(found), data=data)


def _charts(found: LayerSimilarity) -> tuple[Lines, Heatmap]:
    known = {name: value for name, value in found.same.items() if finite(value) is not None}
    lowest = min(known, key=lambda name: known[name], default=None)
    least = "" if lowest is None else f" {lowest} is least alike, with a CKA of {known[lowest]:.3f}."
    by_layer = chart_by_layer(
        {"victim": found.same},
        label="CKA with the control",
        legend=False,
        caption="Similarity of each layer of the victim to the same layer of the control, on clean test rows.",
        alt=f"CKA of {len(known)} layers of the victim with the control's.{least}",
    )
    matrix = Heatmap(
        name="matrix",
        values=found.matrix.numpy(),
        rows=found.layers,
        columns=found.others,
        row_label="victim",
        column_label="control",
        value_label="CKA",
        low=0.0,
        high=1.0,
        caption="Similarity of every layer of the victim to every layer of the control, in percent.",
        alt=f"CKA of {len(found.layers)} layers of the victim with {len(found.others)} of the control.{least}",
    )
    return by_layer, matrix
