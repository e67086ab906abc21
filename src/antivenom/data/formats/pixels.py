"""Convert opened images of every kind of pixel to grey or RGB: depth, palettes, transparency, orientation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from antivenom.data.formats.colour_profiles import NEITHER, to_srgb
from antivenom.data.formats.findings import WHITE_16, Findings
from antivenom.errors import DataError

Mode = Literal["rgb", "grey"]
Background = Literal["black", "white"]

ORIENTATION = 0x0112
"""The number of the EXIF tag with the orientation of the camera."""

TURNED = range(2, 9)
"""The orientations that differ from the stored pixels."""

EXIF_KEYS = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type APP1")
"""The names of the information of an image in which Pillow looks for the orientation."""

SAMPLES_PER_PIXEL, PHOTOMETRIC = 277, 262
"""The numbers of the TIFF tags with the number of channels, and with the meaning of 0 (0 is white, 1 is black)."""

WHITE_8 = 255

USUAL = 99
"""The percentage of the values of an image in colour with 16 bits that must not all be dark."""

MOST_LOST, MOST_LOST_WHOLE = 1e-4, 1e-3
"""The largest difference to 8 bits that rounding explains for fractions and for whole numbers, in levels of grey."""


@dataclass(frozen=True)
class Pixels:
    """The conversion of an image to grey or RGB with 8 bits, or to grey fractions if it has more different values.

    Args:
        mode: `rgb` or `grey`; None for grey if the image is grey, and for RGB otherwise.
        background: the colour behind transparent pixels; None to refuse images that have them.
        white: the value of white in images with more than 8 bits per pixel; None to infer it.
    """

    mode: Mode | None = "rgb"
    background: Background | None = None
    white: float | None = None

    def convert(self, image: Image.Image, where: str, findings: Findings) -> Image.Image:
        """Return an image of the mode `L` or `RGB`, and count in `findings` what was found.

        Grey images with values that 8 bits cannot hold get the mode `F`, from 0 to 1.

        Raises:
            DataError: white is unknown, pixels are transparent without a background, or there are other channels.
        """
        deep_colour = _has_deep_colours(image)  # decoding forgets it
        if getattr(image, "is_animated", False):
            findings.add("frames")
        self._check_channels(image, where)
        orientation, turned = _orientation(image)
        plain = self._flat(self._scaled(image, where, findings), where, findings)
        plain = _in_srgb(image, plain, findings)
        if deep_colour:
            self._check_deep_colours(plain, where, findings)
        if turned:
            findings.add("orientation")
            plain = _turned(plain, orientation)
        if self.mode == "rgb":
            findings.add("colour" if plain.mode == "RGB" else "grey")
        wanted = {"rgb": "RGB", "grey": "L", None: "L" if plain.mode in ("1", "L") else "RGB"}[self.mode]
        return plain if plain.mode in (wanted, "F") else plain.convert(wanted)

    def _check_channels(self, image: Image.Image, where: str) -> None:
        """Refuse TIFF files with channels that are neither colours nor transparency."""
        tags: Any = getattr(image, "tag_v2", {})
        channels = int(tags.get(SAMPLES_PER_PIXEL, 1))
        if channels > len(image.getbands()):
            bands = len(image.getbands())
            raise DataError(f"{where} has {channels} channels, of which {bands} are colours. Save it as RGB or grey.")

    def _scaled(self, image: Image.Image, where: str, findings: Findings) -> Image.Image:
        """Return the image with 8 bits per channel, or as fractions from 0 to 1 if 8 bits would lose values."""
        if not (image.mode in ("I", "F") or image.mode.startswith("I;16")):
            return image
        if "transparency" in image.info:
            raise DataError(f"{where} has transparent pixels and 16 bits. Save it with 8 bits, or without them.")
        tags: Any = getattr(image, "tag_v2", {})
        if tags.get(PHOTOMETRIC, 1) == 0:
            raise DataError(f"{where} is a TIFF in which 0 is white, with more than 8 bits. Save it with 0 as black.")
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise DataError(f"{where} must contain finite numbers; got NaN or infinity.")
        low, high = float(values.min()), float(values.max())
        white = self.white
        if white is None:
            white = _white(image, values, low, high, where)
            seen = WHITE_16 if _is_scaled(image) else high
            black = high == 0 and image.mode in ("I", "F")  # the range of other modes is known
            findings.add(
                "black" if black else {WHITE_8: "scale255", WHITE_16: "scale16", 1: "scale1"}[int(white)], seen
            )
        elif not 0 <= low <= high <= white:
            raise DataError(f"{where} must be within 0 and white={white:g}; got {low:g} to {high:g}. Set white.")
        plain = _levels(values, white)
        if plain.dtype != np.uint8:
            findings.add("deep")
        return Image.fromarray(plain)

    def _flat(self, image: Image.Image, where: str, findings: Findings) -> Image.Image:
        """Return the image as `L` or `RGB`, without palette, transparency and other colour spaces."""
        if image.has_transparency_data:
            image = self._composited(image, where, findings)
        if image.mode == "CMYK":
            findings.add("cmyk")
        if image.mode == "LAB":
            findings.add("lab")
            return _from_lab(image)
        return image if image.mode in ("L", "RGB", "F") else image.convert("L" if image.mode == "1" else "RGB")

    def _composited(self, image: Image.Image, where: str, findings: Findings) -> Image.Image:
        """Return the image in front of the background."""
        plain = "L" if image.mode in ("L", "LA", "La", "1") else "RGB"
        whole = image.convert("RGBA")
        alpha = whole.getchannel("A")
        if alpha.getextrema() == (255, 255):
            return whole.convert("RGB").convert(plain)
        if self.background is None:
            raise DataError(
                f"{where} has transparent pixels. Set background to black or white, the colour behind them."
            )
        findings.add("background")
        behind = Image.new("RGBA", whole.size, self.background)
        return Image.alpha_composite(behind, whole).convert("RGB").convert(plain)

    def _check_deep_colours(self, plain: Image.Image, where: str, findings: Findings) -> None:
        if self.white is not None:
            raise DataError(
                f"{where} is in colour with 16 bits. white={self.white:g} can only be used for grey images."
            )
        usual, high = np.percentile(np.asarray(plain), (USUAL, 100)) * (WHITE_16 / WHITE_8)
        findings.add("colour16", float(high))
        findings.add("dark16", float(usual))


def _levels(values: NDArray[Any], white: float) -> NDArray[Any]:
    """Return grey values with 8 bits if these can hold them, otherwise as fractions from 0 to 1, of float32.

    >>> _levels(np.array([0, 257, 65535]), 65535), _levels(np.array([0, 1, 4]), 4)
    (array([  0,   1, 255], dtype=uint8), array([0.  , 0.25, 1.  ], dtype=float32))
    """
    kind = np.float32 if values.dtype == np.float32 or white <= WHITE_16 else np.float64  # exact, and small
    scaled = np.multiply(values, WHITE_8 / white, dtype=kind)
    levels: NDArray[Any] = np.rint(scaled)
    whole = values.dtype.kind in "ui" or bool((values == np.rint(values)).all())
    most_lost = min(MOST_LOST_WHOLE, WHITE_8 / white / 4) if whole else MOST_LOST
    if np.abs(scaled - levels).max() <= most_lost:
        return levels.astype(np.uint8)
    fractions: NDArray[Any] = (scaled / WHITE_8).clip(0, 1)
    return fractions.astype(np.float32)


def _white(image: Image.Image, values: NDArray[Any], low: float, high: float, where: str) -> float:
    """Return the value of white, from the type of an image and from its values.

    Raises:
        DataError: no usual range contains the values, or several do.
    """
    advice = "Set white to the value of white, and save values below 0 in another way."
    if image.mode.startswith("I;16") or _is_scaled(image):
        return WHITE_16
    whole = bool((values == np.rint(values)).all())
    if low >= 0 and image.mode == "F" and high <= 1:
        return 1
    if low >= 0 and whole and (high > 1 or high == 0) and high <= WHITE_8:
        return WHITE_8
    if low >= 0 and image.mode == "I" and 1 < high <= WHITE_16:
        return WHITE_16
    kind = "fractions" if not whole else "whole numbers"
    raise DataError(f"{where} has {kind} from {low:g} to {high:g}, so the value of white is unknown. {advice}")


def _is_scaled(image: Image.Image) -> bool:
    """Return True for PPM files of whole numbers: they say what white is, and Pillow scales it to 65535."""
    return image.format == "PPM" and image.mode == "I"


def _has_deep_colours(image: Image.Image) -> bool:
    """Return True if a colour image has 16 bits per channel, of which Pillow keeps the upper 8 bits."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return False
    return any(";16" in str(tile[3]) for tile in _tiles(image)) and image.format != "PPM"


def _tiles(image: Image.Image) -> Iterator[Any]:
    yield from getattr(image, "tile", None) or ()


def _orientation(image: Image.Image) -> tuple[int, bool]:
    """Return the EXIF orientation of the loaded image, from 1 (as shown) to 8, and whether the file has another one."""
    tiff = hasattr(image, "tag_v2")
    stored = image.getexif().get(ORIENTATION, 1) if tiff else 1  # Pillow turns TIFF files itself
    image.load()  # some formats store the orientation after the pixels
    known = tiff or any(key in image.info for key in EXIF_KEYS)
    left = image.getexif().get(ORIENTATION, 1) if known else 1
    return (left if left in TURNED else 1), stored in TURNED or left in TURNED


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image as the camera was held."""
    image = image.copy()
    image.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(image)


def _in_srgb(image: Image.Image, plain: Image.Image, findings: Findings) -> Image.Image:
    """Return the pixels of an image in sRGB, from the colour profile of its file. CMYK and LAB have their own rules."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode in ("CMYK", "LAB"):
        return plain
    converted = to_srgb(plain, profile)
    if converted is NEITHER:
        findings.add("profile_unused")
    elif converted is not plain:
        findings.add("profile")
    return plain if isinstance(converted, str) else converted


def _from_lab(image: Image.Image) -> Image.Image:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, rgb, "LAB", "RGB"))
    assert converted is not None  # it is None only for a transform in place
    return converted
