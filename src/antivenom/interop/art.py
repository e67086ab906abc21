"""Neural Cleanse with the interface of the Adversarial Robustness Toolbox (ART)."""

from typing import Any

from antivenom.interop._art_classifier import cleansed
from antivenom.interop._cleansed import Cleansed
from antivenom.interop._inputs import Array, KerasStatement
from antivenom.interop._kinds import ClipValues, check_supported
from antivenom.interop._origin import Origin
from antivenom.interop.art_settings import SETTINGS, ArtSettings, Setting

__all__ = ["Cleansed", "KerasNeuralCleanse", "NeuralCleanse"]


class NeuralCleanse:
    """A transformer. Call it with a classifier and settings; it returns a new classifier that can cleanse itself.

    Wang et al., *Neural Cleanse* (2019), by `antivenom.defences.NeuralCleanse`. The original classifier is not changed.
    If ART is installed, the new classifier is also a `PyTorchClassifier` of ART, so that ART's attacks run on it.

    Args:
        classifier: a classifier of antivenom; an `nn.Module`, or a Keras 3 model on the torch backend, for
            rows in [0, 1] (for other rows, pass `clip_values` to the call); or ART's `PyTorchClassifier` or
            `KerasClassifier`, the latter with a model on the torch backend.

    Attributes:
        classifier: the classifier.
        settings: the settings of calls that do not state others.
        steps, init_cost, norm, learning_rate, attack_success_threshold, patience, early_stop, early_stop_threshold,
            early_stop_patience, cost_multiplier, batch_size: the same settings by name.

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

    params = SETTINGS

    steps, init_cost, norm = Setting("steps"), Setting("init_cost"), Setting("norm")
    learning_rate, batch_size = Setting("learning_rate"), Setting("batch_size")
    attack_success_threshold = Setting("attack_success_threshold")
    patience, early_stop = Setting("patience"), Setting("early_stop")
    early_stop_threshold, early_stop_patience = Setting("early_stop_threshold"), Setting("early_stop_patience")
    cost_multiplier = Setting("cost_multiplier")

    def __init__(self, classifier: Any) -> None:
        check_supported(classifier)
        self.classifier = classifier
        self.settings = ArtSettings()
        self._is_fitted = False

    @property
    def is_fitted(self) -> bool:
        """False: there is nothing to fit."""
        return self._is_fitted

    def get_classifier(self) -> Any:
        """Return the classifier."""
        return self.classifier

    def get_params(self) -> dict[str, Any]:
        """Return the settings of calls that do not state others."""
        return self.settings.values()

    def set_params(self, **settings: Any) -> None:
        """Change the settings of later calls that do not state others.

        Raises:
            SettingsError: a name is unknown, or a value is not valid.
        """
        self.settings = self.settings.changed(**settings)

    def __call__(
        self,
        transformed_classifier: Any,
        steps: int | None = None,
        init_cost: float | None = None,
        norm: float | None = None,
        learning_rate: float | None = None,
        attack_success_threshold: float | None = None,
        patience: int | None = None,
        early_stop: bool | None = None,
        early_stop_threshold: float | None = None,
        early_stop_patience: int | None = None,
        cost_multiplier: float | None = None,
        batch_size: int | None = None,
        clip_values: ClipValues = None,
        input_shape: tuple[int, ...] | None = None,
    ) -> Cleansed:
        """Return a new classifier with `mitigate` and the other methods of `Cleansed`.

        A setting that is omitted has the value of `set_params`, or else ART's default, which is given here.

        Args:
            transformed_classifier: the classifier to cleanse.
            steps: the largest number of passes over the validation rows, 1000.
            init_cost: the cost of the norm after the trigger has worked without any cost, 1e-3.
            norm: the norm of the mask that is minimised: 1, 2 or infinity; 2.
            learning_rate: the learning rate of Adam, 0.1.
            attack_success_threshold: the share of rows that a trigger must send to its class, 0.99.
            patience: the cost changes if the trigger works, or fails, in this number of consecutive passes, 5.
            early_stop: whether to stop the search for a class when its mask no longer shrinks, True.
            early_stop_threshold: a mask is smaller if its norm is below the best norm times this number, 0.99.
            early_stop_patience: the number of passes without a smaller mask after which the search stops, 10.
            cost_multiplier: the cost is multiplied by this number, or divided by this number to the power of 1.5; 1.5.
            batch_size: the number of rows per mini-batch, 32.
            clip_values: the smallest and largest possible value of the rows of an `nn.Module` or a Keras model, such as
                (0, 255); (0, 1) if omitted. Other classifiers state their range.
            input_shape: the shape of one row, for example (1, 28, 28). An `nn.Module` does not state it. If omitted,
                the first rows define it.

        Raises:
            SettingsError: a setting is not valid.
            CapabilityError: the classifier is not supported.
        """
        given = {name: value for name, value in locals().items() if name in SETTINGS and value is not None}
        settings = self.settings.changed(**given)
        return cleansed(Origin.of(transformed_classifier, clip_values, input_shape), settings)

    def fit(self, x: Array, y: Array | None = None, **kwargs: Any) -> None:
        """Do nothing. ART requires this method."""


def KerasNeuralCleanse(
    model: Any,
    use_logits: bool = False,
    channels_first: bool = False,
    clip_values: Any = None,
    preprocessing_defences: Any = None,
    postprocessing_defences: Any = None,
    preprocessing: Any = (0.0, 1.0),
    input_layer: int = 0,
    output_layer: int = 0,
    **settings: Any,
) -> Cleansed:
    """Return a cleansed classifier of a Keras 3 model on the torch backend: ART's class of this name, as a function.

    Args:
        model: the Keras model.
        use_logits: True if the model returns logits. Outputs that are not probabilities are logits in any case.
        channels_first: True if the model takes images with their channels first.
        clip_values: the smallest and largest possible value of the rows; (0, 1) if omitted.
        preprocessing_defences: not supported.
        postprocessing_defences: not supported.
        preprocessing: the mean that is subtracted from the rows and the standard deviation that divides them.
        input_layer: must be 0.
        output_layer: must be 0.
        settings: the settings of `NeuralCleanse`, such as `steps`.

    Raises:
        SettingsError: a setting is not valid, or a statement does not fit the model.
        CapabilityError: the model or a defence is not supported.
    """
    stated = KerasStatement(
        model=model,
        use_logits=use_logits,
        channels_first=channels_first,
        clip_values=clip_values,
        preprocessing_defences=preprocessing_defences,
        postprocessing_defences=postprocessing_defences,
        preprocessing=preprocessing,
        input_layer=input_layer,
        output_layer=output_layer,
    )
    return cleansed(Origin.of(stated), ArtSettings().changed(**settings))
