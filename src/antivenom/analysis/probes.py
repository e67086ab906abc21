"""What a linear classifier can read from a representation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult
from antivenom.analysis._by_layer import chart_by_layer
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._layers import narrowed, observe_layers, penultimate, studied_layers
from antivenom.analysis._linear_probe import LinearProbe
from antivenom.charts import Lines, pair, worded
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.trial import Trial

__all__ = ["LinearProbe", "Probes", "probe_layers"]

OUTPUT: Final = "output"
"""Instead of a layer: the class scores that the network gives, which are probabilities where it has some."""
WIDTH: Final = 512


@component
class Probes:
    """What a linear classifier still reads from each layer of victim and control, on clean test rows.

    Figures, of victim and control: `accuracy`, for each layer; `penultimate_accuracy`, for the layer that feeds the
    output; `softmax_accuracy`, for the probabilities. See `probe_layers`.

    Args:
        layer: one layer alone, or `output`, the softmax that the original study fitted its probe on; all layers and
            the output if null.
        width: maps of more numbers are averaged over cells.
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
        """Why the settings do not fit the network."""
        if self.layer not in (None, OUTPUT, *classifier.layers()):
            yield f"There is no layer '{self.layer}'. There are: {', '.join(classifier.layers())}, and {OUTPUT}."

    def start(self, context: AnalysisContext, rng: Rng) -> "_ProbesObserver":
        """Observe the layers of both networks."""
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
    """The accuracy of a linear probe on each layer: fitted on half of the rows, measured on the other half.

    Alain and Bengio, *Understanding intermediate layers using linear classifier probes* (2016). With clean rows, the
    probes say what can still be read from a representation, whatever the last layer makes of it.

    Args:
        classifier: the network.
        data: clean rows.
        rng: decides which half a row belongs to, by its id.
        layers: which; all that do more than move numbers, where left out.
        width: maps of more numbers are averaged over cells.
        strength: scikit-learn's `C`.

    Raises:
        CapabilityError: the classifier has no layers, or not these.

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
    """The features of all rows, layer by layer, made narrow: an `Observer`."""

    def __init__(self, layers: Sequence[tuple[str, ...]], width: int) -> None:
        self.layers, self.width = layers, width
        self.parts: list[dict[str, list[Tensor]]] = [{name: [] for name in names} for names in layers]

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:  # noqa: ARG002
        for each, parts in zip(activations, self.parts, strict=True):
            for name, collected in parts.items():
                collected.append(narrowed(each[name], self.width))

    def of(self, network: int) -> dict[str, Tensor]:
        """The features of one network, by its place."""
        return {name: torch.cat(parts) for name, parts in self.parts[network].items() if parts}


class _ProbesObserver(_FeaturesByLayer):
    """Victim and control: the accuracy of probes as figures and a chart."""

    def __init__(self, settings: Probes, context: AnalysisContext, rng: Rng) -> None:
        chosen = settings.layer
        layers = [
            studied_layers(network) if chosen is None else () if chosen == OUTPUT else (chosen,)
            for network in context.networks
        ]
        super().__init__(layers, settings.width)
        self.settings, self.context, self.rng = settings, context, rng

    def finish(self) -> AnalysisResult:
        victim, control = (self._read(self.of(place)) for place in (0, 1))
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
            inputs = self.context.test.inputs()
            mine, theirs = (self._read({"softmax": each.scores(inputs)})["softmax"] for each in self.context.networks)
            figures += pair("softmax_accuracy", mine, theirs, better="high", headline=True)
            victim, control = {**victim, "softmax": mine}, {**control, "softmax": theirs}
        return AnalysisResult(figures=tuple(figures), charts=(_chart(victim, control),))

    def _read(self, features: dict[str, Tensor]) -> dict[str, float]:
        return _accuracies(features, self.context.test, self.rng, self.settings.strength)


def _accuracies(features: dict[str, Tensor], data: Dataset, rng: Rng, strength: float) -> dict[str, float]:
    """The accuracy of a probe on each layer: fitted on one half of the rows, measured on the other."""
    order = rng.order(data.ids)
    fitted, measured = order[: len(order) // 2], order[len(order) // 2 :]
    found = {}
    for name, rows in features.items():
        y = data.y.to(rows.device)
        probe = LinearProbe.fit(rows[fitted], y[fitted], classes=len(data.classes), strength=strength)
        found[name] = float((probe.predict(rows[measured]) == y[measured]).double().mean())
    return found


def _chart(victim: dict[str, float], control: dict[str, float]) -> Lines:
    lowest = min(victim, key=lambda name: victim[name])
    values = [worded(each.get(lowest), "share") for each in (victim, control)]
    return chart_by_layer(
        {"victim": victim, "control": control},
        label="accuracy of a linear probe, %",
        scale=100,
        caption="What a linear classifier reads from each layer, on clean test rows.",
        alt=f"Accuracy of a linear probe on {len(victim)} layers. Lowest on {lowest}: {values[0]} for the victim, "
        f"{values[1]} for the control.",
    )
