"""Reading the truth that `export` wrote: the test rows, the goal, the figures of the poison, and the spec."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from antivenom.charts import Figure
from antivenom.data import Dataset, Goal
from antivenom.data.formats import npz
from antivenom.errors import AntivenomError, DataError, RunError
from antivenom.runner.results.manifest import read_manifest
from antivenom.runner.spec.validation import MAX_CLASSES
from antivenom.settings import build
from antivenom.shapes import Rows
from antivenom.storage.files import read_json
from antivenom.storage.yaml12 import read_yaml

DAMAGE = (AntivenomError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What the conversion of a damaged truth may raise."""

MAX_TEST_BYTES = 4 << 30
"""The largest size of the test rows, in bytes."""

REQUIRED_FIGURES = ("poison_rate", "poison_rows")


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth about poisoned data.

    Attributes:
        test: the test rows.
        goal: the attacker's goal.
        figures: the figures of the poison.
        spec: the spec that the data was made from.
    """

    test: Dataset
    goal: Goal
    figures: tuple[Figure, ...]
    spec: dict[str, Any]


def read_truth(place: Path, *, allow_code: bool) -> Truth:
    """Return the truth in a folder.

    Raises:
        RunError: the truth is damaged.
    """
    try:
        manifest = read_manifest(place / "truth.json")
        manifest.check("spec.yaml", "goal.json", "test.npz", "charts.json", "charts.npz")
        about = manifest.about
        test = _test_rows(place / "test.npz", about["bounds"])
        goal = build("goals", read_json(place / "goal.json"), path="goal", allow_code=allow_code)
        figures = tuple(_figures(about["figures"]))
        spec = read_yaml(place / "spec.yaml")
    except DAMAGE as error:
        raise RunError(f"{place} is damaged: {error}") from error
    known = {figure.key: figure.value for figure in figures}
    missing = next((name for name in REQUIRED_FIGURES if known.get(name) is None), None)
    if missing:
        raise RunError(f"{place / 'truth.json'} must have the figure '{missing}'; it is missing.")
    if type(spec.get("seed", 0)) is not int or not isinstance(spec.get("attack", {}), dict):
        raise RunError(f"{place / 'spec.yaml'} must have a whole number as `seed`, and settings of an `attack`.")
    return Truth(test, goal, figures, spec)


def _test_rows(file: Path, bounds: Any) -> Dataset:
    arrays = npz.read(file, ("x", "y", "ids", "classes"), most_bytes=MAX_TEST_BYTES)
    if len(arrays["classes"]) > MAX_CLASSES:
        raise DataError(f"{file} must have at most {MAX_CLASSES:,} classes; got {len(arrays['classes']):,}.")
    test = Dataset(
        x=torch.from_numpy(arrays["x"]),
        y=torch.from_numpy(arrays["y"]),
        ids=torch.from_numpy(arrays["ids"]),
        classes=tuple(map(str, arrays["classes"])),
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
    )
    if not _is_possible(test.x, test.bounds):
        raise DataError(f"{file}: x must be finite, and within the bounds {test.bounds}.")
    return test


def _is_possible(rows: Rows, bounds: tuple[float, float] | None) -> bool:
    """Return whether all numbers are finite and within the bounds."""
    if rows.dtype == torch.uint8 or not len(rows):
        return True
    low, high = (float(each) for each in rows.aminmax())
    least, most = bounds or (-torch.finfo(rows.dtype).max, torch.finfo(rows.dtype).max)
    return least <= low <= high <= most


def _figures(values: dict[str, Any]) -> list[Figure]:
    units = {"poison_rows": "count", "cover_rows": "count"}
    return [
        Figure(name=str(name), value=None if value is None else float(value), unit=units.get(name, "share"))  # type: ignore[arg-type]
        for name, value in values.items()
    ]
