"""The key of a cell's result, by which the next run of a sweep knows that a cell is finished."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from antivenom.data import Source
from antivenom.errors import RunError
from antivenom.runner.executors.stages import choose_device
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import ReadsFiles, describe, describe_fields, is_component, is_live
from antivenom.storage.keys import arithmetic, bytes_of, identity
from antivenom.storage.sources import GRAPH

KEY = "key"
"""The name of the key in a cell's manifest."""

ROOT = "antivenom.runner.executors.cell"
"""The module whose imports are the code of every cell."""

PARTS = {"dataset": "datasets", "model": "models", "attack": "attacks", "training": "trainings",
         "surrogate": "surrogates", "defences": "defences", "repairs": "repairs", "analysis": "analyses"}  # fmt: skip
"""The kind of the components of each setting."""


def cell_keys(cells: Mapping[str, ExperimentSettings], device: str, threads: Mapping[str, int]) -> dict[str, str]:
    """Return the key of each cell, by its name. A cell with an object that has no identity has no key.

    Args:
        cells: the experiments by name.
        device: the device that computes.
        threads: the number of threads that each cell may use, by its name.
    """
    closure = GRAPH.current_closure([ROOT], since=None)
    if closure is None:  # a file was edited after this process imported it
        return {}
    given = {**arithmetic(choose_device(device)), "code": closure.digest}
    identified = _once(_identity)
    made = {name: _key(each, {**given, "threads": threads[name]}, identified) for name, each in cells.items()}
    return {name: key for name, key in made.items() if key is not None}


def is_finished(folder: Path, key: str | None) -> bool:
    """Return whether a cell's folder has the result with this key, and every file is as it was written."""
    if key is None or not (folder / MANIFEST).is_file():
        return False
    try:
        manifest = read_manifest(folder / MANIFEST)
        if manifest.about.get(KEY) != key or manifest.files is None:
            return False
        manifest.check(*manifest.files)
    except RunError:
        return False
    return all((folder / name).is_file() for name in manifest.files)


def _key(
    experiment: ExperimentSettings, given: Mapping[str, Any], identified: Callable[[str, Any], str | None]
) -> str | None:
    known = {}
    for setting, kind in PARTS.items():
        value = getattr(experiment, setting)
        for number, part in enumerate(value if isinstance(value, tuple) else (value,)):
            digest = identified(kind, part)
            if digest is None:
                return None
            known[f"{setting}.{number}"] = digest
    without = (*PARTS, "trackers", "resources")
    settings = {key: value for key, value in describe_fields(experiment).items() if key not in without}
    return _digest({"parts": known, "settings": settings, **given})


def _identity(kind: str, part: Any) -> str | None:
    known = identity(kind, part)
    if known is None:
        return None
    return _digest({**known, "files": bytes_of(part.files()) if isinstance(part, ReadsFiles | Source) else []})


def _once(function: Callable[[str, Any], str | None]) -> Callable[[str, Any], str | None]:
    """Return a function that computes each identity once: the cells of a grid have most components in common."""
    seen: dict[tuple[str, object], str | None] = {}

    def cached(kind: str, part: Any) -> str | None:
        settings = describe(kind, part) if is_component(type(part)) else None
        name = kind, (id(part) if settings is None or is_live(settings) else json.dumps(settings, sort_keys=True))
        if name not in seen:
            seen[name] = function(kind, part)
        return seen[name]

    return cached


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]
