"""What a run gives, and its folder."""

import platform
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.data import Poisoned
from antivenom.errors import AntivenomError, RunError
from antivenom.models import Classifier
from antivenom.settings import describe
from antivenom.storage.files import LOCK, write_arrays, write_json, write_tensors, write_text

if TYPE_CHECKING:
    import pandas

MAIN = (
    "clean_accuracy",
    "control_accuracy",
    "accuracy_drop",
    "attack_success_rate",
    "control_attack_success_rate",
)
"""The figures that a table shows."""

OURS = "# Written by antivenom: a run of another spec into this folder replaces what is here.\n"
"""The first line of a run's spec, by which its folder is told from a stranger's."""

OUTPUTS = (
    "metrics.json",
    "repeats.json",
    "manifest.json",
    "details.npz",
    "poison.npz",
    "goal.json",
    "victim.safetensors",
    "control.safetensors",
    "table.csv",
    "report.html",
)
"""The files of a run beside its spec."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """One seed's victim, control, poison and figures.

    Attributes:
        losses: the mean training loss by epoch, of victim and control.
        confusion: (2, classes, classes) of victim and control: rows are true classes.
        examples: arrays worth looking at, as `measure.examples` gives them.
    """

    victim: Classifier
    control: Classifier
    poisoned: Poisoned
    values: dict[str, float | None]
    losses: tuple[tuple[float, ...], tuple[float, ...]]
    confusion: NDArray[Any]
    examples: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Result:
    """What a run gives.

    Attributes:
        spec: what was run, in YAML with every default written out.
        repeats: one for each seed.
        metrics: each figure's `mean`, `n`, and the bounds `low` and `high` of its 95 % interval over the repeats.
        doubts: what a careful reader would doubt, in sentences.
        about: versions, hardware, and the wall time of each stage.
    """

    spec: str
    repeats: tuple[Repeat, ...]
    metrics: dict[str, dict[str, float | int | None]]
    doubts: tuple[str, ...]
    about: dict[str, Any]

    @property
    def victim(self) -> Classifier:
        """The first seed's victim."""
        return self.repeats[0].victim

    @property
    def control(self) -> Classifier:
        """The first seed's control."""
        return self.repeats[0].control

    @property
    def poisoned(self) -> Poisoned:
        """What the first seed's victim trained on, and the truth about it."""
        return self.repeats[0].poisoned

    def to_frame(self) -> "pandas.DataFrame":
        """A pandas table with a row for each repeat and a column for each figure."""
        return frame([{"repeat": number, **repeat.values} for number, repeat in enumerate(self.repeats)])

    def save(self, folder: Path | str) -> Path:
        """Write the run's folder, each file whole or not at all."""
        folder = prepare_folder(Path(folder), self.spec)
        for number, repeat in enumerate(self.repeats):
            _save_repeat(repeat, folder if number == 0 else folder / "repeats" / str(number))
        write_arrays(folder / "details.npz", self._details())
        write_json(folder / "repeats.json", [repeat.values for repeat in self.repeats])
        write_json(folder / "metrics.json", self.metrics)
        write_json(folder / "manifest.json", {**self.about, "doubts": list(self.doubts)})
        return folder

    @classmethod
    def load(cls, folder: Path | str, *, allow_code: bool = False) -> "Result":
        """Read a run back.

        Args:
            folder: what `save` wrote.
            allow_code: whether components and factories that its spec names by import path may run.

        Raises:
            RunError: it is no run, or is damaged, or was made of things that only Python had.
        """
        from antivenom.runner.results.loading import load_result  # noqa: PLC0415 - it needs this class

        return load_result(Path(folder), allow_code=allow_code)

    def _details(self) -> dict[str, NDArray[Any]]:
        epochs = max(len(losses) for repeat in self.repeats for losses in repeat.losses)
        losses = np.full((len(self.repeats), 2, epochs), np.nan)
        for number, repeat in enumerate(self.repeats):
            for who, values in enumerate(repeat.losses):
                losses[number, who, : len(values)] = values
        return {
            "classes": np.array(self.poisoned.base.classes),
            "confusion": np.stack([repeat.confusion for repeat in self.repeats]),
            "losses": losses,
            **self.repeats[0].examples,
        }


def prepare_folder(folder: Path, spec: str) -> Path:
    """A folder to write a run of `spec` into: new, empty, or an earlier run's, which goes if it was of another spec.

    Raises:
        RunError: it holds something else.
    """
    written = folder / "spec.yaml"
    if folder.is_dir() and any(entry.name != LOCK for entry in folder.iterdir()):
        if not written.is_file() or not written.read_bytes().startswith(OURS.encode()):
            raise RunError(f"{folder} is not empty and holds no run of antivenom's. Choose another folder.")
        if written.read_bytes() != (OURS + spec).encode():
            _remove_run(folder)
    try:
        write_text(written, OURS + spec)
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error.strerror or error}.") from error
    return folder


def _remove_run(folder: Path) -> None:
    for name in ("cells", "repeats", "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in OUTPUTS:
        (folder / name).unlink(missing_ok=True)


def about_machine(device: torch.device, seed: int) -> dict[str, Any]:
    """Versions, hardware and seed: what a figure can depend on."""
    names = ("antivenom", "torch", "numpy", "scikit-learn", "scipy", "safetensors")
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "system": platform.system(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "threads": torch.get_num_threads(),
        },
        "git": _git_revision(),
        "seed": seed,
    }


def frame(rows: list[dict[str, Any]]) -> "pandas.DataFrame":
    """A pandas table.

    Raises:
        AntivenomError: pandas is not installed.
    """
    try:
        import pandas  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise AntivenomError("to_frame() needs pandas: pip install 'antivenom[frame]'.") from error
    return pandas.DataFrame(rows)


def save_classifier(classifier: Classifier, poisoned: Poisoned, file: Path) -> None:
    """Write a classifier's weights, with what is needed to know which rows it takes."""
    base = poisoned.base
    about = {"input_shape": base.shape, "classes": base.classes, "bounds": base.bounds}
    write_tensors(file, classifier.state(), about)


def _save_repeat(repeat: Repeat, folder: Path) -> None:
    poisoned = repeat.poisoned
    arrays = {"ids": poisoned.ids, "x": poisoned.x, "y": poisoned.y, "role": poisoned.role}
    if poisoned.rounds is not None:
        arrays["rounds"] = poisoned.rounds
    arrays["origin_ids"] = torch.where(poisoned.origin >= 0, poisoned.base.ids[poisoned.origin], -1)
    write_arrays(folder / "poison.npz", {name: tensor.cpu().numpy() for name, tensor in arrays.items()})
    write_json(folder / "goal.json", describe("goals", poisoned.goal))
    save_classifier(repeat.victim, poisoned, folder / "victim.safetensors")
    save_classifier(repeat.control, poisoned, folder / "control.safetensors")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git_revision() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
