"""The axes of a sweep: the sections `grid`, `zip`, `include` and `exclude` of a spec, with all their problems."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antivenom.settings import short

SECTIONS = ("grid", "zip", "include", "exclude")
"""The sections of a spec that make a sweep."""

MAX_CELLS = 10_000
SHOWN_COUNT = 10**12
"""A larger number of cells is not written out: it may have thousands of digits."""

SHOWN_VALUES = 20
"""The number of values of an axis that a message lists."""

Place = tuple[int, ...]
"""The position of a cell: the index of its value on each axis of the grid, then the index in `zip` if there is one."""


@dataclass(frozen=True)
class Axes:
    """The axes of a sweep.

    Args:
        grid: the values of each axis of the grid. Keys of whole components come before keys of their settings.
        zipped: the values of each paired axis, all of the same length.
        include: the settings of each cell that is added.
        exclude: the values of the cells that are removed.
    """

    grid: Mapping[str, Sequence[Any]]
    zipped: Mapping[str, Sequence[Any]]
    include: Sequence[Mapping[str, Any]]
    exclude: Sequence[Mapping[str, Any]]

    @property
    def values(self) -> dict[str, Sequence[Any]]:
        """The values of every axis, without those of `include`."""
        return {**self.grid, **self.zipped}

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each axis of the grid, and the number of pairs of `zip` if there are any."""
        pairs = [len(next(iter(self.zipped.values())))] if self.zipped else []
        return (*map(len, self.grid.values()), *pairs)

    @property
    def count(self) -> int:
        """The number of cells of grid and `zip`, before any is excluded."""
        return math.prod(self.sizes) if self.sizes else 0

    def places(self) -> Iterator[Place]:
        """Yield the position of each cell of grid and `zip`, in their order."""
        return itertools.product(*map(range, self.sizes)) if self.sizes else iter(())

    def indices(self, place: Place) -> dict[str, int]:
        """Return the index of the value of each axis at a position."""
        own = dict(zip(self.grid, place, strict=False))
        return own | dict.fromkeys(self.zipped, place[-1])

    def excluded(self) -> tuple[list[list[set[int]]], list[str]]:
        """Return, for each entry of `exclude`, the indices on each dimension that it matches; and all problems."""
        matchers, problems = [], []
        for number, entry in enumerate(self.exclude):
            unknown = [key for key in entry if key not in self.values]
            problems += [f"exclude[{number}]: {key} is not an axis. {self._known()}" for key in unknown]
            if unknown:
                continue
            matcher = [set(range(size)) for size in self.sizes]
            for key, value in entry.items():
                place = list(self.grid).index(key) if key in self.grid else len(self.grid)
                matcher[place] &= {index for index, each in enumerate(self.values[key]) if matches(each, value)}
            if not all(matcher):
                problems.append(f"exclude[{number}] matches no cell. {self._listed(entry)}")
            matchers.append(matcher)
        return matchers, problems

    def _known(self) -> str:
        return f"The axes are: {', '.join(self.values)}." if self.values else "It requires axes in grid or zip."

    def _listed(self, keys: Mapping[str, Any]) -> str:
        """Return sentences with the values of axes."""
        parts = []
        for key in keys:
            values = self.values[key]
            more = f" and {len(values) - SHOWN_VALUES} more" if len(values) > SHOWN_VALUES else ""
            parts.append(f"{key} has the values {', '.join(map(short, values[:SHOWN_VALUES]))}{more}.")
        if sum(key in self.zipped for key in keys) > 1:
            parts.append("The values of zip occur only in pairs.")
        return " ".join(parts)


def matches(value: Any, wanted: Any) -> bool:
    """Return whether a value of an axis is the one that `exclude` names. A component may be named by its name alone.

    >>> matches({"name": "badnets", "target": 7}, "badnets"), matches({"name": "cnn"}, {"name": "mlp"})
    (True, False)
    >>> matches(1, 1.0), matches(1, True)
    (True, False)
    """
    if isinstance(value, dict) and isinstance(wanted, str):
        return bool(value.get("name") == wanted)
    if isinstance(value, str) and isinstance(wanted, dict):
        return wanted == {"name": value}
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(key in value and matches(value[key], each) for key, each in wanted.items())
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def read_axes(sections: Mapping[str, Any]) -> tuple[Axes, list[str]]:
    """Return the axes of a sweep, and all problems of the sections. With problems, the axes are not complete.

    Args:
        sections: `grid`, `zip`, `include` and `exclude`, those that the spec has.
    """
    problems: list[str] = []
    grid, zipped = (_lists(sections, name, problems) for name in ("grid", "zip"))
    include, exclude = (_mappings(sections, name, problems) for name in ("include", "exclude"))
    lengths = {key: len(values) for key, values in zipped.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} has {count}" for key, count in lengths.items())
        problems.append(f"zip must have the same number of values for each key: {listed}.")
    problems += [f"{key} is in both grid and zip. Remove it from one of them." for key in grid if key in zipped]
    if not problems and not grid and not zipped and not include:
        problems.append("A sweep requires cells: add grid, zip or include.")
    axes = Axes(_sorted(grid), zipped, include, exclude)
    total = 0 if problems else axes.count + len(include)
    if total > MAX_CELLS:
        before = ", before any is excluded" if exclude else ""
        got = f"{total:,}" if total < SHOWN_COUNT else f"more than {SHOWN_COUNT:,}"
        problems.append(f"A sweep must have at most {MAX_CELLS:,} cells; got {got}{before}.")
    return axes, problems


def _lists(sections: Mapping[str, Any], name: str, problems: list[str]) -> dict[str, Sequence[Any]]:
    """Return a section that maps keys to lists of values; empty if the spec does not have it."""
    given = sections.get(name)
    is_valid = (
        isinstance(given, dict)
        and given
        and all(isinstance(key, str) and isinstance(values, list) and values for key, values in given.items())
    )
    if is_valid:
        return dict(given or {})
    if given is not None:
        example = "{attack.rate: [0.1, 0.2]}" if name == "grid" else "{attack.rate: [0.1, 0.2], seed: [1, 2]}"
        problems.append(f"{name} must map keys to lists of values, such as {example}.")
    return {}


def _mappings(sections: Mapping[str, Any], name: str, problems: list[str]) -> list[Mapping[str, Any]]:
    """Return a section that is a list of mappings; empty if the spec does not have it."""
    given = sections.get(name)
    is_valid = isinstance(given, list) and all(
        isinstance(entry, dict) and entry and all(isinstance(key, str) for key in entry) for entry in given
    )
    if is_valid:
        return [dict(entry) for entry in given or ()]
    if given is not None:
        problems.append(f"{name} must be a list of mappings, such as [{{attack: badnets, attack.rate: 0.1}}].")
    return []


def _sorted(section: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    return {key: section[key] for key in sorted(section, key=lambda key: key.count("."))}
