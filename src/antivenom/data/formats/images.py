"""Encoded images to pixels: PNG, JPEG and their like, of any size to one size, in parallel."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from antivenom.data.dataset import OnProgress, no_op
from antivenom.data.memmap import empty_rows
from antivenom.errors import DataError
from antivenom.shapes import Rows

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
MAX_PIXELS = 50_000_000
"""An image of more pixels is refused before it is unpacked."""

CHUNK = 256
"""So many images are decoded by a thread at once: handing over each alone costs more than decoding a small one."""

Mode = Literal["rgb", "grey"]
Fit = Literal["stretch", "crop", "pad"]
_MODES = {"rgb": "RGB", "grey": "L"}


@dataclass(frozen=True)
class Canvas:
    """What every image is made into.

    Args:
        size: height and width; None where all images must have the first one's.
        mode: `rgb` or `grey`.
        fit: how an image of another shape comes to `size`: `stretch` it, `crop` the middle, or `pad` it with black.
    """

    size: tuple[int, int] | None = None
    mode: Mode = "rgb"
    fit: Fit = "stretch"

    def decode(self, content: bytes, where: str) -> NDArray[np.uint8]:
        """An encoded image's pixels (height, width) or (height, width, 3).

        Raises:
            DataError: no image, a damaged one, or one of too many pixels; the message says `where`.
        """
        try:
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                wide, high = image.size
                if wide * high > MAX_PIXELS:
                    raise DataError(f"{where} has {wide} × {high} pixels, more than {MAX_PIXELS}.")
                return self._pixels(image)
        except DataError:
            raise
        except Exception as error:  # Pillow raises whatever its decoders do
            raise DataError(f"{where} is no image, or a damaged one: {error or type(error).__name__}") from error

    def pixels(self, image: object, where: str) -> NDArray[np.uint8]:
        """An opened image's pixels (channels, height, width).

        Raises:
            DataError: it is no PIL image.
        """
        if not isinstance(image, Image.Image):
            raise DataError(f"{where} is no image; got {type(image).__name__}.")
        return _channels_first(self._pixels(image)).copy()

    def _pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(self._fitted(image.convert(_MODES[self.mode])))

    def _fitted(self, image: Image.Image) -> Image.Image:
        if self.size is None or image.size == self.size[::-1]:
            return image
        to = self.size[::-1]
        if self.fit == "stretch":
            return image.resize(to, Image.Resampling.BILINEAR)
        way = ImageOps.fit if self.fit == "crop" else ImageOps.pad
        return way(image, to, Image.Resampling.BILINEAR)


def decode_all(
    count: int, content: Callable[[int], tuple[bytes, str]], canvas: Canvas, on_progress: OnProgress = no_op
) -> Rows:
    """Many encoded images as one tensor (n, channels, height, width), uint8.

    Args:
        count: how many there are.
        content: the bytes of the i-th, and what to call it in a message; called from several threads.
        canvas: what each is made into.
        on_progress: told how many are done, of how many.

    Raises:
        DataError: one of them is damaged, or of another size than the first where no size is set.
    """
    if not count:
        raise DataError("There are no images.")
    first = canvas.decode(*content(0))
    images = empty_rows(count, _channels_first(first).shape)
    pixels = images.numpy()

    def work(start: int) -> int:
        stop = min(start + CHUNK, count)
        for index in range(start, stop):
            raw, where = content(index)
            decoded = canvas.decode(raw, where)
            if decoded.shape != first.shape:
                raise DataError(
                    f"{where} has {_size(decoded)} pixels, the first image {_size(first)}. "
                    f"Set a size, to which all are brought."
                )
            pixels[index] = _channels_first(decoded)
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
    return images


def encode(row: Tensor) -> bytes:
    """A row (1 or 3 or 4, height, width) of uint8 as a PNG, which keeps every pixel."""
    array = row.permute(1, 2, 0).numpy() if len(row) > 1 else row[0].numpy()
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(stream, "PNG")
    return stream.getvalue()


def is_image(name: str) -> bool:
    """Whether a file's name says that it is an image."""
    return name.lower().endswith(SUFFIXES)


def _channels_first(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _size(array: NDArray[np.uint8]) -> str:
    return f"{array.shape[0]} × {array.shape[1]}"
