"""Similarity: a comparison of the representations of two networks."""

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
    """Measure the linear CKA of every layer of the victim with every layer of the control, on clean test rows.

    Figures: `cka`, for each layer and the same layer of the control, and `penultimate_cka`, for the layer before the
    output. See `similarity`.

    >>> Similarity()
    Similarity()
    """

    needs = frozenset({"features"})

    def start(self, context: AnalysisContext, rng: Rng) -> "_SimilarityObserver":  # noqa: ARG002
        """Return an observer of the layers of both networks."""
        return _SimilarityObserver(*(studied_layers(network) for network in context.networks))


def similarity(
    one: Classifier,
    other: Classifier,
    data: Dataset,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = BATCH_ROWS,
) -> LayerSimilarity:
    """Return the linear CKA of two networks on the same rows, for every pair of layers.

    The estimator is from Nguyen, Raghu and Kornblith, *Do wide and deep networks learn the same things?* (2021). It is
    unbiased in each batch and summed over batches, so that one pass over the data is enough for all pairs of layers.

    Args:
        one: the first network.
        other: the second network.
        data: the rows.
        layers: the names of the layers in both; see `studied_layers` for the layers that are used if omitted.
        batch_size: the largest number of rows per batch, at least 4. Batches of large activations are smaller.

    Raises:
        CapabilityError: a network does not provide features, or does not have these layers.
        DataError: no batch has at least 4 rows.

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
        raise DataError(f"CKA requires batches of at least 4 rows; got {len(data)} rows in batches of {batch_size}.")
    return sums.similarity()


class _SimilarityObserver(Alignment):
    """The observer of `Similarity`: figures and charts of victim and control."""

    def finish(self) -> AnalysisResult:
        alike = self.similarity()
        same = {name: finite(value) for name, value in alike.same.items()}
        last = penultimate(tuple(same))
        figures = (
            *by_subject("cka", same, unit="none"),
            Figure(name="penultimate_cka", value=None if last is None else same[last], unit="none", headline=True),
        )
        data = {
            "matrix": alike.matrix,
            "victim_layers": np.array(alike.layers),
            "control_layers": np.array(alike.others),
        }
        return AnalysisResult(figures=figures, charts=_charts(alike), data=data)


def _charts(alike: LayerSimilarity) -> tuple[Lines, Heatmap]:
    known = {name: value for name, value in alike.same.items() if finite(value) is not None}
    lowest = min(known, key=lambda name: known[name], default=None)
    least = "" if lowest is None else f" {lowest} has the lowest CKA: {known[lowest]:.3f}."
    by_layer = chart_by_layer(
        {"victim": alike.same},
        label="CKA with the control",
        legend=False,
        caption="Similarity of each layer of the victim to the same layer of the control, on clean test rows.",
        alt=f"CKA of {len(known)} layers of the victim with the same layers of the control.{least}",
    )
    matrix = Heatmap(
        name="matrix",
        values=alike.matrix.numpy(),
        rows=alike.layers,
        columns=alike.others,
        row_label="victim",
        column_label="control",
        value_label="CKA",
        low=0.0,
        high=1.0,
        caption="Similarity of every layer of the victim to every layer of the control, in percent.",
        alt=f"CKA of {len(alike.layers)} layers of the victim with {len(alike.others)} layers of the control.{least}",
    )
    return by_layer, matrix
