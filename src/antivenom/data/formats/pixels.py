"""Convert opened images of every kind of pixel to 8-bit grey or RGB: depth, palettes, transparency, orientation."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from antivenom.data.formats.colour_profiles import NEITHER, to_srgb
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

WHITE_8, WHITE_16 = 255, 65535
HALF_16 = 32768
"""16-bit images without any value from here on do not use their full range, so that white is unknown."""

SENTENCES = {
    "orientation": "{n} turned or mirrored, as the EXIF orientation of the camera says. Remove it to keep the pixels "
    "as they are stored.",
    "frames": "{n} from files with several frames or pages; only the first is read. Save others as files to use them.",
    "background": "{n} with transparent pixels, in front of the background that is set ('background').",
    "cmyk": "{n} in CMYK, converted to RGB without a colour profile. Convert them to RGB for exact colours.",
    "lab": "{n} in LAB, converted to sRGB for the white point D50. Convert them to RGB if this is wrong.",
    "profile": "{n} with a colour profile other than sRGB, converted to sRGB. Remove the profile to keep the numbers "
    "as they are stored.",
    "profile_unused": "{n} with a colour profile that cannot be applied, read as sRGB. Save them as sRGB, or remove "
    "the profile.",
    "colour16": "{n} in colour with 16 bits, of which the upper 8 bits are read, so 65535 is white. Save them with 8 "
    "bits if white has another value.",
    "scale16": "{n} with more than 8 bits, scaled so that 65535 is white (the largest value is {most:g}). Set white "
    "for another value.",
    "scale255": "{n} with more than 8 bits per pixel but values from 0 to 255, so 255 is white. Set white for another "
    "value.",
    "scale1": "{n} of fractions from 0 to 1, so 1 is white. Set white for another value.",
}
"""The sentence for each kind of finding, in the order of the sentences."""


@dataclass
class Findings:
    """Counts of unusual kinds of images in a data set. Threads may add at the same time, in any order."""

    counts: dict[str, int] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)

    def add(self, kind: str, value: float = 0.0) -> None:
        """Count an image of a kind. `value` is the largest number in it."""
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.most[kind] = max(self.most.get(kind, 0.0), value)

    def assumptions(self) -> tuple[str, ...]:
        """Return one sentence for each kind.

        Raises:
            DataError: images have different ranges, or no 16-bit image uses the range of 16 bits.

        >>> findings = Findings()
        >>> findings.add("frames")
        >>> findings.assumptions()
        ('1 image from files with several frames or pages; only the first is read. Save others as files to use them.',)
        """
        scales = [kind for kind in ("scale16", "scale255", "scale1") if kind in self.counts]
        if len(scales) > 1:
            shown = " ".join(self._sentence(kind) for kind in scales)
            raise DataError(f"The images have different ranges, so set white to the value of white in all. {shown}")
        for kind, name, advice in (
            ("scale16", "with more than 8 bits", "Set white, such as 4095 for 12 bits, or 65535 if they are dark."),
            ("colour16", "in colour with 16 bits", "Save them with 8 bits."),
        ):
            if 0 < self.most.get(kind, WHITE_16) < HALF_16:
                count = _count(self.counts[kind])
                raise DataError(
                    f"{count} {name} have no value above {self.most[kind]:g}, so white is unknown. {advice}"
                )
        return tuple(self._sentence(kind) for kind in SENTENCES if kind in self.counts)

    def _sentence(self, kind: str) -> str:
        return SENTENCES[kind].format(n=_count(self.counts[kind]), most=self.most[kind])


@dataclass(frozen=True)
class Pixels:
    """The conversion of an image to 8-bit grey or RGB.

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

        Raises:
            DataError: white is unknown, pixels are transparent without a background, or there are other channels.
        """
        deep_colour = _has_deep_colours(image)  # decoding forgets it
        if getattr(image, "is_animated", False):
            findings.add("frames")
        self._check_channels(image, where)
        orientation, turned = _orientation(image)
        plain = self._flat(self._eight_bits(image, where, findings), where, findings)
        plain = _in_srgb(image, plain, findings)
        if deep_colour:
            self._check_deep_colours(plain, where, findings)
        if turned:
            findings.add("orientation")
            plain = _turned(plain, orientation)
        wanted = {"rgb": "RGB", "grey": "L", None: "L" if plain.mode in ("1", "L") else "RGB"}[self.mode]
        return plain if plain.mode == wanted else plain.convert(wanted)

    def _check_channels(self, image: Image.Image, where: str) -> None:
        """Refuse TIFF files with channels that are neither colours nor transparency."""
        tags: Any = getattr(image, "tag_v2", {})
        channels = int(tags.get(SAMPLES_PER_PIXEL, 1))
        if channels > len(image.getbands()):
            bands = len(image.getbands())
            raise DataError(f"{where} has {channels} channels, of which {bands} are colours. Save it as RGB or grey.")

    def _eight_bits(self, image: Image.Image, where: str, findings: Findings) -> Image.Image:
        """Return the image with 8 bits per channel."""
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
            if high > 0:
                findings.add({WHITE_8: "scale255", WHITE_16: "scale16", 1: "scale1"}[int(white)], seen)
        elif not 0 <= low <= high <= white:
            raise DataError(f"{where} must be within 0 and white={white:g}; got {low:g} to {high:g}. Set white.")
        kind = np.float64 if image.mode == "I" else np.float32  # exact, and small for large images
        scaled = np.multiply(values, WHITE_8 / white, dtype=kind)
        return Image.fromarray(np.rint(scaled, out=scaled).astype(np.uint8))

    def _flat(self, image: Image.Image, where: str, findings: Findings) -> Image.Image:
        """Return the image as `L` or `RGB`, without palette, transparency and other colour spaces."""
        if image.has_transparency_data:
            image = self._composited(image, where, findings)
        if image.mode == "CMYK":
            findings.add("cmyk")
        if image.mode == "LAB":
            findings.add("lab")
            return _from_lab(image)
        return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")

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
        high = np.asarray(plain).max()
        findings.add("colour16", float(high) * (WHITE_16 / WHITE_8) if high else 0.0)


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


def _count(number: int) -> str:
    return f"{number:,} image{'s' if number != 1 else ''}"
