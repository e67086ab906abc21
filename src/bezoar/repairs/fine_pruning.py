"""Fine-pruning."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval

from bezoar.analysis.neurons import silencing_problems
from bezoar.data import Dataset
from bezoar.defences import Verdict
from bezoar.errors import CapabilityError
from bezoar.metrics import accuracy
from bezoar.models import Classifier
from bezoar.repairs._layer import layer_named, mean_activations
from bezoar.repairs._repair import mendable
from bezoar.rng import Rng
from bezoar.settings import AtLeastOne, Positive, component
from bezoar.training.loop import Recipe, train


@component
class FinePruning:
    """Silencing the units that clean rows excite least, then fine-tuning; it needs no scan.

    Liu, Dolan-Gavitt and Garg, *Fine-pruning: defending against backdooring attacks on deep neural networks* (2018).
    What a backdoor lives in is thought to be dormant on clean rows. Units go one by one until accuracy on the clean
    rows has fallen by the limit; the last is given back.

    Args:
        layer: whose units; the last convolution if null, or, without one, the last linear layer but one, which is also
            `penultimate`.
        limit: by how much accuracy on the clean rows may fall before the fine-tuning.
        epochs: passes of the fine-tuning over the rows.
        learning_rate: Adam's.
        batch_size: rows an update.

    Raises:
        CapabilityError: a classifier without gradients, or no such layer.
    """

    layer: str | None = None
    limit: Annotated[float, Interval(gt=0, lt=1)] = 0.04
    epochs: AtLeastOne = 5
    learning_rate: Positive = 1e-3
    batch_size: AtLeastOne = 32

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        try:
            layer = layer_named(mendable(classifier, "FinePruning"), self.layer)
        except CapabilityError as error:
            yield str(error)
        else:
            yield from silencing_problems(classifier, layer)

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,  # noqa: ARG002
    ) -> Classifier:
        """A new classifier, pruned and trained on; silenced units stay silent."""
        network = mendable(classifier, "FinePruning")
        layer = layer_named(network, self.layer)
        activity = torch.zeros(0)
        for part in torch.arange(len(clean), device=clean.device).split(1024):
            given = mean_activations(network, clean.inputs(part), layer).sum(0)
            activity = given if not len(activity) else activity + given
        order, floor = activity.argsort(), accuracy(network, clean) - self.limit
        silent = order[:0]
        for count in range(1, len(order)):
            if accuracy(network.silence(layer, order[:count]), clean) < floor:
                break
            silent = order[:count]
        recipe = Recipe(epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate)
        trained = train(network.silence(layer, silent), clean, recipe, rng=rng)
        return trained.silence(layer, silent)
