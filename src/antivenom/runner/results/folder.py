"""The folder of a run: its files, and the check that a run may write to it."""

import re
import shutil
from pathlib import Path

from antivenom.errors import DataError, RunError, WriteError
from antivenom.files.opening import is_folder, read_text
from antivenom.files.writing import PART, folder_inside, remove_leftovers, write_text

RUN_MARK = "# Written by antivenom: a run of another spec into this folder replaces what is here.\n"
"""The first line of a run's spec. It marks the folder as a run of antivenom."""

MAX_SPEC_BYTES = 16 << 20
"""The largest spec of a run, in bytes. It is longer than the spec that the user wrote: it has every default."""

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
    "cells.json",
    "failures.json",
    "dose.json",
    "table.csv",
    "table.parquet",
    "costs.csv",
    "report.html",
    "table.html",
)
"""The files of a run, in addition to its spec."""

RUN_FILE = rf"(?:repeats/\d+/)?(?:{'|'.join(map(re.escape, ('spec.yaml', *FILES)))})"
"""The pattern of the files of a run, or of a cell, by their paths in its folder; without the figures of its report."""

STATUS, STATUS_FILES = "status.json", "status*.json"
"""The state of a sweep while it runs, and the pattern of the same files of its shards."""

NOT_COVERED = ("manifest.json", "report.html", "table.html", "failures.json", "cells.json")
"""The files that change after the manifest is written, or that it does not describe."""

FOLDERS = ("cells", "repeats", "figures")


def prepare_folder(folder: Path, spec: str) -> Path:
    """Prepare a new or empty folder, or one of an earlier run, for a run of `spec`. A run of another spec is removed.

    Raises:
        RunError: the folder contains other files, or it cannot be written to.
    """
    written = folder / "spec.yaml"
    if is_folder(folder) and any(not _is_remainder(entry.name) for entry in folder.iterdir()):
        old = _content(written)
        if not old.startswith(RUN_MARK):
            raise RunError(f"{folder} is not empty and is not a run of antivenom. Choose another folder.")
        if old != RUN_MARK + spec:
            _remove_run(folder)
    for place in (folder, *(folder / name for name in FOLDERS), *(folder / "repeats").glob("*")):
        if not place.is_symlink():
            remove_leftovers(place)
    write_text(written, RUN_MARK + spec)
    return folder


def require_same_spec(folder: Path, spec: str) -> None:
    """Raise an error if a folder has a run of another spec.

    Raises:
        RunError: it has.
    """
    old = _content(folder / "spec.yaml")
    if old and old != RUN_MARK + spec:
        raise RunError(
            f"{folder} has a sweep with another spec. Shards must have the same spec. Choose another folder."
        )


def written_files(folder: Path) -> list[str]:
    """Return the paths, in a run's folder, of the files that its manifest covers: all but the manifest and the report.

    The files of a sweep's cells belong to the manifests of the cells.
    """
    places = [folder, *(place for place in sorted((folder / "repeats").glob("*")) if place.is_dir())]
    names = ("spec.yaml", *(name for name in FILES if name not in NOT_COVERED))
    files = [place / name for place in places for name in names]
    return [file.relative_to(folder).as_posix() for file in files if file.is_file()]


def read_spec_text(folder: Path) -> str:
    """Return the spec of a run, in YAML, without its first line.

    Raises:
        RunError: the file is missing, is not a regular file of text, or is too large.
    """
    try:
        return read_text(folder / "spec.yaml", MAX_SPEC_BYTES).removeprefix(RUN_MARK)
    except DataError as error:
        raise RunError(str(error)) from error


def repeat_folder(folder: Path, number: int) -> Path:
    """Return the folder of a repeat's poison and weights. For the first repeat, it is the run's folder."""
    return folder if number == 0 else folder_inside(folder, "repeats", str(number))


def _is_remainder(name: str) -> bool:
    """Return whether a run that was killed before it wrote its spec may have left this entry in its folder."""
    return name.endswith(".lock") or (name.startswith(".spec.yaml.") and name.endswith(PART))


def _content(file: Path) -> str:
    """Return the text of a file; empty if it is not a file of text."""
    try:
        return read_text(file, MAX_SPEC_BYTES)
    except DataError:
        return ""


def _remove_run(folder: Path) -> None:
    try:
        for name in FOLDERS:
            if (folder / name).is_symlink():
                (folder / name).unlink()
            elif (folder / name).is_dir():
                shutil.rmtree(folder / name)
        for file in (*(folder / name for name in FILES), *folder.glob(STATUS_FILES)):
            file.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"The earlier run in {folder} cannot be removed: {reason}. Choose another folder.") from error
