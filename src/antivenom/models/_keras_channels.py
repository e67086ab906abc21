"""The order of the channels that a Keras model takes: from its layers, or else from its input shape."""

from collections.abc import Iterator
from typing import Any

from antivenom.data.arrays import inferred_layout
from antivenom.errors import DataError, SettingsError
from antivenom.models.channels import IMAGE_AXES, Order, turned

ANY_SIZE = 97
"""Takes the place of a size that a model leaves open, to infer the order of its channels."""
REORDERING = ("Permute", "Reshape")
"""Layers after which the order of the channels is not that of the input."""


def channels_of(model: Any) -> Order | None:
    """Return the order of the channels of a Keras model; None if it does not take images or the order is ambiguous."""
    expected = tuple(getattr(model, "input_shape", ())[1:])
    if len(expected) != IMAGE_AXES:
        return None
    for layer in layers_of(model):
        if type(layer).__name__ in REORDERING:
            break
        stated = getattr(layer, "data_format", None)
        if stated in ("channels_first", "channels_last") and type(layer).__name__ != "Flatten":
            return "first" if stated == "channels_first" else "last"
    try:
        layout = inferred_layout((1, *(ANY_SIZE if size is None else size for size in expected)))
    except DataError:
        return None
    return "last" if layout == "last" else "first"


def channels_for(model: Any, shape: tuple[int, ...], given: Order | None = None) -> Order | None:
    """Return the order in which a Keras model takes rows of `shape`, which have their channels first.

    Args:
        model: the model.
        shape: the shape of one row.
        given: the order that the user states; None to infer it.

    Raises:
        SettingsError: the order is ambiguous, or the layers state one that does not fit the shape or `given`.
    """
    expected = tuple(getattr(model, "input_shape", ())[1:])
    if len(expected) != IMAGE_AXES or len(shape) != IMAGE_AXES:
        return None
    order = channels_of(model)
    shapes: dict[Order, tuple[Any, ...]] = {"first": expected, "last": turned(expected)}
    fitting = [each for each, wanted in shapes.items() if _fits(shape, wanted)]
    if given is not None and (known := order or (fitting[0] if len(fitting) == 1 else given)) != given:
        raise SettingsError([f"channels is {given!r}, but the Keras model takes channels {known}. Pass {known!r}."])
    order = order or given
    if order is None and len(fitting) > 1:
        raise SettingsError([ambiguous(expected)])
    if order is not None and fitting and order not in fitting:
        raise SettingsError(
            [
                f"Pass input_shape={_expected(shape, shapes[order])}, channels first; got {shape}."
                + (" antivenom turns the rows for this Keras model." if order == "last" else "")
            ]
        )
    return order if order in fitting else fitting[0] if fitting else order


def _expected(shape: tuple[int, ...], expected: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the shape to pass, channels first: that of the model, with the sizes of `shape` where it has none."""
    first = turned(shape)
    return first if _fits(first, expected) else expected


def ambiguous(expected: tuple[int | None, ...]) -> str:
    """Return the message about an input shape that does not tell where the channels are."""
    return (
        f"The Keras model takes rows of shape {expected}, and no layer states whether the channels are first or last. "
        "Pass channels='first' or channels='last' to as_classifier, or build it with a layer that has data_format."
    )


def _fits(shape: tuple[int, ...], wanted: tuple[Any, ...]) -> bool:
    return all(size is None or size == given for given, size in zip(shape, wanted, strict=True))


def layers_of(model: Any) -> Iterator[Any]:
    """Yield the layers of a model in order, and those of the models in it."""
    for layer in getattr(model, "layers", ()):
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer
