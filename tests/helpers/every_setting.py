"""A component with a setting of every type."""

from typing import Annotated, Literal

from annotated_types import Interval

from antivenom.settings import (
    AtLeastOne,
    Code,
    Component,
    Count,
    NonNegative,
    Positive,
    Rate,
    component,
)
from antivenom.triggers import Trigger
from antivenom.triggers.patch import Patch

Triggers = tuple[Annotated[Trigger, Component("triggers")], ...]


@component
class Everything:
    """One field of each sort."""

    rate: Rate = 0.1
    positive: Positive = 1.0
    non_negative: NonNegative = 0.0
    below: Annotated[float, Interval(lt=1)] = 0.0
    count: Count = 0
    at_least_one: AtLeastOne = 1
    text: str = "a"
    flag: bool = False
    choice: Literal["left", "right"] = "left"
    maybe: Count | None = None
    many: tuple[AtLeastOne, ...] = (1, 2)
    pair: tuple[int, float] = (1, 2.0)
    sides: AtLeastOne | tuple[AtLeastOne, ...] = 3
    trigger: Annotated[Trigger, Component("triggers")] = Patch()
    optional: Annotated[Trigger, Component("triggers")] | None = None
    triggers: Triggers = ()
    code: Annotated[str, Code()] = "x:y"
