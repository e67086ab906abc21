"""Names for the components of an experiment, also if it uses a component several times."""

from collections.abc import Sequence
from typing import Any, TypeVar

from antivenom.registry import name_of
from antivenom.settings.describing import describe_fields

T = TypeVar("T")
MAX_LETTERS = 80


def named(kind: str, parts: Sequence[T]) -> dict[str, T]:
    """Return components by name. Components of the same name are distinguished by the settings in which they differ.

    >>> from antivenom.repairs import FineTuning, Pruning
    >>> list(named("repairs", (Pruning(), FineTuning(), Pruning(rank="activation"))))
    ['pruning(rank=effect)', 'fine_tuning', 'pruning(rank=activation)']
    """
    names = [name_of(kind, type(part)) for part in parts]
    result: dict[str, T] = {}
    for part, name in zip(parts, names, strict=True):
        alike = [other for other, other_name in zip(parts, names, strict=True) if other_name == name]
        label = name if len(alike) == 1 else _with_differences(name, part, alike)
        number, unique = 1, label
        while unique in result:
            number += 1
            unique = f"{label}_{number}"
        result[unique] = part
    return result


def label(value: object) -> str:
    """Return a setting's value as text: for a component, its name and the settings that were given.

    >>> label({"name": "patch", "size": 2})
    'patch(size=2)'
    """
    if isinstance(value, dict):
        rest = ", ".join(f"{key}={label(item)}" for key, item in value.items() if key != "name")
        return f"{value.get('name', '')}({rest})" if rest else str(value.get("name", ""))
    if isinstance(value, list | tuple):
        return ", ".join(map(label, value))
    return str(value)


def labels(values: Sequence[Any]) -> list[str]:
    """Return the values of one axis of a grid as text. Lists of the same components show only the settings that differ.

    >>> labels([[{"name": "jitter", "noise": 0.1}], [{"name": "jitter", "noise": 0.3}]])
    ['noise=0.1', 'noise=0.3']
    >>> labels(["badnets", {"name": "label_flip", "rate": 0.2}])
    ['badnets', 'label_flip(rate=0.2)']
    """
    lists = [[_as_mapping(each) for each in value] for value in values if isinstance(value, list | tuple)]
    names = {tuple(each.get("name") for each in value) for value in lists}
    if len(lists) < len(values) or len(names) > 1:
        return [label(value) for value in values]
    texts = []
    for value in lists:
        words = []
        for place, part in enumerate(value):
            alike = [other[place] for other in lists]
            own = {key: item for key, item in part.items() if any(other.get(key) != item for other in alike)}
            words += [f"{key}={label(item)}" for key, item in own.items()]
        texts.append(", ".join(words) or label(value))
    return texts


def _as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"name": value}


def _with_differences(name: str, part: object, alike: Sequence[object]) -> str:
    own, others = describe_fields(part), [describe_fields(other) for other in alike]
    differing: dict[str, Any] = {
        key: value for key, value in own.items() if any(other.get(key) != value for other in others)
    }
    words = ", ".join(f"{key}={label(value)}" for key, value in differing.items())
    cut = words if len(words) <= MAX_LETTERS else words[: MAX_LETTERS - 1] + "…"
    return f"{name}({cut})" if cut else name
