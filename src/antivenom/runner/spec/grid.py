"""The cells of a grid: every combination of its values."""

import copy
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from antivenom.errors import MissingDataError, SettingsError
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.naming import label, labels
from antivenom.runner.spec.overrides import set_key
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.shapes import ShortRepr

MAX_CELLS = 10_000
NAMED_BY_VALUE = {"attack", "model", "dataset", "training"}
"""Keys that are left out of a cell's name: their values are enough."""

T = TypeVar("T", bound=ExperimentSettings)


@dataclass(frozen=True, eq=False, repr=False)
class Grid(ShortRepr, Generic[T]):
    """The cells of a grid.

    Args:
        cells: the experiments by name, in the grid's order.
        axes: the values that the grid sets in each cell, by the cell's name.
        spec: the spec as it was read, with its grid.
    """

    cells: dict[str, T]
    axes: dict[str, dict[str, Any]]
    spec: dict[str, Any]


def expand(mapping: dict[str, Any], grid: Any, cls: type[T], *, allow_code: bool) -> Grid[T]:
    """Return the grid with one experiment for every combination of its values.

    Raises:
        SettingsError: a cell has problems; the error lists every problem of every cell once.
        MissingDataError: files are missing, and no cell has another problem.
    """
    keys = _axes(grid)
    count = math.prod(len(grid[key]) for key in keys)
    if count > MAX_CELLS:
        raise SettingsError([f"grid must have at most {MAX_CELLS} cells; got {count}."])
    problems: dict[str, None] = {}
    missing: dict[str, None] = {}
    cells: dict[str, T] = {}
    axes: dict[str, dict[str, Any]] = {}
    for number, values in enumerate(itertools.product(*(grid[key] for key in keys)), 1):
        cell, chosen = copy.deepcopy(mapping), dict(zip(keys, values, strict=True))
        try:
            for key, value in chosen.items():
                set_key(cell, key, copy.deepcopy(value))
            name = _cell_name(number, count, chosen, grid)
            cells[name] = make_experiment(cell, cls, allow_code=allow_code)
            axes[name] = chosen
        except SettingsError as error:
            problems |= dict.fromkeys(error.problems)
        except MissingDataError as error:
            missing[str(error)] = None
    if problems:
        raise SettingsError([*problems, *missing])
    if missing:
        raise MissingDataError(" ".join(missing))
    return Grid(cells, axes, {**mapping, "grid": grid})


def _axes(grid: Any) -> list[str]:
    """Return the grid's keys. Keys of whole components come before keys of their settings."""
    is_valid = (
        isinstance(grid, dict)
        and grid
        and all(isinstance(key, str) and isinstance(values, list) and values for key, values in grid.items())
    )
    if not is_valid:
        raise SettingsError(["grid must map keys to lists of values, such as {attack.rate: [0.1, 0.2]}."])
    return sorted(grid, key=lambda key: str(key).count("."))


def _cell_name(number: int, count: int, chosen: Mapping[str, Any], grid: Mapping[str, Any]) -> str:
    """Return a name with the values of the grid. A component's settings are part of it if its name is not enough."""
    words = []
    for key, value in chosen.items():
        last = key.rpartition(".")[2]
        if isinstance(value, dict) and "name" not in value:
            words.append(f"{last}{label(value)}")
        elif isinstance(value, dict):
            alike = sum(isinstance(other, dict) and other.get("name") == value["name"] for other in grid[key])
            words.append(str(value["name"]) if alike == 1 else label(value))
        elif isinstance(value, list):
            words.append(labels(grid[key])[grid[key].index(value)])
        elif last in NAMED_BY_VALUE and isinstance(value, str):
            words.append(value)
        else:
            words.append(f"{last}-{value}")
    slug = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower()).strip("-.")[:60]
    return f"{number:0{len(str(count))}d}-{slug}"
