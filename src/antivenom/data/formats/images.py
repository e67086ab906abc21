"""Decode images (PNG, JPEG and others) in parallel, and bring them to one size."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from antivenom.data.formats.findings import Findings
from antivenom.data.formats.pixels import Background, Mode, Pixels
from antivenom.data.memmap import empty_rows
from antivenom.data.progress import OnProgress, no_op
from antivenom.errors import DataError
from antivenom.shapes import Rows

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
SUFFIXES = tuple(
    f".{name}"
    for name in [
        "png",
        "apng",
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "bmp",
        "dib",
        "gif",
        "pbm",
        "pgm",
        "pnm",
        "ppm",
        "tif",
        "tiff",
        "webp",
    ]
)
MAX_PIXELS = 50_000_000
"""The largest number of pixels of an image. A larger image is refused before it is decoded."""

WHITE = 255
"""The value of white in images of uint8."""

CHUNK = 256
"""Images per task of a thread. A task for each image would cost more than the decoding of a small image."""

Fit = Literal["stretch", "crop", "pad"]


@dataclass(frozen=True)
class Canvas:
    """The format that every image is converted to.

    Args:
        size: (height, width); None if all images must have the size of the first one.
        mode: `rgb` or `grey`; None to keep grey images grey, and to convert all others to RGB.
        fit: how an image gets the shape `size`: `stretch` it, `crop` the middle, or `pad` it with black.
        background: the colour behind transparent pixels; None to refuse images that have them.
        white: the value of white in images with more than 8 bits per pixel; None to infer it.
    """

    size: tuple[int, int] | None = None
    mode: Mode | None = "rgb"
    fit: Fit = "stretch"
    background: Background | None = None
    white: float | None = None

    def decode(self, content: bytes, where: str, findings: Findings) -> NDArray[Any]:
        """Return the pixels (height, width) or (height, width, 3) of an encoded image.

        They are uint8, or float32 from 0 to 1 if 8 bits cannot hold the values of a grey image.

        Args:
            content: the encoded image.
            where: the name of the image for messages.
            findings: counts what was found, such as transparent pixels.

        Raises:
            DataError: it is not an image, is damaged, has too many pixels, or `Pixels` refuses it.
        """
        if not content:
            raise DataError(f"{where} is empty: it has 0 bytes. Remove it, or save it again.")
        try:
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                wide, high = image.size
                if wide * high > MAX_PIXELS:
                    raise DataError(f"{where} must have at most {MAX_PIXELS} pixels; got {wide} × {high}.")
                return self._pixels(image, where, findings)
        except DataError:
            raise
        except UnidentifiedImageError as error:
            known = ", ".join(FORMATS)
            raise DataError(f"{where} is not an image of the formats {known}, or its beginning is damaged.") from error
        except Exception as error:  # Pillow's decoders raise many types
            raise DataError(f"{where} is not an image, or is damaged: {error or type(error).__name__}") from error

    def pixels(self, image: object, where: str, findings: Findings) -> NDArray[Any]:
        """Return the pixels (channels, height, width) of an opened image.

        Raises:
            DataError: it is not a PIL image, or `Pixels` refuses it.
        """
        if not isinstance(image, Image.Image):
            raise DataError(f"{where} must be a PIL image; got {type(image).__name__}.")
        try:
            return _channels_first(self._pixels(image, where, findings)).copy()
        except DataError:
            raise
        except Exception as error:  # Pillow's decoders raise many types
            raise DataError(f"{where} cannot be converted: {error or type(error).__name__}") from error

    def _pixels(self, image: Image.Image, where: str, findings: Findings) -> NDArray[Any]:
        pixels = Pixels(self.mode, self.background, self.white)
        plain = np.asarray(self._fitted(pixels.convert(image, where, findings)))
        return np.stack([plain] * 3, axis=-1) if plain.dtype != np.uint8 and self.mode == "rgb" else plain

    def _fitted(self, image: Image.Image) -> Image.Image:
        if self.size is None or image.size == self.size[::-1]:
            return image
        to = self.size[::-1]
        if self.fit == "stretch":
            return image.resize(to, Image.Resampling.BILINEAR)
        if self.fit == "crop":
            return ImageOps.fit(image, to, Image.Resampling.BILINEAR)
        return _padded(image, to)


def _padded(image: Image.Image, to: tuple[int, int]) -> Image.Image:
    """Return the whole image in its shape, on black, in another size (width, height); no side has 0 pixels."""
    factor = min(new / old for new, old in zip(to, image.size, strict=True))
    width, height = (max(1, round(factor * old)) for old in image.size)
    framed = Image.new(image.mode, to)
    corner = (to[0] - width) // 2, (to[1] - height) // 2
    framed.paste(image.resize((width, height), Image.Resampling.BILINEAR), corner)
    return framed


def decode_all(
    count: int,
    content: Callable[[int], tuple[bytes, str]],
    canvas: Canvas,
    on_progress: OnProgress = no_op,
    findings: Findings | None = None,
) -> Rows:
    """Decode images to one tensor (n, channels, height, width): uint8, or float32 from 0 to 1 for deep grey images.

    Args:
        count: the number of images.
        content: returns the bytes of image i, and its name for messages; called from several threads.
        canvas: the format to convert to.
        on_progress: called with the number of decoded images and the number of all images.
        findings: counts what was found in the images, such as transparent pixels.

    Raises:
        DataError: an image is damaged or refused, or no size is set and the images have different sizes.
    """
    if not count:
        raise DataError("There must be at least one image; got none.")
    first = canvas.decode(*content(0), Findings())
    kind = torch.uint8 if first.dtype == np.uint8 else torch.float32
    try:
        images, seen = _decoded(count, content, canvas, on_progress, first, kind)
    except _DeeperError:
        images, seen = _decoded(count, content, canvas, on_progress, first, torch.float32)
    seen.assumptions()  # raises if the images have different ranges
    if findings is not None:
        findings.include(seen)
    return images


def alike(parts: Sequence[Rows]) -> list[Rows]:
    """Return images of one type: float32 from 0 to 1 if some of them are, otherwise uint8.

    >>> [part.tolist() for part in alike([torch.tensor([255], dtype=torch.uint8), torch.tensor([0.5])])]
    [[1.0], [0.5]]
    """
    deep = any(part.dtype != torch.uint8 for part in parts)
    return [part.to(torch.float32).div_(WHITE) if deep and part.dtype == torch.uint8 else part for part in parts]


class _DeeperError(Exception):
    """An image needs float32, but the rows are uint8."""


def _decoded(
    count: int,
    content: Callable[[int], tuple[bytes, str]],
    canvas: Canvas,
    on_progress: OnProgress,
    first: NDArray[Any],
    kind: torch.dtype,
) -> tuple[Rows, Findings]:
    """Return all images as rows of one type, and what was found in them."""
    seen, images = Findings(), empty_rows(count, _channels_first(first).shape, kind)
    pixels = images.numpy()

    def work(start: int) -> int:
        stop = min(start + CHUNK, count)
        for index in range(start, stop):
            raw, where = content(index)
            decoded = canvas.decode(raw, where, seen)
            if decoded.shape != first.shape:
                raise DataError(
                    f"{where} has {_size(decoded)} pixels; the first image has {_size(first)}. "
                    f"Set a size to resize all images."
                )
            if decoded.dtype != np.uint8 and pixels.dtype == np.uint8:
                raise _DeeperError
            scale = WHITE if decoded.dtype != pixels.dtype else 1
            pixels[index] = _channels_first(decoded if scale == 1 else decoded / np.float32(scale))
        return stop - start

    done = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            for finished in pool.map(work, range(0, count, CHUNK)):
                done += finished
                on_progress(done, count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return images, seen


def encode(row: Tensor) -> bytes:
    """Return the bytes of a lossless PNG of a uint8 row (channels, height, width) with 1, 3 or 4 channels."""
    array = row.permute(1, 2, 0).numpy() if len(row) > 1 else row[0].numpy()
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(stream, "PNG")
    return stream.getvalue()


def is_image(name: str) -> bool:
    """True if the file name ends like that of an image."""
    return name.lower().endswith(SUFFIXES)


def _channels_first(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[0]} × {array.shape[1]}"
