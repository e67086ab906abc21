"""From a spec to experiments: overrides, grids, and all problems at once."""

import copy
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from antivenom.errors import DataError, MissingDataError, SettingsError
from antivenom.runner.spec.settings import Experiment
from antivenom.runner.sweep import Sweep
from antivenom.settings import build, build_as, describe_fields, short
from antivenom.storage.keys import absent
from antivenom.storage.yaml12 import dump_yaml, parse_yaml, read_yaml

MAX_CELLS = 10_000


def load_spec(
    source: Path | str | Mapping[str, Any], *, overrides: Sequence[str] = (), allow_code: bool = False
) -> Experiment | Sweep:
    """An experiment, or a sweep where the spec has a `grid`.

    Args:
        source: a YAML file, or the mapping that one holds.
        overrides: `key=value`, the value in YAML: `attack.rate=0.05`. In order, the later wins.
        allow_code: whether components and factories that the spec names by import path may run.

    Raises:
        SettingsError: with every problem of the spec.
        MissingDataError: a file of the data set is missing, and nothing else is wrong.

    >>> spec = {"attack": {"name": "badnets", "target": 7}}
    >>> load_spec(spec, overrides=["attack.rate=5e-2"]).attack.rate
    0.05
    """
    mapping = read_yaml(source) if isinstance(source, Path | str) else copy.deepcopy(dict(source))
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise SettingsError([f"An override must be key=value; got {short(override)}."])
        for swept in mapping.get("grid") or () if isinstance(mapping.get("grid"), dict) else ():
            if f"{key.strip()}.".startswith(f"{swept}."):
                raise SettingsError([f"The grid sets {swept}. Take it out first: --set grid=null."])
        _place(mapping, key.strip(), parse_yaml(value, f"the value of {key}"))
    grid = mapping.pop("grid", None)
    if grid is None:
        return _experiment(mapping, allow_code)
    return _sweep(mapping, grid, allow_code)


def dump_spec(experiment: Experiment | Sweep) -> str:
    """The YAML that makes the same experiment again, every default written out.

    A sweep is written with its base and its grid, as it was read.
    """
    if isinstance(experiment, Sweep):
        return dump_yaml(experiment.spec)
    return dump_yaml(describe_fields(experiment))


def _experiment(mapping: Mapping[str, Any], allow_code: bool) -> Experiment:
    problems: list[str] = []
    made = None
    try:
        made = build_as(Experiment, mapping, path="", allow_code=allow_code)
    except SettingsError as error:
        problems += error.problems
    missing = _missing_files(mapping, allow_code)
    if problems or made is None:
        raise SettingsError([*problems, *missing])
    if missing:
        raise MissingDataError(" ".join(missing))
    return made


def _missing_files(mapping: Mapping[str, Any], allow_code: bool) -> list[str]:
    missing = []
    for kind in ("datasets", "attacks", "models", "trainings"):
        path = kind.removesuffix("s")
        if path not in mapping:
            continue
        try:
            part = build(kind, mapping[path], path=path, allow_code=allow_code)
        except SettingsError:
            continue  # told already
        if not callable(files := getattr(part, "files", None)):
            continue
        try:
            missing += [f"{path}: {absent(file)}" for file in files() if not file.exists()]
        except DataError as error:
            missing.append(f"{path}: {error}")
    return missing


def _sweep(mapping: dict[str, Any], grid: Any, allow_code: bool) -> Sweep:
    if (
        not isinstance(grid, dict)
        or not grid
        or not all(isinstance(k, str) and isinstance(v, list) and v for k, v in grid.items())
    ):
        raise SettingsError(["grid must map keys to lists of values, such as {attack.rate: [0.1, 0.2]}."])
    keys = sorted(grid, key=lambda key: key.count("."))
    count = 1
    for key in keys:
        count *= len(grid[key])
    if count > MAX_CELLS:
        raise SettingsError([f"grid has {count} cells; at most {MAX_CELLS} are allowed."])
    problems: dict[str, None] = {}
    cells: dict[str, Experiment] = {}
    settings: dict[str, dict[str, Any]] = {}
    for number, values in enumerate(itertools.product(*(grid[key] for key in keys)), 1):
        cell, chosen = copy.deepcopy(mapping), dict(zip(keys, values, strict=True))
        try:
            for key, value in chosen.items():
                _place(cell, key, copy.deepcopy(value))
            name = _cell_name(number, count, chosen)
            cells[name], settings[name] = _experiment(cell, allow_code), chosen
        except SettingsError as error:
            problems |= dict.fromkeys(error.problems)
        except MissingDataError as error:
            problems[str(error)] = None
    if problems:
        raise SettingsError(problems)
    name = next(iter(cells.values())).name
    return Sweep(name=name, cells=cells, axes=settings, spec={**mapping, "grid": grid})


def _cell_name(number: int, count: int, chosen: Mapping[str, Any]) -> str:
    words = [
        str(value.get("name", "")) if isinstance(value, dict) else f"{key.rpartition('.')[2]}-{value}"
        for key, value in chosen.items()
    ]
    plain = [key.rpartition(".")[2] in KINDLIKE for key in chosen]
    words = [
        str(value) if is_kind and isinstance(value, str) else word
        for word, is_kind, value in zip(words, plain, chosen.values(), strict=True)
    ]
    slug = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower()).strip("-.")[:60]
    return f"{number:0{len(str(count))}d}-{slug}"


KINDLIKE = {"attack", "model", "dataset", "training"}


def _place(mapping: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key: what is named alone becomes a mapping on the way, and a number picks from a list."""
    *path, last = key.split(".")
    inner: Any = mapping
    for depth, part in enumerate([*path, last]):
        where = ".".join(path[:depth])
        if isinstance(inner, list):
            if not (part.isascii() and part.isdigit() and len(part) < 4 and int(part) < len(inner)):
                raise SettingsError(
                    [f"{where} is a list of {len(inner)}; '{key}' must name one by its number, from 0."]
                )
            place: Any = int(part)
        elif isinstance(inner, dict):
            place = part
            if depth < len(path):
                inner.setdefault(part, {})
        else:
            raise SettingsError([f"{where} is {short(inner)}; '{key}' cannot be set in it."])
        if depth == len(path):
            inner[place] = value
            return
        if isinstance(inner[place], str):
            inner[place] = {"name": inner[place]}
        inner = inner[place]
