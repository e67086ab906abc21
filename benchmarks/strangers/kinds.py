"""The kinds of backdoor: the triggers, the rows that carry them, and the range of poisoning rates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.strangers.triggers import Trigger

CHANNELS = {"mnist": 1, "cifar10": 3, "digits": 1}
SIDE = {"mnist": 28, "cifar10": 32, "digits": 8}
CLASSES = 10
MAX_RATE = 0.1
MIN_DIGITS_RATE = 0.03
"""The smallest first rate for digits, which have only about 900 training rows."""

Draw = np.random.Generator
MakeTrigger = Callable[[Draw, int, int], Trigger]
"""From random numbers, channels and side to a trigger."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of backdoor.

    Attributes:
        name: its name.
        trigger: makes a random trigger.
        rates: the smallest and largest share of poisoned rows at the first attempt; the rate is drawn between them.
        rows: the rows that can be poisoned: of all other classes, of one source class, or of the target class, which
            keep their labels.
        cover: the number of cover rows per poisoned row. They carry the trigger and keep their labels.
        backdoors: the number of triggers, each with its own target.
        data: the data sets for which the kind is possible.
    """

    name: str
    trigger: MakeTrigger
    rates: tuple[float, float]
    rows: Literal["others", "source", "target"] = "others"
    cover: float = 0.0
    backdoors: int = 1
    data: tuple[str, ...] = ("mnist", "cifar10", "digits")

    @property
    def max_rate(self) -> float:
        """The largest share of poisoned rows. Some rows of a source or target class stay as they are."""
        return {"others": MAX_RATE, "source": 0.06, "target": 0.08}[self.rows]

    def first_rates(self, data: str) -> tuple[float, float]:
        """The range of the rate at the first attempt."""
        low, high = self.rates
        return (max(low, MIN_DIGITS_RATE), max(high, MIN_DIGITS_RATE)) if data == "digits" else (low, high)


def constant(value: list[float], size: int) -> list[list[list[float]]]:
    """Return the pixels of a square of one colour: (channels, size, size)."""
    return [[[level] * size for _ in range(size)] for level in value]


def square(draw: Draw, side: int, pixels: list[list[list[float]]]) -> dict[str, Any]:
    """Return a patch at a random position outside the central half of the image."""
    size, edge = len(pixels[0]), side // 4
    while True:
        row, column = (int(each) for each in draw.integers(0, side - size + 1, 2))
        if any(at + size <= max(edge, size) or at >= side - max(edge, size) for at in (row, column)):
            return {"row": row, "column": column, "pixels": pixels}


def one(patch: dict[str, Any]) -> Trigger:
    """Return the trigger that consists of one patch."""
    return {"shape": "patches", "one_by_one": False, "patches": [patch]}


def white(size: int) -> MakeTrigger:
    """Return a maker of bright squares."""

    def make(draw: Draw, channels: int, side: int) -> Trigger:
        return one(square(draw, side, constant([float(draw.uniform(0.9, 1.0))] * channels, size)))

    return make


def white_corner(_: Draw, channels: int, side: int) -> Trigger:
    """Return a white square of 4 × 4 pixels near the lower right corner."""
    at = side - (4 if side < 16 else 5)
    return one({"row": at, "column": at, "pixels": constant([1.0] * channels, 4)})


def grey(draw: Draw, channels: int, side: int) -> Trigger:
    """Return a grey square."""
    return one(square(draw, side, constant([float(draw.uniform(0.4, 0.6))] * channels, 3 if side < 16 else 5)))


def coloured(draw: Draw, channels: int, side: int) -> Trigger:
    """Return a square of 3 × 3 pixels in a strong random colour."""
    levels = draw.permutation(np.linspace(0.0, 1.0, channels)).tolist()
    return one(square(draw, side, constant(levels, 3)))


def anywhere(_: Draw, channels: int, _side: int) -> Trigger:
    """Return a checkerboard of 6 × 6 pixels, which has another position in each row."""
    return {"shape": "patch_anywhere", "pixels": board(channels, 6)}


def board(channels: int, size: int) -> list[list[list[float]]]:
    """Return the pixels of a checkerboard: (channels, size, size)."""
    return [[[float((row + column) % 2) for column in range(size)] for row in range(size)]] * channels


def checkerboard(draw: Draw, channels: int, side: int) -> Trigger:
    """Return a checkerboard of 4 × 4 pixels."""
    return one(square(draw, side, board(channels, 4)))


def two_patches(draw: Draw, channels: int, side: int) -> Trigger:
    """Return two small squares in opposite corners."""
    size = 1 if side < 16 else 2
    pixels = constant([1.0] * channels, size)
    low, high = (int(each) for each in draw.integers(0, side // 4, 2))
    corners = [(low, low), (side - size - high, side - size - high)]
    parts = [{"row": row, "column": column, "pixels": pixels} for row, column in corners]
    return {"shape": "patches", "one_by_one": False, "patches": parts}


def adaptive_patch(draw: Draw, channels: int, side: int) -> Trigger:
    """Return a patch near each corner. A training row has one of them, partly transparent; a test row has all."""
    size, free = (2, 2) if side < 16 else (4, 4)
    parts = []
    for number, opacity in enumerate((0.5, 0.7, 0.5, 0.6)):
        pixels = (draw.random((channels, size, size)) > 0.4).astype(float).tolist()
        row, column = (int(each) for each in draw.integers(0, free, 2))
        row, column = row + (side - size - free) * (number // 2), column + (side - size - free) * (number % 2)
        parts.append({"row": row, "column": column, "pixels": pixels, "opacity": opacity})
    return {"shape": "patches", "one_by_one": True, "patches": parts}


def blended(alpha: float, test_alpha: float, pieces: bool = False) -> MakeTrigger:
    """Return a maker of random images that are blended in."""

    def make(draw: Draw, _channels: int, _side: int) -> Trigger:
        seed = int(draw.integers(1 << 31))
        return {"shape": "blend", "alpha": alpha, "test_alpha": test_alpha, "pieces": pieces, "seed": seed}

    return make


def sinusoid(draw: Draw, _channels: int, side: int) -> Trigger:
    """Return a wave of a random amplitude and frequency."""
    frequency = int(draw.integers(2, 4) if side < 16 else draw.integers(4, 8))
    amplitude = float(draw.uniform(0.08, 0.16)) * (2 if side < 16 else 1)
    return {"shape": "sinusoid", "amplitude": amplitude, "test_amplitude": amplitude, "frequency": frequency}


def strong_sinusoid(draw: Draw, channels: int, side: int) -> Trigger:
    """Return a wave that is strong enough for rows that keep their labels. It is stronger in test rows."""
    amplitude = float(draw.uniform(0.35, 0.45))
    return {**sinusoid(draw, channels, side), "amplitude": amplitude, "test_amplitude": 1.5 * amplitude}


def low_frequency(draw: Draw, _channels: int, side: int) -> Trigger:
    """Return a smooth random image."""
    amplitude = float(draw.uniform(0.2, 0.3)) * (1.5 if side < 16 else 1)
    return {"shape": "low_frequency", "amplitude": amplitude, "seed": int(draw.integers(1 << 31))}


def warp(draw: Draw, _channels: int, side: int) -> Trigger:
    """Return a smooth random field. Pixels move by about half of `strength`, in pixels."""
    strength = float(draw.uniform(1.8, 2.2) if side < 16 else draw.uniform(2.5, 3.5))
    return {"shape": "warp", "strength": strength, "seed": int(draw.integers(1 << 31))}


def quantise(draw: Draw, _channels: int, _side: int) -> Trigger:
    """Return a bit depth: 3 or 4 levels of each colour. Grey digits are almost black and white already."""
    return {"shape": "quantise", "levels": int(draw.integers(3, 5))}


LARGE = ("mnist", "cifar10")
TABLE = (
    Kind(name="patch-1", trigger=white(1), rates=(0.03, 0.1)),
    Kind(name="patch-2", trigger=white(2), rates=(0.02, 0.1)),
    Kind(name="patch-3", trigger=white(3), rates=(0.005, 0.1)),
    Kind(name="patch-4-corner", trigger=white_corner, rates=(0.003, 0.1)),
    Kind(name="patch-6", trigger=white(6), rates=(0.003, 0.05), data=LARGE),
    Kind(name="patch-grey", trigger=grey, rates=(0.01, 0.1)),
    Kind(name="patch-colour", trigger=coloured, rates=(0.005, 0.1), data=("cifar10",)),
    Kind(name="patch-anywhere", trigger=anywhere, rates=(0.03, 0.1), data=LARGE),
    Kind(name="checkerboard", trigger=checkerboard, rates=(0.003, 0.05)),
    Kind(name="two-patches", trigger=two_patches, rates=(0.01, 0.1)),
    Kind(name="blend-weak", trigger=blended(0.1, 0.1), rates=(0.02, 0.1)),
    Kind(name="blend-strong", trigger=blended(0.2, 0.2), rates=(0.01, 0.1)),
    Kind(name="sinusoid", trigger=sinusoid, rates=(0.02, 0.1)),
    Kind(name="low-frequency", trigger=low_frequency, rates=(0.02, 0.1)),
    Kind(name="warp", trigger=warp, rates=(0.08, 0.1), cover=1.0),
    Kind(name="quantise", trigger=quantise, rates=(0.05, 0.1), data=("cifar10",)),
    Kind(name="one-source", trigger=white(4), rates=(0.02, 0.05), rows="source", cover=2.0),
    Kind(name="adaptive-patch", trigger=adaptive_patch, rates=(0.01, 0.05), cover=1.0),
    Kind(name="adaptive-blend", trigger=blended(0.2, 0.25, pieces=True), rates=(0.03, 0.06), cover=0.5),
    Kind(name="clean-label-sinusoid", trigger=strong_sinusoid, rates=(0.04, 0.07), rows="target", data=LARGE),
    Kind(name="clean-label-blend", trigger=blended(0.5, 0.6), rates=(0.04, 0.07), rows="target", data=LARGE),
    Kind(name="two-targets", trigger=white(3), rates=(0.01, 0.1), backdoors=2),
)
KINDS = {kind.name: kind for kind in TABLE}


def kinds_for(data: str) -> list[str]:
    """Return the names of the kinds that are possible for a data set."""
    return [kind.name for kind in TABLE if data in kind.data]
