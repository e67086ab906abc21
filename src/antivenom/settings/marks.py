"""Marks of component classes and annotations of their fields."""

import re
import time
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

STARTED = time.time_ns()
"""The time at which this process imported antivenom. A file of antivenom with a later time is not what runs."""
COMPONENT = "__antivenom_component__"
"""The attribute of a component's class with its time of creation, in nanoseconds since 1970."""
ADVICE = "__antivenom_advice__"
"""The attribute of a class with advice for users who pass its object as a component: one sentence by kind."""
LIVE = "live"
"""The name in a description of an object that was made in Python and is not a component."""


@dataclass(frozen=True)
class Meaning:
    """The words for a value in messages, in place of its type: `the number of a class`."""

    words: str


CLASS_NUMBER = "the number of a class"
"""The words for a value that is the number of a class."""

_GOT, _QUOTED = "; got ", re.compile(r"'([^']*)'")

Rate = Annotated[float, Interval(ge=0, le=1)]
Positive = Annotated[float, Interval(gt=0)]
NonNegative = Annotated[float, Interval(ge=0)]
Count = Annotated[int, Interval(ge=0)]
ClassNumber = Annotated[int, Interval(ge=0), Meaning(CLASS_NUMBER)]
AtLeastOne = Annotated[int, Interval(ge=1)]


@dataclass(frozen=True)
class Component:
    """Marks a field that contains another component: `Annotated[Trigger, Component("triggers")]`."""

    kind: str


@dataclass(frozen=True)
class Code:
    """Marks a text field that names code to import, `package.module:function`. The user must allow the code."""


def named_classes(problem: str) -> list[str]:
    """Return the text that was given in place of numbers of classes, by the message about it.

    >>> named_classes("F.pairs must be a list, each the number of a class; got (('cat', 1), ('dog', 2)).")
    ['cat', 'dog']
    """
    expected, _, got = problem.rpartition(_GOT)
    return list(dict.fromkeys(_QUOTED.findall(got))) if CLASS_NUMBER in expected else []


def name_of_class_advice(problem: str) -> str:
    """Return what to pass in Python in place of the name of a class; "" for another problem.

    >>> name_of_class_advice("F.target must be the number of a class, at least 0; got 'cat'.")
    " Pass data.classes.index('cat'); data.classes has the names of all classes in the order of their numbers."
    """
    if not (names := named_classes(problem)):
        return ""
    name = names[0]
    number = f" If you mean class {name}, pass {name} without quotes." if name.isdecimal() else ""
    return (
        f"{number} Pass data.classes.index({name!r}); data.classes has the names of all classes in the order of their "
        "numbers."
    )


def is_component(cls: object) -> bool:
    """True if this class has the decorator `component`."""
    return isinstance(cls, type) and hasattr(cls, COMPONENT)
