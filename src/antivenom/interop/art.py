"""Neural Cleanse with the interface of the Adversarial Robustness Toolbox (ART)."""

import math
from typing import Any

from antivenom.defences import NeuralCleanse as Scan
from antivenom.defences.neural_cleanse.search_settings import Norm
from antivenom.errors import SettingsError
from antivenom.interop._art_classifier import cleansed
from antivenom.interop._cleansed import Cleansed
from antivenom.interop._inputs import (
    Array,
    ClipValues,
    check_supported,
)

__all__ = ["Cleansed", "NeuralCleanse"]

NORMS: dict[float, Norm] = {1: "l1", 2: "l2", math.inf: "linf"}


class NeuralCleanse:
    """A transformer. Call it with a classifier and settings; it returns a new classifier that can cleanse itself.

    Wang et al., *Neural Cleanse* (2019), by `antivenom.defences.NeuralCleanse`. The original classifier is not changed.
    If ART is installed, the new classifier is also a `PyTorchClassifier` of ART, so that ART's attacks run on it.

    Args:
        classifier: a classifier of antivenom; an `nn.Module`, or a Keras 3 model on the torch backend, for
            rows in [0, 1] (for other rows, pass `clip_values` to the call); or ART's `PyTorchClassifier`.

    Raises:
        CapabilityError: the classifier is not supported.

    >>> from torch import nn
    >>> import numpy as np
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    >>> cleansed = NeuralCleanse(net)(net, steps=3)
    >>> x, y = np.random.default_rng(0).random((40, 1, 8, 8), np.float32), np.arange(40) % 4
    >>> cleansed.outlier_detection(x, y)
    []
    >>> cleansed.predict(x).shape
    (40, 4)
    """

    params = (
        "steps",
        "init_cost",
        "norm",
        "learning_rate",
        "attack_success_threshold",
        "patience",
        "early_stop",
        "early_stop_threshold",
        "early_stop_patience",
        "cost_multiplier",
        "batch_size",
    )

    def __init__(self, classifier: Any) -> None:
        check_supported(classifier)
        self.classifier = classifier
        self.is_fitted = False

    def __call__(
        self,
        transformed_classifier: Any,
        steps: int = 1000,
        init_cost: float = 1e-3,
        norm: float = 2,
        learning_rate: float = 0.1,
        attack_success_threshold: float = 0.99,
        patience: int = 5,
        early_stop: bool = True,
        early_stop_threshold: float = 0.99,
        early_stop_patience: int = 10,
        cost_multiplier: float = 1.5,
        batch_size: int = 32,
        clip_values: ClipValues = None,
    ) -> "Cleansed":
        """Return a new classifier with `mitigate` and the other methods of `Cleansed`.

        Args:
            transformed_classifier: the classifier to cleanse.
            steps: the largest number of passes over the validation rows.
            init_cost: the cost of the norm after the trigger has worked without any cost.
            norm: the norm of the mask that is minimised: 1, 2 or infinity.
            learning_rate: the learning rate of Adam.
            attack_success_threshold: the share of rows that a trigger must send to its class.
            patience: the cost changes if the trigger works, or fails, on this number of consecutive mini-batches.
            early_stop: whether to stop the search for a class when its mask no longer shrinks.
            early_stop_threshold: a mask is smaller if its norm is below the best norm times this number.
            early_stop_patience: the number of mini-batches without a smaller mask after which the search stops.
            cost_multiplier: the cost is multiplied by this number, or divided by this number to the power of 1.5.
            batch_size: the number of rows per mini-batch.
            clip_values: the smallest and largest possible value of the rows of an `nn.Module` or a Keras model, such as
                (0, 255); (0, 1) if omitted. Other classifiers state their range.

        Raises:
            SettingsError: a setting is not valid.
            CapabilityError: the classifier is not supported.
        """
        if norm not in NORMS:
            raise SettingsError([f"norm must be 1, 2 or infinity; got {norm}."])
        scan = Scan(
            init_cost=init_cost,
            norm=NORMS[norm],
            learning_rate=learning_rate,
            attack_success_threshold=attack_success_threshold,
            patience=patience,
            early_stop=early_stop,
            early_stop_threshold=early_stop_threshold,
            early_stop_patience=early_stop_patience,
            cost_multiplier=cost_multiplier,
            batch_size=batch_size,
        )
        if steps < 1:
            raise SettingsError([f"steps must be at least 1; got {steps}."])
        return cleansed(transformed_classifier, scan, steps, clip_values)

    def fit(self, x: Array, y: Array | None = None, **kwargs: Any) -> None:
        """Do nothing. ART requires this method."""
