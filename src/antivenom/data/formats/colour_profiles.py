"""Convert images with a colour profile to sRGB."""

from functools import lru_cache
from io import BytesIO
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageCms

NEITHER: Literal["neither"] = "neither"
"""The result for a profile that cannot be applied: it is damaged, or for other channels than those of the image."""

LARGEST_DIFFERENCE = 2
"""A profile whose colours differ by at most this from sRGB, of 255, is sRGB: its copies differ by rounding."""

LEVELS = np.linspace(0, 255, 6).round().astype(np.uint8)
PROBE = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), -1).reshape(1, -1, 3)
"""Colours by which a profile is compared with sRGB."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | Literal["neither"]:
    """Return an image in sRGB: the image itself if its profile is sRGB; `NEITHER` if the profile cannot be applied.

    Args:
        image: an image of the mode `RGB` or `L`.
        profile: the ICC profile of its file.

    >>> profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    >>> image = Image.new("RGB", (2, 2))
    >>> to_srgb(image, profile) is image
    True
    """
    transform = _transform(profile) if image.mode == "RGB" else NEITHER
    if transform is None:
        return image
    return NEITHER if transform is NEITHER else _applied(image, transform)


@lru_cache(maxsize=32)
def _transform(profile: bytes) -> Any:
    """Return the transform of a profile for RGB to sRGB; None if it is sRGB, `NEITHER` if there is none."""
    try:
        own, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(own, srgb, "RGB", "RGB")
    except (OSError, ImageCms.PyCMSError):
        return NEITHER
    changed = np.asarray(_applied(Image.fromarray(PROBE), transform)).astype(int)
    return None if np.abs(changed - PROBE).max() <= LARGEST_DIFFERENCE else transform


def _applied(image: Image.Image, transform: Any) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # it is None only for a transform in place
    return converted
