"""Reading a run's folder back."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.data import Dataset, Poisoned, Splits
from antivenom.data.formats import npz
from antivenom.errors import AntivenomError, DataError, RunError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner.executors.starting_models import open_with
from antivenom.runner.results.result import OURS, Repeat, Result
from antivenom.runner.spec.loading import load_spec
from antivenom.runner.spec.settings import Experiment
from antivenom.settings import build
from antivenom.storage.files import read_json, read_tensors
from antivenom.training.contracts import load_source

DETAILS = ("classes", "confusion", "losses")
EXAMPLES = (
    "poison_before",
    "poison_after",
    "poison_label_before",
    "poison_label_after",
    "attempt_before",
    "attempt_after",
    "attempt_label",
    "attempt_victim_before",
    "attempt_victim",
    "attempt_control",
    "poison_rounds",
    "round_numbers",
    "round_accuracy",
    "defence_names",
    "defence_clean",
    "defence_poison",
    "defence_threshold",
    "repair_names",
    "blame_names",
    "blame_rows",
    "blame_signals",
    "blame_windows",
    "trajectory_rows",
    "trajectory_accuracy",
    "trajectory_success",
    "poison_arrivals",
)
OPEN = ("analysis.", "scan_")
"""So begin the names of what analyses and scans gave."""


def load_result(folder: Path, *, allow_code: bool) -> Result:
    """A run's result from its folder."""
    file = folder / "spec.yaml"
    if not file.is_file():
        raise RunError(f"{folder} is no run of antivenom's: it has no spec.yaml.")
    try:
        experiment = load_spec(file, allow_code=allow_code)
        if not isinstance(experiment, Experiment):
            raise RunError(f"{folder} holds a grid. Load one of its cells: {folder / 'cells'}.")
        splits = experiment.part(experiment.dataset.load())
        details = read_details(folder / "details.npz")
        values = read_json(folder / "repeats.json")
        places = [folder, *(folder / "repeats" / str(number) for number in range(1, len(values)))]
        repeats = [
            _load_repeat(place, number, experiment, splits, values[number], details, allow_code)
            for number, place in enumerate(places)
        ]
        about, metrics = read_json(folder / "manifest.json"), read_json(folder / "metrics.json")
        doubts = tuple(about.pop("doubts"))
    except (AntivenomError, LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"{folder} cannot be read back: {error}") from error
    spec = file.read_text(encoding="utf-8").removeprefix(OURS)
    return Result(spec, tuple(repeats), metrics, doubts, about)


def read_details(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays that a run keeps for its report.

    Raises:
        DataError: the file is missing or damaged.
    """
    return npz.read(file, DETAILS, [*EXAMPLES, *(name for name in npz.names(file) if name.startswith(OPEN))])


def _load_repeat(
    folder: Path,
    number: int,
    experiment: Experiment,
    splits: Splits,
    values: dict[str, float | None],
    details: dict[str, NDArray[Any]],
    allow_code: bool,
) -> Repeat:
    splits = open_with(experiment, splits, Rng(experiment.seed).child("repeat", number), load_source).splits
    poisoned = _load_poisoned(folder, splits.train, allow_code)
    blank = experiment.blank(splits.train, Rng(0))
    losses = [tuple(row[~np.isnan(row)].tolist()) for row in details["losses"][number]]
    return Repeat(
        victim=_load_classifier(blank, folder / "victim.safetensors"),
        control=_load_classifier(blank, folder / "control.safetensors"),
        poisoned=poisoned,
        values=values,
        losses=(losses[0], losses[1]),
        confusion=details["confusion"][number],
        examples={name: array for name, array in details.items() if name not in DETAILS} if number == 0 else {},
    )


def _load_classifier(blank: Classifier, file: Path) -> Classifier:
    state, _ = read_tensors(file)
    return blank.with_state(state)


def _load_poisoned(folder: Path, base: Dataset, allow_code: bool) -> Poisoned:
    arrays = npz.read(folder / "poison.npz", ("ids", "x", "y", "role", "origin_ids"), ("rounds",))
    held = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if len({len(tensor) for tensor in held.values()}) != 1:
        raise DataError(f"{folder / 'poison.npz'} holds arrays of different lengths.")
    place = {int(row): index for index, row in enumerate(base.ids.tolist())}
    known = [place.get(int(row), -1) for row in held["ids"]]
    appended = [index for index, row in enumerate(known) if row < 0]
    for after, index in enumerate(appended):
        known[index] = len(base) + after
    origin = torch.tensor([place.get(int(row), -1) for row in held["origin_ids"]], dtype=torch.int64)
    if len(set(known)) != len(known):
        raise DataError(f"{folder / 'poison.npz'} names a row twice.")
    goal = build("goals", read_json(folder / "goal.json"), path="goal", allow_code=allow_code)
    rows = torch.tensor(known, dtype=torch.int64)
    parts = {name: held.get(name) for name in ("x", "y", "role", "rounds")}
    poisoned = Poisoned(base=base, rows=rows, origin=origin, goal=goal, **parts)  # type: ignore[arg-type]
    if not len(poisoned.data) == len(poisoned.roles) == len(base) + len(appended):
        raise DataError(f"{folder / 'poison.npz'} does not fit the data.")
    return poisoned
