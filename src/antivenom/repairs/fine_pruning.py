"""Fine-pruning."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.models.torch_modules import as_module
from antivenom.repairs._layer import find_layer, layer_problems, mean_activations
from antivenom.repairs.fine_tuning import FineTuning
from antivenom.rng import Rng
from antivenom.settings import component


@component
class FinePruning(FineTuning):
    """Silencing the units that clean rows excite least, then fine-tuning; it needs no scan.

    Liu, Dolan-Gavitt and Garg, *Fine-pruning: defending against backdooring attacks on deep neural networks* (2018).
    What a backdoor lives in is thought to be dormant on clean rows. Units go one by one until accuracy on the clean
    rows has fallen by the limit; the last is given back.

    Args:
        layer: whose units; the last convolution if null, or, without one, the last linear layer but one, which is also
            `penultimate`.
        limit: by how much accuracy on the clean rows may fall before the fine-tuning.

    Raises:
        CapabilityError: a classifier without gradients, or no such layer.
    """

    layer: str | None = None
    limit: Annotated[float, Interval(gt=0, lt=1)] = 0.04

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        yield from layer_problems(as_module(classifier, by="FinePruning"), self.layer)

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,  # noqa: ARG002
    ) -> Classifier:
        """A new classifier, pruned and trained on; silenced units stay silenced."""
        network = as_module(classifier, by="FinePruning")
        layer = find_layer(network, self.layer)
        activity = torch.zeros(0)
        for part in torch.arange(len(clean), device=clean.device).split(1024):
            given = mean_activations(network, clean.inputs(part), layer).sum(0)
            activity = given if not len(activity) else activity + given
        order, floor = activity.argsort(), accuracy(network, clean) - self.limit
        silenced = order[:0]
        for count in range(1, len(order)):
            if accuracy(network.silence(layer, order[:count]), clean) < floor:
                break
            silenced = order[:count]
        return super().repair(network.silence(layer, silenced), clean, rng=rng).silence(layer, silenced)
