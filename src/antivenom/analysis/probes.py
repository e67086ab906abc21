"""Probes: the accuracy of a linear classifier on the features of each layer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult
from antivenom.analysis._by_layer import chart_by_layer
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._linear_probe import LinearProbe
from antivenom.analysis.layers import narrowed, observe_layers, penultimate, studied_layers
from antivenom.charts import Lines, pair, worded
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.batches import input_batches
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.trial import Trial

__all__ = ["LinearProbe", "Probes", "probe_layers"]

OUTPUT: Final = "output"
"""The name, instead of a layer's, for the class scores of the network: probabilities if it has them."""
WIDTH: Final = 512


@component
class Probes:
    """Measure the accuracy of a linear classifier on each layer of victim and control, on clean test rows.

    Figures of victim and control: `accuracy`, for each layer; `penultimate_accuracy`, for the layer before the output;
    `softmax_accuracy`, for the probabilities. See `probe_layers`.

    Args:
        layer: the name of one layer, or `output` for the softmax, on which the original study fitted its probe. If
            null, all layers and the output.
        width: the largest number of features per row. Larger feature maps are averaged over cells.
        strength: scikit-learn's `C`.

    >>> Probes(layer="output").layer
    'output'
    """

    trial = Trial(quick={"strength": 0.001})

    layer: str | None = None
    width: AtLeastOne = WIDTH
    strength: Positive = 1.0

    needs = frozenset({"features"})

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        if self.layer not in (None, OUTPUT, *classifier.layers()):
            layers = ", ".join(dict.fromkeys((*classifier.layers(), OUTPUT)))
            yield f"Unknown layer '{self.layer}'. Use one of: {layers}."

    def start(self, context: AnalysisContext, rng: Rng) -> "_ProbesObserver":
        """Return an observer of the layers of both networks."""
        return _ProbesObserver(self, context, rng)


def probe_layers(
    classifier: Classifier,
    data: Dataset,
    *,
    rng: Rng,
    layers: Sequence[str] | None = None,
    width: int = WIDTH,
    strength: float = 1.0,
) -> dict[str, float]:
    """Return the accuracy of a linear probe on each layer, fitted on one half of the rows and measured on the other.

    Alain and Bengio, *Understanding intermediate layers using linear classifier probes* (2016). On clean rows, the
    accuracy shows if the classes can still be separated in a representation, even if the last layer does not do so.

    Args:
        classifier: the network.
        data: clean rows with their true labels.
        rng: the random stream that splits the rows, by their ids.
        layers: the names of the layers; see `studied_layers` for the layers that are used if omitted.
        width: the largest number of features per row. Larger feature maps are averaged over cells.
        strength: scikit-learn's `C`.

    Raises:
        CapabilityError: the classifier does not provide features, or does not have these layers.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> probe_layers(net, load("digits").test, rng=Rng(0))["hidden_1"] > 0.8
    True
    """
    features = _FeaturesByLayer([tuple(layers or studied_layers(classifier))], width)
    observe_layers((classifier,), data, (features,))
    return _accuracies(features.of(0), data, rng, strength)


class _FeaturesByLayer:
    """The features of all rows for each layer, reduced to `width`: an `Observer`."""

    def __init__(self, layers: Sequence[tuple[str, ...]], width: int) -> None:
        self.layers, self.width = layers, width
        self.parts: list[dict[str, list[Tensor]]] = [{name: [] for name in names} for names in layers]

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:  # noqa: ARG002
        for each, parts in zip(activations, self.parts, strict=True):
            for name, collected in parts.items():
                collected.append(narrowed(each[name], self.width))

    def of(self, network: int) -> dict[str, Tensor]:
        """Return the features of the network with this index."""
        return {name: torch.cat(parts) for name, parts in self.parts[network].items() if parts}


class _ProbesObserver(_FeaturesByLayer):
    """The observer of `Probes`: figures and a chart of victim and control."""

    def __init__(self, settings: Probes, context: AnalysisContext, rng: Rng) -> None:
        chosen = settings.layer
        layers = [
            studied_layers(network) if chosen is None else () if chosen == OUTPUT else (chosen,)
            for network in context.networks
        ]
        super().__init__(layers, settings.width)
        self.settings, self.context, self.rng = settings, context, rng

    def finish(self) -> AnalysisResult:
        victim, control = (self._accuracies(self.of(index)) for index in (0, 1))
        figures = [
            figure
            for name, value in victim.items()
            for figure in pair("accuracy", value, control.get(name), better="high", subject=name)
        ]
        if self.settings.layer is None:
            last = penultimate(tuple(victim)) or ""
            values = victim.get(last), control.get(last)
            figures += pair("penultimate_accuracy", *values, better="high", headline=True)
        if self.settings.layer in (None, OUTPUT):
            test = self.context.test
            scores = [torch.cat([each.scores(x) for _, x in input_batches(test)]) for each in self.context.networks]
            softmax = [self._accuracies({"softmax": each}) for each in scores]
            figures += pair("softmax_accuracy", *(each["softmax"] for each in softmax), better="high", headline=True)
            victim, control = victim | softmax[0], control | softmax[1]
        return AnalysisResult(figures=tuple(figures), charts=(_chart(victim, control),))

    def _accuracies(self, features: dict[str, Tensor]) -> dict[str, float]:
        return _accuracies(features, self.context.test, self.rng, self.settings.strength)


def _accuracies(features: dict[str, Tensor], data: Dataset, rng: Rng, strength: float) -> dict[str, float]:
    """Return the accuracy of a probe on each layer, fitted on one half of the rows and measured on the other."""
    order = rng.order(data.ids)
    fitted, measured = order[: len(order) // 2], order[len(order) // 2 :]
    accuracies = {}
    for name, rows in features.items():
        y = data.y.to(rows.device)
        probe = LinearProbe.fit(rows[fitted], y[fitted], classes=len(data.classes), strength=strength)
        accuracies[name] = float((probe.predict(rows[measured]) == y[measured]).double().mean())
    return accuracies


def _chart(victim: dict[str, float], control: dict[str, float]) -> Lines:
    lowest = min(victim, key=lambda name: victim[name])
    values = [worded(each.get(lowest), "share") for each in (victim, control)]
    return chart_by_layer(
        {"victim": victim, "control": control},
        label="accuracy of a linear probe, %",
        scale=100,
        caption="The accuracy of a linear classifier on the features of each layer, on clean test rows.",
        alt=f"Accuracy of a linear probe on {len(victim)} layers. Lowest on {lowest}: {values[0]} for the victim, "
        f"{values[1]} for the control.",
    )
