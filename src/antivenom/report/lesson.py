"""The lesson of a walking boundary, written from a finished run: numbers, figures and a film."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from antivenom.errors import RunError
from antivenom.report import plane
from antivenom.report.drawing import to_png, to_svg
from antivenom.report.plane import Walk, walk_of
from antivenom.report.run import Array, read_run
from antivenom.storage.files import write_bytes, write_text

FRAME_SECONDS = 0.3


def write_lesson(folder: Path, repeats: Sequence[int]) -> dict[str, Any]:
    """Write `boundary.json`, `boundary.gif` and the lesson's figures, PNG and SVG, into a finished run's folder.

    `boundary.mp4` too, where ffmpeg is installed.

    Args:
        folder: of a run with the analysis `boundary`, online, whose stream is the poison alone.
        repeats: after how many calls the boundary is told and drawn.

    Returns:
        What `boundary.json` holds.

    Raises:
        RunError: the run has no such analysis, or no checkpoint after so many calls.
    """
    walk = walk_of(read_run(folder))
    if walk is None:
        raise RunError(f"{folder} was run without the analysis 'boundary'.")
    known = [int(each) for each in walk.calls]
    if absent := sorted(set(repeats) - set(known)):
        raise RunError(f"{folder} has no checkpoint after {absent[0]} calls; it has: {', '.join(map(str, known))}.")
    steps = [known.index(each) for each in sorted(set(repeats))]
    for old in (folder / "figures").glob("[0-9]*-after-*"):  # of an earlier run into the same folder
        old.unlink()
    for name, figure in plane.figures(walk, steps):
        write_bytes(folder / "figures" / f"{name}.png", to_png(figure))
        write_bytes(folder / "figures" / f"{name}.svg", to_svg(figure))
    _film(folder, list(plane.film(walk)))
    told = numbers(walk, steps)
    write_text(folder / "boundary.json", json.dumps(told, indent=2, allow_nan=False) + "\n")
    return told


def numbers(walk: Walk, steps: Sequence[int]) -> dict[str, Any]:
    """The lesson in figures: before, and after each of these steps, for victim and control."""
    low, high, step = map(float, walk.square)
    before = {
        "accuracy": walk.accuracy(None),
        "boundary": _heights(walk, walk.heights_before),
        "poison": _said(walk, walk.poison_before),
    }
    after = []
    for place in steps:
        wrong, right = walk.turned(place)
        after.append(
            {
                "calls": int(walk.calls[place]),
                "accuracy": walk.accuracy(place),
                "flipped": _flipped(walk.flipped[place]),
                "boundary": _heights(walk, walk.heights[place]),
                "poison": _said(walk, walk.poison_after[place]),
                "turned_wrong": [_point(walk, int(each)) for each in wrong],
                "turned_right": [_point(walk, int(each)) for each in right],
                "control": {
                    "accuracy": float((walk.control_said[place] == walk.test_classes).mean()),
                    "flipped": _flipped(walk.control_flipped[place]),
                    "boundary": _heights(walk, walk.control_heights[place]),
                },
            }
        )
    pairs = zip(walk.poison, walk.poison_classes, strict=True)
    poison = [{"x": _plain(x), "y": _plain(y), "label": int(label)} for (x, y), label in pairs]
    aim = {}
    if "aim" in walk.arrays:
        x, y = walk.aim
        turned = [
            int(walk.calls[np.argmax(each)]) if each.any() else None for each in walk.aim_turned
        ]  # of victim and control
        aim = {"aim": {"x": _plain(x), "y": _plain(y), "turned_after": turned[0], "control_turned_after": turned[1]}}
    return {
        **aim,
        "square": {"low": low, "high": high, "step": step},
        "held_out": len(walk.test),
        "points": poison,
        "poison_is": "P(y = 1)" if bool(walk.probable) else "decision function",
        "before": before,
        "after": after,
    }


def _film(folder: Path, frames: list[Array]) -> None:
    """The frames as a GIF, and as an MP4 where ffmpeg is installed; the last one stands a while."""
    palette = [Image.fromarray(frame).quantize(64, dither=Image.Dither.NONE) for frame in frames]
    buffer = BytesIO()
    wait = [round(1000 * FRAME_SECONDS)] * (len(frames) - 1) + [2000]
    palette[0].save(buffer, format="GIF", save_all=True, append_images=palette[1:], duration=wait, loop=0)
    write_bytes(folder / "boundary.gif", buffer.getvalue())
    if (ffmpeg := shutil.which("ffmpeg")) is None:
        return
    high, wide = (2 * (size // 2) for size in frames[0].shape[:2])  # H.264 wants even sizes
    raw = b"".join(np.ascontiguousarray(frame[:high, :wide]).tobytes() for frame in frames)
    made = folder / "boundary.mp4"
    command = [ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}"]
    command += ["-r", f"{1 / FRAME_SECONDS:.3f}", "-i", "-", "-pix_fmt", "yuv420p", str(made)]
    done = subprocess.run(command, input=raw, capture_output=True, check=False)  # noqa: S603 - no shell, our own words
    if done.returncode:
        made.unlink(missing_ok=True)
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise RunError(f"ffmpeg could not make {made}: {said[0]}")


def _heights(walk: Walk, heights: Array) -> dict[str, list[float]]:
    """At each place, the heights of the boundary."""
    return {
        f"{place:g}": [float(each) for each in row if not np.isnan(each)]
        for place, row in zip(walk.places, heights, strict=True)
    }


def _said(walk: Walk, margins: Array) -> list[float | None]:
    shift = 0.5 if bool(walk.probable) else 0.0
    return [float(each) + shift if np.isfinite(each) else None for each in margins]


def _flipped(shares: Array) -> dict[str, float]:
    return {"0 to 1": float(shares[0]), "1 to 0": float(shares[1])}


def _point(walk: Walk, number: int) -> dict[str, Any]:
    x, y = walk.test[number]
    return {"row": number, "x": _plain(x), "y": _plain(y), "class": int(walk.test_classes[number])}


def _plain(value: Any) -> float:
    """A float32 as it was written."""
    return float(str(np.float32(value)))
