"""The folder of a run: its files, and the check that a run may write to it."""

import shutil
from pathlib import Path

from antivenom.errors import RunError
from antivenom.storage.files import LOCK, write_text

RUN_MARK = "# Written by antivenom: a run of another spec into this folder replaces what is here.\n"
"""The first line of a run's spec. It marks the folder as a run of antivenom."""

FILES = (
    "metrics.json",
    "repeats.json",
    "manifest.json",
    "details.npz",
    "charts.json",
    "charts.npz",
    "rows.csv",
    "poison.npz",
    "goal.json",
    "victim.safetensors",
    "control.safetensors",
    "table.csv",
    "report.html",
)
"""The files of a run, in addition to its spec."""

FOLDERS = ("cells", "repeats", "figures")


def prepare_folder(folder: Path, spec: str) -> Path:
    """Prepare a new or empty folder, or one of an earlier run, for a run of `spec`. A run of another spec is removed.

    Raises:
        RunError: the folder contains other files, or it cannot be written to.
    """
    written = folder / "spec.yaml"
    if folder.is_dir() and any(entry.name != LOCK for entry in folder.iterdir()):
        if not written.is_file() or not written.read_bytes().startswith(RUN_MARK.encode()):
            raise RunError(f"{folder} is not empty and is not a run of antivenom. Choose another folder.")
        if written.read_bytes() != (RUN_MARK + spec).encode():
            _remove_run(folder)
    try:
        write_text(written, RUN_MARK + spec)
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error.strerror or error}.") from error
    return folder


def read_spec_text(folder: Path) -> str:
    """Return the spec of a run, in YAML, without its first line."""
    return (folder / "spec.yaml").read_text(encoding="utf-8").removeprefix(RUN_MARK)


def repeat_folder(folder: Path, number: int) -> Path:
    """Return the folder of a repeat's poison and weights. For the first repeat, it is the run's folder."""
    return folder if number == 0 else folder / "repeats" / str(number)


def _remove_run(folder: Path) -> None:
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
