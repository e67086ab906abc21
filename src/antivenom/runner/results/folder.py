"""The folder of a run: which one may be written into, and what stands in it."""

import shutil
from pathlib import Path

from antivenom.errors import RunError
from antivenom.storage.files import LOCK, write_text

RUN_MARK = "# Written by antivenom: a run of another spec into this folder replaces what is here.\n"
"""The first line of a run's spec. It tells a run's folder from a stranger's."""

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
"""The files of a run beside its spec."""

FOLDERS = ("cells", "repeats", "figures")


def prepare_folder(folder: Path, spec: str) -> Path:
    """A folder to write a run of `spec` into: new, empty, or an earlier run's, which goes if it was of another spec.

    Raises:
        RunError: it holds something else.
    """
    written = folder / "spec.yaml"
    if folder.is_dir() and any(entry.name != LOCK for entry in folder.iterdir()):
        if not written.is_file() or not written.read_bytes().startswith(RUN_MARK.encode()):
            raise RunError(f"{folder} is not empty and holds no run of antivenom. Choose another folder.")
        if written.read_bytes() != (RUN_MARK + spec).encode():
            _remove_run(folder)
    try:
        write_text(written, RUN_MARK + spec)
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error.strerror or error}.") from error
    return folder


def read_spec_text(folder: Path) -> str:
    """The spec of a run, in YAML, without the line that marks it."""
    return (folder / "spec.yaml").read_text(encoding="utf-8").removeprefix(RUN_MARK)


def repeat_folder(folder: Path, number: int) -> Path:
    """Where a repeat's poison and weights are; the first one's are in the run's folder itself."""
    return folder if number == 0 else folder / "repeats" / str(number)


def _remove_run(folder: Path) -> None:
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
