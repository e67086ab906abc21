"""The numbers of classes that a spec names: a setting takes the number of a class, not its name."""

from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.calling import guarded
from antivenom.data import Source, Splits
from antivenom.errors import AntivenomError
from antivenom.files.opening import exists
from antivenom.registry import did_you_mean
from antivenom.settings import build
from antivenom.settings.fits import listed
from antivenom.settings.marks import named_classes


def with_class_numbers(problems: Sequence[str], mapping: Mapping[str, Any], *, allow_code: bool) -> list[str]:
    """Return the problems of a spec, with the number of each class that has its name in place of its number.

    Args:
        problems: the problems, one sentence each.
        mapping: the spec. Its data set is read only if a class is named, and its files exist.
        allow_code: whether components that the spec names by import path may run.
    """
    if not any(map(named_classes, problems)):
        return list(problems)
    classes = _classes(mapping, allow_code)
    return [f"{problem}{_number(problem, classes)}" for problem in problems]


def _number(problem: str, classes: Sequence[str]) -> str:
    names = named_classes(problem) if classes else []
    known = "".join(f" '{name}' is class {classes.index(name)}." for name in names if name in classes)
    if unknown := [name for name in names if name not in classes]:
        return f"{known} The classes 0, 1, … are {listed(classes)}.{did_you_mean(unknown[0], classes)}"
    return known


def _classes(mapping: Mapping[str, Any], allow_code: bool) -> tuple[str, ...]:
    """Return the names of the classes of the data set; none if it cannot be read, which is another problem."""
    try:
        source = build("datasets", mapping["dataset"], path="dataset", allow_code=allow_code)
        if not isinstance(source, Source) or not all(map(exists, source.files())):
            return ()
        splits: Splits = guarded(source, Source.load, Splits)()
        return splits.train.classes
    except (AntivenomError, KeyError):
        return ()
