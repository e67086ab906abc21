"""Fine-pruning."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH, input_batches
from antivenom.models.torch_modules import as_module
from antivenom.repairs.fine_tuning import FineTuning
from antivenom.repairs.layer import find_layer, layer_problems, mean_activations
from antivenom.rng import Rng
from antivenom.settings import component


@component
class FinePruning(FineTuning):
    """Silence the units that are least active on clean rows, then fine-tune. It needs no scan.

    Liu, Dolan-Gavitt and Garg, *Fine-pruning: defending against backdooring attacks on deep neural networks* (2018).
    The idea is that the units of a backdoor are dormant on clean rows. Units are silenced one by one until accuracy on
    the clean rows has dropped by the limit. The last unit is then restored.

    Args:
        layer: the layer whose units are silenced. If null, the last convolution, or `penultimate` if there is none:
            the second to last linear layer.
        limit: the largest accuracy drop on the clean rows before fine-tuning, as a share between 0 and 1.

    Raises:
        CapabilityError: the classifier does not provide gradients, or the layer does not exist.
    """

    rows_per_class = 3

    layer: str | None = None
    limit: Annotated[float, Interval(gt=0, lt=1)] = 0.04

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        yield from super().problems(classifier)
        yield from layer_problems(as_module(classifier, by="FinePruning"), self.layer)

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,  # noqa: ARG002
    ) -> Classifier:
        """Return a new classifier that is pruned and fine-tuned. Silenced units stay silenced."""
        network = as_module(classifier, by="FinePruning")
        layer = find_layer(network, self.layer)
        activity = torch.zeros(0)
        for _, x in input_batches(clean, most=ROWS_PER_WIDE_BATCH):
            part_activity = mean_activations(network, x, layer).sum(0)
            activity = part_activity if not len(activity) else activity + part_activity
        order, floor = activity.argsort(), accuracy(network, clean) - self.limit
        silenced = order[:0]
        for count in range(1, len(order)):
            if accuracy(network.silence(layer, order[:count]), clean) < floor:
                break
            silenced = order[:count]
        return super().repair(network.silence(layer, silenced), clean, rng=rng).silence(layer, silenced)
