"""Counts of unusual images in a data set, and one sentence about each kind."""

import threading
from dataclasses import dataclass, field
from typing import Any

from antivenom.errors import DataError

WHITE_16 = 65535
HALF_16 = 32768
"""16-bit images without any value from here on do not use their full range, so that white is unknown."""

DARK_16 = 2048
"""Below this, 8 bits keep 8 levels of 16 bits."""

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
    "deep": "{n} with values that 8 bits cannot hold, so the rows are float32 from 0 to 1, with 4 times the memory of "
    "uint8. Save them with 8 bits for rows of uint8.",
    "grey": "{n} in grey, and none in colour, so the three channels of the rows are equal. Set mode to grey for one "
    "channel.",
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

    def include(self, others: "Findings") -> None:
        """Add the counts of other images."""
        for kind, count in others.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count
            self.most[kind] = max(self.most.get(kind, 0.0), others.most[kind])

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
                count = self._counted(kind)
                raise DataError(
                    f"{count} {name} have no value above {self.most[kind]:g}, so white is unknown. {advice}"
                )
        if 0 < self.most.get("dark16", WHITE_16) < DARK_16:
            raise DataError(
                f"{self._counted('colour16')} in colour with 16 bits are dark: 99 % of the values are at most "
                f"{self.most['dark16']:g} of 65535, and the upper 8 bits keep few of them. Save them with 8 bits."
            )
        left_out = {"grey"} if "colour" in self.counts else set()
        return tuple(self._sentence(kind) for kind in SENTENCES if kind in self.counts and kind not in left_out)

    def _counted(self, kind: str) -> str:
        """Return the number of images of a kind in words. Black images have the range of the others."""
        return _count(self.counts[kind] + (self.counts.get("black", 0) if kind.startswith("scale") else 0))

    def _sentence(self, kind: str) -> str:
        return SENTENCES[kind].format(n=self._counted(kind), most=self.most[kind])


def _count(number: int) -> str:
    return f"{number:,} image{'s' if number != 1 else ''}"
