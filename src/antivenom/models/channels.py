"""The order of the channels that a model takes: images (n, channels, height, width), or with their channels last."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from antivenom.data.arrays import THIN, USUAL
from antivenom.errors import SettingsError

Order = Literal["first", "last"]
ORDERS = ("first", "last")
IMAGE_AXES = 3


def with_channels_last(x: Tensor) -> Tensor:
    """Return images (n, c, h, w) as (n, h, w, c), contiguous; rows of other shapes are not changed.

    >>> import torch
    >>> with_channels_last(torch.zeros(5, 3, 8, 6)).shape
    torch.Size([5, 8, 6, 3])
    """
    return x.movedim(1, -1).contiguous() if x.ndim == IMAGE_AXES + 1 else x


def turned(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a row with its last axis first.

    >>> turned((8, 6, 3))
    (3, 8, 6)
    """
    return (*shape[-1:], *shape[:-1])


def check_order(channels: object, shape: tuple[int, ...]) -> None:
    """Check the order of the channels, and that rows have channels if they are last.

    Raises:
        SettingsError: it is not "first" or "last", or rows are not images.

    >>> check_order("last", (4,))
    Traceback (most recent call last):
        ...
    antivenom.errors.SettingsError: channels='last' requires images, input_shape=(channels, height, width); got (4,).
    """
    if channels not in ORDERS:
        raise SettingsError([f"channels must be 'first' or 'last'; got {channels!r}."])
    if channels == "last" and len(shape) != IMAGE_AXES:
        raise SettingsError(
            [f"channels='last' requires images, input_shape=(channels, height, width); got {tuple(shape)}."]
        )


def looks_last(shape: tuple[int, ...]) -> bool:
    """True if the last of three sizes is a usual number of channels, and the others are those of an image.

    >>> looks_last((8, 8, 1)), looks_last((3, 8, 3))
    (True, False)
    """
    return len(shape) == IMAGE_AXES and shape[2] in USUAL and shape[0] not in USUAL and min(shape[:2]) > THIN


def check_shape(shape: tuple[int, ...]) -> None:
    """Check that a shape of one row does not look like (height, width, channels).

    Raises:
        SettingsError: it does.

    >>> check_shape((1, 8, 8))
    """
    if not looks_last(shape := tuple(shape)):
        return
    raise SettingsError(
        [
            f"input_shape is (channels, height, width); {shape} looks like (height, width, channels). Pass "
            f"input_shape={turned(shape)}, and channels='last' if the model takes (n, {', '.join(map(str, shape))}). "
            f"If rows have {shape[0]} channels, pass channels='first'."
        ]
    )


def advice_on_channels(
    shape: tuple[int, ...], channels: Order | None, accepts: Callable[[tuple[int, ...], Order], bool]
) -> str:
    """Return the setting with which a model accepts images that it refused; an empty text if there is none.

    Args:
        shape: the shape of one row that it refused.
        channels: the order of the channels that it refused.
        accepts: True if the model accepts rows of a shape in an order of channels.

    >>> advice_on_channels((3, 8, 8), "first", lambda shape, order: order == "last")
    "The channels can be last. Pass channels='last'."
    """
    if len(shape) == 2 and accepts((1, *shape), "first"):
        return f"input_shape is (channels, height, width) for images. Pass input_shape={(1, *shape)}."
    if len(shape) != IMAGE_AXES or channels is None:
        return ""
    other: Order = "last" if channels == "first" else "first"
    right = turned(shape)
    tried: list[tuple[tuple[int, ...], Order]] = [(shape, other), (right, channels), (right, other)]
    if looks_last(shape):
        tried = [*tried[1:], tried[0]]
    accepted = next(((size, order) for size, order in tried if accepts(size, order)), None)
    if accepted is None:
        return ""
    size, order = accepted
    setting = "" if order == channels else f"channels={order!r}"
    if size == shape:
        return f"The channels can be {order}. Pass {setting}."
    settings = " and ".join(filter(None, (f"input_shape={size}", setting)))
    return f"input_shape is (channels, height, width). Pass {settings}."
