"""From a spec's mapping to experiments, with all problems at once."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from antivenom.errors import DataError, MissingDataError, SettingsError
from antivenom.runner.spec.overrides import override
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import ReadsFiles, build, build_as
from antivenom.storage.keys import missing_file_message
from antivenom.storage.yaml12 import read_yaml

T = TypeVar("T", bound=ExperimentSettings)


def read_spec(source: Path | str | Mapping[str, Any], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A spec's mapping, from a YAML file or as it is, with overrides set in a copy of it."""
    mapping = read_yaml(source) if isinstance(source, Path | str) else copy.deepcopy(dict(source))
    override(mapping, overrides)
    return mapping


def make_experiment(mapping: Mapping[str, Any], cls: type[T], *, allow_code: bool, look_for_files: bool = True) -> T:
    """The experiment that a mapping without a grid describes.

    Args:
        mapping: the spec.
        cls: the class to make.
        allow_code: whether components and factories that the spec names by import path may run.
        look_for_files: whether files that are missing are a problem.

    Raises:
        SettingsError: with every problem of the spec.
        MissingDataError: a file is missing, and nothing else is wrong.
    """
    problems: list[str] = []
    made = None
    try:
        made = build_as(cls, mapping, path="", allow_code=allow_code)
    except SettingsError as error:
        problems += error.problems
    missing = _missing_files(mapping, allow_code) if look_for_files else []
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
            continue  # the experiment's own problems name it
        if not isinstance(part, ReadsFiles):
            continue
        try:
            missing += [f"{path}: {missing_file_message(file)}" for file in part.files() if not file.exists()]
        except DataError as error:
            missing.append(f"{path}: {error}")
    return missing
