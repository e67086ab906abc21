"""The contract of triggers."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.calling import guarded, must_return
from antivenom.shapes import Inputs


@runtime_checkable
class Trigger(Protocol):
    """A component that changes an input to activate a backdoor, such as `Patch`."""

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Return new rows (n, *shape) with the trigger, within `bounds`. `x` itself is not changed."""


def apply_trigger(trigger: Trigger, x: Inputs, bounds: tuple[float, float]) -> Inputs:
    """Return new rows (n, *shape) with a trigger.

    Raises:
        ComponentError: the trigger raises an exception, or does not return rows of the same shape.
    """
    changed: Tensor = guarded(trigger, Trigger.apply, Tensor)(x, bounds)
    if changed.shape != x.shape or not changed.is_floating_point():
        given = f"{str(changed.dtype).removeprefix('torch.')} rows of the shape {tuple(changed.shape)}"
        raise must_return(trigger, Trigger.apply, f"rows of the shape {tuple(x.shape)} and of floats; got {given}.")
    return changed
