"""The contract of triggers."""

from typing import Protocol, runtime_checkable

from antivenom.shapes import Inputs


@runtime_checkable
class Trigger(Protocol):
    """What an attacker puts into an input to activate a backdoor: a component, such as `Patch`."""

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """New rows (n, *shape) with the trigger in them, within `bounds`; `x` itself is untouched."""
