"""Reading a run's folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.calling import guarded
from antivenom.data import Dataset, Poisoned, Source, Splits
from antivenom.data.formats import npz
from antivenom.errors import AntivenomError, DataError, MissingDataError, RunError
from antivenom.files.opening import exists, is_file
from antivenom.models import Classifier, Model
from antivenom.models.restoring import restored
from antivenom.models.sized import build_for
from antivenom.rng import Rng
from antivenom.runner.results.folder import read_spec_text, repeat_folder
from antivenom.runner.results.manifest import MANIFEST, Manifest, read_manifest
from antivenom.runner.results.reading import checked_about, read_metrics, read_repeats
from antivenom.runner.results.repeat import Artifacts, Repeat
from antivenom.runner.spec.axes import SECTIONS
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import divide_rows
from antivenom.settings import ReadsFiles, build, short
from antivenom.storage.chart_files import read_charts
from antivenom.storage.files import read_json, read_tensors
from antivenom.storage.keys import missing_files_message
from antivenom.storage.yaml12 import parse_yaml
from antivenom.training.contracts import Training, load_source, wrapped

DETAILS = ("confusion", "losses")
READ_AT_ONCE = ("spec.yaml", "metrics.json", "repeats.json", "details.npz", "charts.json", "charts.npz")
MAX_DETAILS_BYTES = 256 << 20
"""The largest size of the arrays of `details.npz`, in bytes."""

DAMAGE = (AntivenomError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError, OSError)
"""What files of a run that are damaged may raise in the parsers of other libraries and in components."""


def load_parts(folder: Path, *, allow_code: bool) -> dict[str, Any]:
    """Return the arguments of `Result`, read from a run's folder.

    Raises:
        RunError: the folder is not a run, or it is damaged.
    """
    if not is_file(folder / "spec.yaml"):
        raise RunError(f"{folder} is not a run of antivenom: it does not contain spec.yaml.")
    try:
        spec = read_spec_text(folder)
        mapping = parse_yaml(spec, str(folder / "spec.yaml"))
        if isinstance(mapping, dict) and any(mapping.get(name) is not None for name in SECTIONS):
            raise RunError(f"{folder} is a sweep. Load one of its cells, from {folder / 'cells'}.")
        if not isinstance(mapping, dict):
            raise RunError(f"{folder / 'spec.yaml'} must contain settings; got {short(mapping)}.")
        manifest = read_manifest(folder / MANIFEST)
        manifest.check(*READ_AT_ONCE)
        about, metrics = checked_about(manifest.about, folder / MANIFEST), read_metrics(folder)
        values = read_repeats(folder / "repeats.json")
        details = _checked_details(read_details(folder / "details.npz"), len(values), folder)
        doubts, headline = tuple(about.pop("doubts")), about.pop("headline")
        return {
            "spec": spec,
            "repeats": tuple(
                _repeat(OnDisk(folder, number, mapping, allow_code, manifest), values[number], details)
                for number in range(len(values))
            ),
            "metrics": metrics,
            "headline": headline,
            "doubts": doubts,
            "about": about,
            "charts": read_charts(folder),
            "data": {name: array for name, array in details.items() if name not in DETAILS},
        }
    except RunError:
        raise
    except DAMAGE as error:
        raise RunError(f"{folder} cannot be read: {error}") from error


def read_details(file: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a run's `details.npz`.

    Raises:
        DataError: the file is missing or damaged.
    """
    others = [name for name in npz.names(file) if name not in DETAILS]
    return npz.read(file, DETAILS, others, most_bytes=MAX_DETAILS_BYTES)


@dataclass(frozen=True, eq=False)
class OnDisk(Artifacts):
    """The models and the poison of a repeat in a run's folder, loaded at the first use.

    Args:
        folder: the run's folder.
        number: the number of the repeat, from 0.
        spec: the run's spec.
        allow_code: whether code that the spec names may run.
        manifest: the run's manifest, which has the checksums of the files.
    """

    folder: Path
    number: int
    spec: dict[str, Any]
    allow_code: bool
    manifest: Manifest

    @cached_property
    def victim(self) -> Classifier:  # type: ignore[override] # loaded at the first use
        """The victim.

        Raises:
            RunError: the weights are damaged, or the model was made in Python.
        """
        return self._classifier("victim")

    @cached_property
    def control(self) -> Classifier:  # type: ignore[override] # loaded at the first use
        """The control.

        Raises:
            RunError: the weights are damaged, or the model was made in Python.
        """
        return self._classifier("control")

    @cached_property
    def poisoned(self) -> Poisoned:  # type: ignore[override] # loaded at the first use
        """The data that the victim was trained on.

        Raises:
            RunError: the data set is missing or has changed, or the poison is damaged.
        """
        try:
            experiment = self._experiment
            splits = experiment.part(_load_data(experiment.dataset))
            rng = Rng(experiment.seed).child("repeat", self.number)
            base = divide_rows(experiment, splits, rng, load_source).splits.train
            self._check("poison.npz", "goal.json")
            return _load_poisoned(self._place, base, self.allow_code)
        except DAMAGE as error:
            raise RunError(f"The poison of {self.folder} cannot be read: {error}") from error

    @property
    def _place(self) -> Path:
        return repeat_folder(self.folder, self.number)

    def _check(self, *names: str) -> None:
        place = self._place.relative_to(self.folder)
        self.manifest.check(*((place / name).as_posix() for name in names))

    @cached_property
    def _experiment(self) -> ExperimentSettings:
        return make_experiment(self.spec, ExperimentSettings, allow_code=self.allow_code, look_for_files=False)

    @property
    def _training(self) -> Training:
        return build("trainings", self.spec["training"], path="training", allow_code=self.allow_code)  # type: ignore[no-any-return]

    def _classifier(self, who: str) -> Classifier:
        try:
            self._check(f"{who}.safetensors")
            state, about = read_tensors(self._place / f"{who}.safetensors")
            shape, bounds = tuple(map(int, about["input_shape"])), about["bounds"]
            model: Model = build("models", self.spec["model"], path="model", allow_code=self.allow_code)
            blank = build_for(
                model,
                state,
                input_shape=shape,
                classes=len(about["classes"]),
                bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
            )
            return restored(wrapped(self._training, blank), state)
        except DAMAGE as error:
            raise RunError(f"The {who} of {self.folder} cannot be read: {error}") from error


def _repeat(artifacts: OnDisk, values: dict[str, float | None], details: dict[str, NDArray[Any]]) -> Repeat:
    number = artifacts.number
    losses = [tuple(row[~np.isnan(row)].tolist()) for row in details["losses"][number]]
    return Repeat(
        values=values,
        losses=(losses[0], losses[1]),
        confusion=details["confusion"][number],
        artifacts=artifacts,
    )


def _checked_details(details: dict[str, NDArray[Any]], repeats: int, folder: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays unchanged if the confusion matrices and the losses have the right shapes."""
    confusion, losses = details["confusion"], details["losses"]
    if confusion.ndim != 4 or confusion.shape[:2] != (repeats, 2) or confusion.dtype.kind not in "biuf":
        wrong, needed = confusion, "confusion matrices must be numbers of shape"
    elif losses.ndim != 3 or losses.shape[:2] != (repeats, 2) or losses.dtype.kind != "f":
        wrong, needed = losses, "losses must be decimal numbers of shape"
    else:
        return details
    raise RunError(f"{folder / 'details.npz'}: {needed} ({repeats}, 2, …); got {wrong.dtype} of {wrong.shape}.")


def _load_data(dataset: Source) -> Splits:
    missing = [file for file in dataset.files() if not exists(file)] if isinstance(dataset, ReadsFiles) else []
    if missing:
        raise MissingDataError(missing_files_message(missing))
    splits: Splits = guarded(dataset, Source.load, Splits)()
    return splits


def _load_poisoned(folder: Path, base: Dataset, allow_code: bool) -> Poisoned:
    arrays = npz.read(folder / "poison.npz", ("ids", "x", "y", "role", "origin_ids"), ("rounds",))
    parts = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if len({len(tensor) for tensor in parts.values()}) != 1:
        raise DataError(f"The arrays in {folder / 'poison.npz'} must have the same length; they do not.")
    place = {int(row): index for index, row in enumerate(base.ids.tolist())}
    known = [place.get(int(row), -1) for row in parts["ids"]]
    appended = [index for index, row in enumerate(known) if row < 0]
    for after, index in enumerate(appended):
        known[index] = len(base) + after
    origin = torch.tensor([place.get(int(row), -1) for row in parts["origin_ids"]], dtype=torch.int64)
    if len(set(known)) != len(known):
        raise DataError(f"{folder / 'poison.npz'} contains a row twice.")
    goal = build("goals", read_json(folder / "goal.json"), path="goal", allow_code=allow_code)
    rows = torch.tensor(known, dtype=torch.int64)
    poisoned = Poisoned(
        base=base,
        rows=rows,
        origin=origin,
        goal=goal,
        x=parts["x"],
        y=parts["y"],
        role=parts["role"],
        rounds=parts.get("rounds"),
    )
    if not len(poisoned.data) == len(poisoned.roles) == len(base) + len(appended):
        raise DataError(f"{folder / 'poison.npz'} does not fit the data.")
    return poisoned
