"""Check the arguments of a component's main method, so that a wrong one has a clear error and no deep traceback."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

METHODS = ("score", "suspicion", "scan", "blame", "repair", "poison", "fit")
"""The methods whose arguments are checked."""

CHECKED = "__antivenom_checks_arguments__"
"""The attribute of a method that checks its arguments."""

DATASET = (("inputs", "ids"), "a Dataset. Make one: Dataset.from_arrays(x, y)")
EXPECTED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "rng": (("child", "seed"), "an Rng. Pass rng=Rng(0), with `from antivenom import Rng`"),
    "classifier": (
        ("scores", "can"),
        "a classifier. Convert your model: as_classifier(model, input_shape=(1, 28, 28)), with the shape of one row",
    ),
    "clean": DATASET,
    "data": DATASET,
}
"""For each argument, the members by which it is recognised, and the words of the message."""


def check_arguments(cls: type[Any]) -> None:
    """Replace the main methods of a component by methods that first check their arguments."""
    for name in METHODS:
        method = getattr(cls, name, None)
        if inspect.isfunction(method) and not hasattr(method, CHECKED):
            setattr(cls, name, _checking(cls.__name__, method))


def _checking(owner: str, method: Callable[..., Any]) -> Callable[..., Any]:
    parameters = inspect.signature(method).parameters
    names = list(parameters)[1:]
    optional = {name for name, each in parameters.items() if each.default is None or "None" in str(each.annotation)}

    @functools.wraps(method)
    def checked(self: Any, *arguments: Any, **named: Any) -> Any:
        for name, value in (*zip(names, arguments, strict=False), *named.items()):
            if name in EXPECTED and not (value is None and name in optional):
                _check(f"{owner}.{method.__name__}", name, value)
        return method(self, *arguments, **named)

    setattr(checked, CHECKED, True)
    return checked


def _check(where: str, name: str, value: object) -> None:
    members, expected = EXPECTED[name]
    if isinstance(value, type) or not all(hasattr(value, member) for member in members):
        raise TypeError(f"{where}: `{name}` must be {expected}; got {_named(value)}.")


def _named(value: object) -> str:
    kind = type(value)
    plain = isinstance(value, bool | int | float | str | type) or value is None
    return repr(value) if plain else f"an object of type {kind.__module__.partition('.')[0]}.{kind.__qualname__}"
