"""What marks a class as a component, and what its fields are annotated with."""

import time
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

STARTED = time.time_ns()
"""When this process began with antivenom: a file of antivenom's that was written later is not what runs."""
COMPONENT = "__antivenom_component__"
"""Where a component's class notes when it was made, in nanoseconds since the epoch."""
LIVE = "live"
"""The name, in a description, of what was made in Python and is no component."""


Rate = Annotated[float, Interval(ge=0, le=1)]
Positive = Annotated[float, Interval(gt=0)]
NonNegative = Annotated[float, Interval(ge=0)]
Count = Annotated[int, Interval(ge=0)]
AtLeastOne = Annotated[int, Interval(ge=1)]


@dataclass(frozen=True)
class Component:
    """Marks a field that holds another component: `Annotated[Trigger, Component("triggers")]`."""

    kind: str


@dataclass(frozen=True)
class Code:
    """Marks a text field that names code to import, `package.module:function`: refused unless code is allowed."""


def is_component(cls: object) -> bool:
    """Whether `component` made this class."""
    return isinstance(cls, type) and hasattr(cls, COMPONENT)
