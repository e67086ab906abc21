"""Making a film from pictures: a GIF, and an MP4 if ffmpeg is installed."""

import shutil
import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from antivenom.errors import RunError
from antivenom.files.writing import write_bytes

FRAME_SECONDS: Final = 0.3
LAST_FRAME_SECONDS: Final = 2.0


def write_film(gif: Path, pngs: Sequence[bytes]) -> None:
    """Write the pictures as a GIF, and as an MP4 beside it if ffmpeg is installed. The last picture stays for 2 s.

    Args:
        gif: the file to write. The MP4 has the same name with the ending `.mp4`.
        pngs: the frames, all of the same size.

    Raises:
        RunError: ffmpeg is installed and fails.
    """
    frames = [Image.open(BytesIO(png)).convert("RGB") for png in pngs]
    palette = [frame.quantize(64, dither=Image.Dither.NONE) for frame in frames]
    durations = [round(1000 * FRAME_SECONDS)] * (len(frames) - 1) + [round(1000 * LAST_FRAME_SECONDS)]
    buffer = BytesIO()
    palette[0].save(buffer, format="GIF", save_all=True, append_images=palette[1:], duration=durations, loop=0)
    write_bytes(gif, buffer.getvalue())
    if (ffmpeg := shutil.which("ffmpeg")) is not None:
        _write_mp4(ffmpeg, gif.with_suffix(".mp4"), frames)


def _write_mp4(ffmpeg: str, file: Path, frames: Sequence[Image.Image]) -> None:
    width, height = (2 * (size // 2) for size in frames[0].size)  # H.264 requires even sizes
    raw = b"".join(np.asarray(frame)[:height, :width].tobytes() for frame in frames)
    command = [ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    command += ["-r", f"{1 / FRAME_SECONDS:.3f}", "-i", "-", "-pix_fmt", "yuv420p", str(file)]
    done = subprocess.run(command, input=raw, capture_output=True, check=False)  # noqa: S603 - no shell, no user text
    if done.returncode:
        file.unlink(missing_ok=True)
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["ffmpeg printed no reason"]
        raise RunError(f"ffmpeg could not write {file}: {reason[0]}")
