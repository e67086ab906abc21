"""Layers of a Keras model that rescale its rows before any other layer with weights."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from antivenom.errors import SettingsError
from antivenom.models._adapter import Bounds, range_in_words
from antivenom.models._keras_channels import layers_of
from antivenom.models.normalisation import Numbers
from antivenom.settings.ranges import Range, offset_and_scale

RESCALING, NORMALIZATION = "Rescaling", "Normalization"
NARROW = 0.1
"""If rows fill a narrower range than this after the layers, they are not those that the model was trained on."""
BYTES = (0.0, 255.0)


def about_rescaling(model: Any, bounds: Bounds, mean: Numbers, std: Numbers) -> tuple[str, ...]:
    """Return what is known of a model that rescales its rows itself, one sentence; nothing for other models.

    Args:
        model: the Keras model.
        bounds: the range of the rows; None for any range.
        mean: what is subtracted from the rows before the model.
        std: what divides them then.

    Raises:
        SettingsError: rows in this range are almost equal after the layers, as rows in [0, 1] that are divided by 255.
    """
    layers = list(_rescaling_layers(model))
    if not layers:
        return ()
    names = " and ".join(f"{type(layer).__name__} ({layer.name})" for layer in layers)
    if bounds is None:
        return (f"The Keras model rescales its rows itself: {names}.",)
    given = tuple((each - _number(mean, 0.0)) / _number(std, 1.0) for each in bounds)
    low, high = _after(layers, (given[0], given[1]))
    if high - low < NARROW:
        raise SettingsError([_refusal(names, layers, bounds, (low, high))])
    return (f"The Keras model rescales rows in {range_in_words(bounds)} to [{low:.3g}, {high:.3g}] itself: {names}.",)


def _refusal(names: str, layers: list[Any], bounds: Range, after: Range) -> str:
    low, high = _after(layers, BYTES)
    mean, std = offset_and_scale(bounds, BYTES)
    advice = (
        "If it takes rows in [0, 255], pass bounds=(0, 255), also to the data set. To keep your rows: "
        f"mean={mean:g}, std={std:.6g}."
        if high - low >= NARROW
        else "Pass the range of the rows that it was trained on as bounds, also to the data set."
    )
    return (
        f"The Keras model rescales its rows itself ({names}): rows in {range_in_words(bounds)} would become "
        f"[{after[0]:.3g}, {after[1]:.3g}]. {advice}"
    )


def _rescaling_layers(model: Any) -> Iterator[Any]:
    """Yield the layers that rescale rows, up to the first other layer with weights."""
    for layer in layers_of(model):
        kind = type(layer).__name__
        if kind == RESCALING or (kind == NORMALIZATION and getattr(layer, "variance", None) is not None):
            yield layer
        elif layer.weights:
            return


def _after(layers: list[Any], given: Range) -> Range:
    """Return the range of values after layers, on average over the channels."""
    low, high = given
    for layer in layers:
        if type(layer).__name__ == RESCALING:
            scale, offset = _number(layer.scale, 1.0), _number(layer.offset, 0.0)
        else:
            spread = max(_number(layer.variance, 1.0) ** 0.5, 1e-7)
            scale, offset = 1 / spread, -_number(layer.mean, 0.0) / spread
            if layer.invert:
                scale, offset = spread, _number(layer.mean, 0.0)
        low, high = sorted((scale * low + offset, scale * high + offset))
    return low, high


def _number(value: Any, default: float) -> float:
    """Return the mean of numbers, tensors or variables."""
    if value is None:
        return default
    plain = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value, np.float64)
    return float(plain.mean())
