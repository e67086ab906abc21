"""A cleansed classifier that is also a classifier of the Adversarial Robustness Toolbox (ART), if it is installed."""

from typing import Any

import numpy as np
from torch import Tensor, nn

from antivenom.defences import NeuralCleanse as Scan
from antivenom.interop._cleansed import Cleansed
from antivenom.interop._inputs import (
    ClipValues,
    lacks_input_shape,
)
from antivenom.models import Classifier, ModuleClassifier, is_module


class LogitsModule(nn.Module):
    """A module that returns the logits of a classifier."""

    def __init__(self, classifier: ModuleClassifier) -> None:
        super().__init__()
        self.channels_last = False
        self.use(classifier)

    def use(self, classifier: ModuleClassifier) -> None:
        """Use this classifier from now on."""
        self.classifier, self.module = classifier, classifier.module

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes)."""
        return self.classifier.logits(x.movedim(-1, 1) if self.channels_last else x)


def cleansed(wrapped: Any, scan: Scan, passes: int, clip_values: ClipValues = None) -> Cleansed:
    """Return a cleansed classifier. It is also one of ART if ART is installed and the model states its input shape."""
    if lacks_input_shape(wrapped):
        return Cleansed(wrapped, scan, passes, clip_values)
    try:
        from art.estimators.classification import PyTorchClassifier  # noqa: PLC0415 - takes seconds
    except ImportError:  # ART is only needed to run its attacks
        return Cleansed(wrapped, scan, passes, clip_values)

    class CleansedForArt(Cleansed, PyTorchClassifier):  # type: ignore[misc, unused-ignore]
        """A cleansed classifier for ART's attacks, which receive the gradients of its current network."""

        def __init__(self) -> None:
            Cleansed.__init__(self, wrapped, scan, passes, clip_values)
            first = self._repaired
            assert first is not None and is_module(first)
            module = LogitsModule(first)
            module.channels_last = self._channels_last
            shape = first.input_shape
            PyTorchClassifier.__init__(
                self,
                model=module,
                loss=nn.CrossEntropyLoss(),
                input_shape=(*shape[1:], shape[0]) if self._channels_last else shape,
                nb_classes=first.classes,
                clip_values=first.bounds,
                channels_first=not self._channels_last,
                device_type="cpu" if first.device.type == "cpu" else "gpu",
            )

        def _set_classifier(self, repaired: Classifier) -> None:
            super()._set_classifier(repaired)
            self.model.use(self._network(np.zeros(0)))

    return CleansedForArt()
