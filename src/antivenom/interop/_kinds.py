"""The kinds of models that users of ART have. None of these functions imports ART or Keras."""

from typing import Any

from torch import nn

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import is_module
from antivenom.models.keras import is_keras

ClipValues = tuple[float, float] | None


def check_supported(classifier: Any) -> None:
    """Check that a classifier is supported.

    Raises:
        CapabilityError: it is not supported.
    """
    if not (is_module(classifier) or isinstance(classifier, nn.Module) or is_art(classifier) or is_keras(classifier)):
        raise CapabilityError(
            "NeuralCleanse requires an nn.Module, a Keras 3 model, ART's PyTorchClassifier or KerasClassifier, or a "
            f"classifier with gradients; got {type(classifier).__name__}."
        )


def check_clip_values(classifier: Any, clip_values: ClipValues) -> None:
    """Check that a range is given only for a model that does not state one.

    Raises:
        SettingsError: the model states its range.
    """
    if clip_values is not None and (is_module(classifier) or is_art(classifier)):
        raise SettingsError([f"clip_values must be omitted: {type(classifier).__name__} states the range of its rows."])


def is_art_torch(classifier: Any) -> bool:
    """Return True for an instance of ART's `PyTorchClassifier`."""
    return "art.estimators.classification.pytorch.PyTorchClassifier" in _names(classifier)


def is_art_keras(classifier: Any) -> bool:
    """Return True for an instance of ART's `KerasClassifier`."""
    return "art.estimators.classification.keras.KerasClassifier" in _names(classifier)


def is_art(classifier: Any) -> bool:
    """Return True for an instance of one of both classes of ART."""
    return is_art_torch(classifier) or is_art_keras(classifier)


def lacks_input_shape(wrapped: Any) -> bool:
    """Return True if a model does not state its input shape."""
    return isinstance(wrapped, nn.Module) and not is_keras(wrapped)


def _names(classifier: Any) -> list[str]:
    return [f"{each.__module__}.{each.__name__}" for each in type(classifier).__mro__]
