"""Making experiments from a spec's mapping. All problems are reported together."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from antivenom.calling import guarded
from antivenom.errors import DataError, MissingDataError, SettingsError
from antivenom.files.opening import exists
from antivenom.registry import KINDS
from antivenom.runner.spec.class_names import with_class_numbers
from antivenom.runner.spec.overrides import override
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import ReadsFiles, build, build_as
from antivenom.storage.keys import missing_files_message
from antivenom.storage.yaml12 import read_yaml

T = TypeVar("T", bound=ExperimentSettings)


def read_spec(source: Path | str | Mapping[str, Any], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Return a copy of a spec's mapping, or the content of a YAML file, with the overrides set."""
    mapping = read_yaml(source) if isinstance(source, Path | str) else copy.deepcopy(dict(source))
    override(mapping, overrides)
    return mapping


def make_experiment(mapping: Mapping[str, Any], cls: type[T], *, allow_code: bool, look_for_files: bool = True) -> T:
    """Return the experiment that a mapping without a grid describes.

    Args:
        mapping: the spec.
        cls: the class of the experiment.
        allow_code: whether components and factories that the spec names by import path may run.
        look_for_files: whether a missing file is a problem.

    Raises:
        SettingsError: the spec has problems; the error lists all of them.
        MissingDataError: a file is missing, and the spec has no other problem.
    """
    misplaced = _misplaced(mapping)
    problems = list(misplaced.values())
    made = None
    try:
        known = {key: value for key, value in mapping.items() if key not in misplaced}
        made = build_as(cls, known, path="", allow_code=allow_code)
    except SettingsError as error:
        problems += error.problems
    missing = _missing_files(mapping, allow_code) if look_for_files else []
    if problems or made is None:
        raise SettingsError([*with_class_numbers(problems, mapping, allow_code=allow_code), *missing])
    if missing:
        raise MissingDataError(" ".join(missing))
    return made


def _misplaced(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each key that is a sort of defence, such as `filters`."""
    words = [f"{word}s" for word in KINDS["defences"].contracts]
    keys = {word.replace(" ", "_"): word for word in words}
    return {
        key: f"{key} is not a setting. {word.capitalize()} go under `defences`."
        for key, word in keys.items()
        if key in mapping
    }


def _missing_files(mapping: Mapping[str, Any], allow_code: bool) -> list[str]:
    missing = []
    for kind in ("datasets", "attacks", "models", "trainings"):
        path = kind.removesuffix("s")
        if path not in mapping:
            continue
        try:
            part = build(kind, mapping[path], path=path, allow_code=allow_code)
        except SettingsError:
            continue  # the problems of the experiment already contain this one
        if not isinstance(part, ReadsFiles):
            continue
        try:
            files = guarded(part, ReadsFiles.files, tuple)()
            if absent := [file for file in files if not exists(file)]:
                missing.append(f"{path}: {missing_files_message(absent)}")
        except DataError as error:
            missing.append(f"{path}: {error}")
    return missing
