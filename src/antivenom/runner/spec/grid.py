"""The cells of a sweep: every combination of its values, without those that are excluded, and those that are added."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from antivenom.errors import MissingDataError, SettingsError
from antivenom.runner.spec.axes import SECTIONS, Axes, read_axes
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.overrides import set_key
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe_fields
from antivenom.settings.naming import label, labels
from antivenom.shapes import ShortRepr

NAMED_BY_VALUE = {"attack", "model", "dataset", "training"}
"""Keys that are left out of a cell's name: their values are enough."""

MAX_NAME = 60

T = TypeVar("T", bound=ExperimentSettings)


@dataclass(frozen=True, eq=False, repr=False)
class Grid(ShortRepr, Generic[T]):
    """The cells of a sweep.

    Args:
        cells: the experiments by name, in the order of the spec.
        axes: the values that the sweep sets in each cell, by the cell's name.
        spec: the spec as it was read, with its grid.
    """

    cells: dict[str, T]
    axes: dict[str, dict[str, Any]]
    spec: dict[str, Any]


@dataclass
class Problems:
    """Everything that is wrong with the cells of a sweep, once each."""

    wrong: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def require_none(self) -> None:
        """Raise an error if there are problems."""
        if self.wrong:
            raise SettingsError([*self.wrong, *self.missing])
        if self.missing:
            raise MissingDataError(" ".join(self.missing))


def take_sections(mapping: dict[str, Any]) -> dict[str, Any]:
    """Remove `grid`, `zip`, `include` and `exclude` from a spec, and return those that are set.

    >>> take_sections({"seed": 1, "grid": {"attack.rate": [0.1]}, "zip": None})
    {'grid': {'attack.rate': [0.1]}}
    """
    taken = {name: mapping.pop(name, None) for name in SECTIONS}
    return {name: section for name, section in taken.items() if section is not None}


def expand(mapping: dict[str, Any], sections: Mapping[str, Any], cls: type[T], *, allow_code: bool) -> Grid[T]:
    """Return the cells of a sweep.

    Args:
        mapping: the spec without the sections of a sweep.
        sections: `grid`, `zip`, `include` and `exclude`, those that the spec has.
        cls: the class of the experiments.
        allow_code: whether components and factories that the spec names by import path may run.

    Raises:
        SettingsError: a section or a cell has problems; the error lists every problem once.
        MissingDataError: files are missing, and nothing else is wrong.
    """
    axes, wrong = read_axes(sections)
    problems = Problems(dict.fromkeys(wrong))
    problems.require_none()
    matchers, wrong = axes.excluded()
    problems.wrong |= dict.fromkeys(wrong)
    cells: dict[str, T] = {}
    chosen: dict[str, dict[str, Any]] = {}
    for name, values in _chosen(axes, matchers):
        made = _made(mapping, values, cls, problems, allow_code=allow_code)
        if made is not None:
            cells[name], chosen[name] = made, values
    if not cells and not (problems.wrong or problems.missing):
        problems.wrong["exclude removes every cell. Remove an entry of exclude."] = None
    problems.wrong |= dict.fromkeys(_repeated(cells))
    problems.require_none()
    return Grid(cells, chosen, {**mapping, **sections})


def set_keys(mapping: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Set dotted keys. Keys of whole components come before keys of their settings.

    Raises:
        SettingsError: a key cannot be set.
    """
    for key in sorted(values, key=lambda key: key.count(".")):
        set_key(mapping, key, copy.deepcopy(values[key]))


def _made(
    mapping: Mapping[str, Any], values: Mapping[str, Any], cls: type[T], problems: Problems, *, allow_code: bool
) -> T | None:
    cell = copy.deepcopy(dict(mapping))
    try:
        set_keys(cell, values)
        return make_experiment(cell, cls, allow_code=allow_code)
    except SettingsError as error:
        problems.wrong |= dict.fromkeys(error.problems)
    except MissingDataError as error:
        problems.missing[str(error)] = None
    return None


def _chosen(axes: Axes, matchers: Sequence[Sequence[set[int]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each cell, and the values that the sweep sets in it.

    A cell's number counts the excluded cells too, and the cells of `include` come last. So no other name changes if a
    cell is excluded or included.
    """
    values = axes.values
    words = {key: _words(key, each) for key, each in values.items()}
    width = len(str(axes.count or len(axes.include)))
    for number, place in enumerate(axes.places(), 1):
        if any(all(map(set.__contains__, matcher, place)) for matcher in matchers):
            continue
        indices = axes.indices(place)
        name = _cell_name(number, width, [words[key][index] for key, index in indices.items()])
        yield name, {key: values[key][index] for key, index in indices.items()}
    for number, entry in enumerate(axes.include, axes.count + 1):
        texts = [_words(key, [*values.get(key, ()), value])[-1] for key, value in entry.items()]
        yield _cell_name(number, width, texts), dict(entry)


def _words(key: str, values: Sequence[Any]) -> list[str]:
    """Return each value of an axis as a part of a name. A component's settings are part of it if needed."""
    last = key.rpartition(".")[2]
    names = [value.get("name") for value in values if isinstance(value, dict)]
    lists = labels(values) if any(isinstance(value, list) for value in values) else []
    words = []
    for place, value in enumerate(values):
        if isinstance(value, dict) and "name" not in value:
            words.append(f"{last}{label(value)}")
        elif isinstance(value, dict):
            words.append(str(value["name"]) if names.count(value["name"]) == 1 else label(value))
        elif isinstance(value, list):
            words.append(lists[place])
        elif last in NAMED_BY_VALUE and isinstance(value, str):
            words.append(value)
        else:
            words.append(f"{last}-{value}")
    return words


def _cell_name(number: int, width: int, words: Sequence[str]) -> str:
    """Return a name that is unique by its number, and readable by the values of the sweep."""
    slug = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower()).strip("-.")[:MAX_NAME]
    return f"{number:0{width}d}-{slug}"


def _repeated(cells: Mapping[str, ExperimentSettings]) -> Iterator[str]:
    """Yield a sentence for each cell that has the same settings as an earlier one."""
    seen: dict[Any, str] = {}
    for name, cell in cells.items():
        first = seen.setdefault(_settings(cell), name)
        if first != name:
            yield f"The cells {first} and {name} have the same settings. Remove one of them."


def _settings(cell: ExperimentSettings) -> Any:
    """Return a key that is equal for equal settings. Settings of a user's estimator cannot always be hashed."""
    try:
        hash(cell)
    except TypeError:
        return repr(describe_fields(cell))
    return cell
