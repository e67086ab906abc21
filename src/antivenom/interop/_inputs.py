"""Conversion of the models and labels of ART users."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.errors import CapabilityError, DataError, ProbabilityOutputsError, SettingsError
from antivenom.interop._kinds import ClipValues, is_art_keras, is_art_torch
from antivenom.models import ModuleClassifier, as_classifier, as_module, is_module
from antivenom.models._keras_channels import ambiguous, channels_of
from antivenom.models.channels import IMAGE_AXES, Order, turned
from antivenom.models.keras import is_keras

Array = NDArray[Any]

UNIT = (0.0, 1.0)
"""The range of the rows of a model, if `clip_values` is omitted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KerasStatement:
    """A Keras model and what its user states about it, by the names of ART's `KerasClassifier`."""

    model: Any
    use_logits: bool = False
    channels_first: bool = False
    clip_values: Any = None
    preprocessing_defences: Any = None
    postprocessing_defences: Any = None
    preprocessing: Any = (0.0, 1.0)
    input_layer: int = 0
    output_layer: int = 0


def states_keras(wrapped: Any) -> bool:
    """Return True for a Keras model with statements about it: ART's `KerasClassifier`, or a `KerasStatement`."""
    return isinstance(wrapped, KerasStatement) or is_art_keras(wrapped)


def has_channels_last(wrapped: Any) -> bool:
    """Return True if a model takes images with their channels last.

    Raises:
        SettingsError: the order of the channels of a Keras model is ambiguous, or not the stated one.
    """
    if is_art_torch(wrapped):
        return len(wrapped.input_shape) == IMAGE_AXES and not wrapped.channels_first
    model = wrapped.model if states_keras(wrapped) else wrapped
    if not is_keras(model) or len(model.input_shape) != IMAGE_AXES + 1:
        return False
    order = channels_of(model)
    if not states_keras(wrapped):
        if order is None:
            raise SettingsError([ambiguous(tuple(model.input_shape[1:]))])
        return order == "last"
    stated: Order = "first" if wrapped.channels_first else "last"
    if order not in (None, stated):
        raise SettingsError(
            [
                f"channels_first is {wrapped.channels_first}, but the Keras model takes channels {order}. Pass "
                f"channels_first={not wrapped.channels_first}."
            ]
        )
    return stated == "last"


def to_classifier(wrapped: Any, clip_values: ClipValues = None) -> ModuleClassifier:
    """Return a model that states its input shape as a classifier of antivenom. The model is copied.

    Args:
        wrapped: the model.
        clip_values: the range of the rows of a Keras model; (0, 1) if omitted.

    Raises:
        CapabilityError: the model is one of ART with defences, or has several inputs or outputs.
        SettingsError: the input shape is open or ambiguous, or what ART states does not fit the model.
    """
    if is_module(wrapped):
        return wrapped.copy()
    last = has_channels_last(wrapped)
    if is_keras(wrapped):
        return wrap_model(wrapped, **_shape_of(wrapped.input_shape[1:], last), bounds=clip_values or UNIT)
    if wrapped.preprocessing_defences or wrapped.postprocessing_defences:
        raise CapabilityError(
            "NeuralCleanse does not support ART's preprocessing and postprocessing defences. Remove them."
        )
    stated = {"bounds": _range(wrapped.clip_values), **_scaling(wrapped.preprocessing)}
    if states_keras(wrapped):
        return _from_keras(wrapped, stated, last)
    classifier = wrap_model(wrapped.model, **_shape_of(wrapped.input_shape, last), **stated)
    if classifier.classes != wrapped.nb_classes:
        raise SettingsError(
            [f"nb_classes is {wrapped.nb_classes}, but the model returns {classifier.classes} scores. Correct one."]
        )
    return classifier


def _from_keras(wrapped: Any, stated: dict[str, Any], last: bool) -> ModuleClassifier:
    """Return a Keras model with statements about it as a classifier."""
    if wrapped.input_layer or wrapped.output_layer:
        raise CapabilityError(
            "NeuralCleanse supports one input and one output, input_layer=0 and output_layer=0; got "
            f"{wrapped.input_layer} and {wrapped.output_layer}. Make a Keras model of this input and this output."
        )
    if not is_keras(wrapped.model):
        raise CapabilityError(f"NeuralCleanse requires a Keras 3 model; got {type(wrapped.model).__name__}.")
    shape = _shape_of(wrapped.model.input_shape[1:], last)
    if not wrapped.use_logits:
        return wrap_model(wrapped.model, **shape, **stated)
    try:
        return as_module(as_classifier(wrapped.model, **shape, **stated), by="NeuralCleanse")
    except ProbabilityOutputsError as error:
        raise SettingsError(
            ["use_logits is True, but the model returns probabilities. Pass use_logits=False."]
        ) from error


def _shape_of(stated: tuple[int | None, ...], last: bool) -> dict[str, Any]:
    """Return the settings for rows of a shape that a model states.

    Raises:
        SettingsError: a size is open.
    """
    if None in stated:
        raise SettingsError(
            [f"The Keras model takes rows of any size, {stated}. Convert it with a fixed shape by as_classifier."]
        )
    sizes = tuple(size for size in stated if size is not None)
    shape = {"input_shape": turned(sizes) if last else sizes}
    return {**shape, "channels": "last" if last else "first"} if len(sizes) == IMAGE_AXES else shape


def _range(clip: Any) -> tuple[float, float]:
    return UNIT if clip is None else (float(np.min(clip[0])), float(np.max(clip[1])))


def _scaling(scale: Any) -> dict[str, Any]:
    """Return `mean` and `std` from ART's preprocessing; nothing if it does not change rows.

    Raises:
        CapabilityError: it is another preprocessing.
    """
    if scale is None:
        return {}
    mean, std = scale if isinstance(scale, tuple) else (getattr(scale, each, None) for each in ("mean", "std"))
    if mean is None or std is None:
        raise CapabilityError(
            f"NeuralCleanse supports preprocessing by a mean and a standard deviation; got {type(scale).__name__}."
        )
    numbers = {"mean": _plain(mean), "std": _plain(std)}
    return {} if numbers == {"mean": 0.0, "std": 1.0} else numbers


def wrap_model(model: Any, **settings: Any) -> ModuleClassifier:
    """Return a model as a classifier. Its outputs may be logits or probabilities."""
    try:
        classifier = as_classifier(model, **settings)
    except ProbabilityOutputsError:
        classifier = as_classifier(model, outputs="probabilities", **settings)
    return as_module(classifier, by="NeuralCleanse")


def _plain(value: Any) -> float | tuple[float, ...]:
    """Return an array as a number, if it has one element, or as a tuple of numbers."""
    flat = np.asarray(value, dtype=np.float64).ravel()
    return float(flat[0]) if len(flat) == 1 else tuple(map(float, flat))


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
