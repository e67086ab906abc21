"""The contract of triggers."""

from typing import Protocol, runtime_checkable

from antivenom.shapes import Inputs


@runtime_checkable
class Trigger(Protocol):
    """A component that changes an input to activate a backdoor, such as `Patch`."""

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Return new rows (n, *shape) with the trigger, within `bounds`. `x` itself is not changed."""
