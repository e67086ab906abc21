"""Conversion of the models and labels of ART users."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from antivenom.errors import CapabilityError, DataError, ProbabilityOutputsError, SettingsError
from antivenom.models import ModuleClassifier, as_classifier, as_module, is_module
from antivenom.models._keras_channels import ambiguous, channels_of
from antivenom.models.channels import IMAGE_AXES, turned
from antivenom.models.keras import is_keras

Array = NDArray[Any]
ClipValues = tuple[float, float] | None

UNIT = (0.0, 1.0)
"""The range of the rows of a model, if `clip_values` is omitted."""


def check_supported(classifier: Any) -> None:
    """Check that a classifier is supported.

    Raises:
        CapabilityError: it is not supported.
    """
    if not (is_module(classifier) or isinstance(classifier, nn.Module) or is_art(classifier) or is_keras(classifier)):
        raise CapabilityError(
            f"NeuralCleanse requires an nn.Module, a Keras 3 model, ART's PyTorchClassifier, or a classifier with "
            f"gradients; got {type(classifier).__name__}."
        )


def check_clip_values(classifier: Any, clip_values: ClipValues) -> None:
    """Check that a range is given only for a model that does not state one.

    Raises:
        SettingsError: the model states its range.
    """
    if clip_values is not None and (is_module(classifier) or is_art(classifier)):
        raise SettingsError([f"clip_values must be omitted: {type(classifier).__name__} states the range of its rows."])


def is_art(classifier: Any) -> bool:
    """Return True for an instance of ART's `PyTorchClassifier`. This does not import ART."""
    names = [f"{each.__module__}.{each.__name__}" for each in type(classifier).__mro__]
    return "art.estimators.classification.pytorch.PyTorchClassifier" in names


def lacks_input_shape(wrapped: Any) -> bool:
    """Return True if a model does not state its input shape."""
    return isinstance(wrapped, nn.Module) and not is_keras(wrapped)


def has_channels_last(wrapped: Any) -> bool:
    """Return True if a model takes images with their channels last.

    Raises:
        SettingsError: the order of the channels of a Keras model is ambiguous.
    """
    if is_art(wrapped):
        return len(wrapped.input_shape) == IMAGE_AXES and not wrapped.channels_first
    if not is_keras(wrapped) or len(wrapped.input_shape) != IMAGE_AXES + 1:
        return False
    order = channels_of(wrapped)
    if order is None:
        raise SettingsError([ambiguous(tuple(wrapped.input_shape[1:]))])
    return order == "last"


def to_classifier(wrapped: Any, clip_values: ClipValues = None) -> ModuleClassifier:
    """Return a model that states its input shape as a classifier of antivenom. The model is copied.

    Args:
        wrapped: the model.
        clip_values: the range of the rows of a Keras model; (0, 1) if omitted.

    Raises:
        CapabilityError: the model is one of ART with defences.
        SettingsError: the input shape is open or ambiguous, or the number of classes is not the stated one.
    """
    if is_module(wrapped):
        return wrapped.copy()
    last = has_channels_last(wrapped)
    stated = tuple(wrapped.input_shape[1:] if is_keras(wrapped) else wrapped.input_shape)
    if None in stated:
        raise SettingsError(
            [f"The Keras model takes rows of any size, {stated}. Convert it with a fixed shape by as_classifier."]
        )
    shape, channels = (turned(stated), "last") if last else (stated, "first")
    if is_keras(wrapped):
        return wrap_model(wrapped, input_shape=shape, bounds=clip_values or UNIT)
    if wrapped.preprocessing_defences or wrapped.postprocessing_defences:
        raise CapabilityError(
            "NeuralCleanse does not support ART's preprocessing and postprocessing defences. Remove them."
        )
    clip = wrapped.clip_values
    bounds = UNIT if clip is None else (float(np.min(clip[0])), float(np.max(clip[1])))
    scale = wrapped.preprocessing
    mean, std = (None, None) if scale is None else (_plain(scale.mean), _plain(scale.std))
    classifier = wrap_model(wrapped.model, input_shape=shape, channels=channels, bounds=bounds, mean=mean, std=std)
    if classifier.classes != wrapped.nb_classes:
        raise SettingsError(
            [f"nb_classes is {wrapped.nb_classes}, but the model returns {classifier.classes} scores. Correct one."]
        )
    return classifier


def wrap_model(model: Any, **settings: Any) -> ModuleClassifier:
    """Return a model as a classifier. Its outputs may be logits or probabilities."""
    try:
        classifier = as_classifier(model, **settings)
    except ProbabilityOutputsError:
        classifier = as_classifier(model, outputs="probabilities", **settings)
    return as_module(classifier, by="NeuralCleanse")


def _plain(value: Any) -> float | tuple[float, ...]:
    """Return an array as a number, if it has one element, or as a tuple of numbers."""
    class_numbers = np.asarray(value, dtype=np.float64).ravel()
    return float(class_numbers[0]) if len(class_numbers) == 1 else tuple(map(float, class_numbers))


def class_numbers(y: Array, classes: int) -> NDArray[np.int64]:
    """Return class numbers (n) from class numbers (n) or (n, 1), or from one-hot labels (n, classes).

    Raises:
        DataError: the labels have another shape, are not whole numbers, or are not one-hot.
    """
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == classes and classes > 1:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(1) == 1).all()):
            raise DataError("One-hot labels must have one 1 and otherwise 0 in each row. Pass class numbers instead.")
        return np.asarray(labels.argmax(1), np.int64)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"Labels must be class numbers (n) or one-hot (n, {classes}); got shape {labels.shape}.")
    if labels.dtype.kind not in "buif" or not np.array_equal(labels, np.floor(labels)):
        raise DataError(f"Labels must be whole numbers from 0 to {classes - 1}; got other values ({labels.dtype}).")
    return labels.astype(np.int64)
