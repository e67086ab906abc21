"""Checks of triggers."""

import torch

from antivenom.testing._toys import global_state_untouched, toy_images
from antivenom.testing.register import check
from antivenom.triggers import Trigger


@check(quick=True)
def trigger_is_a_pure_function(trigger: Trigger) -> None:
    """The trigger changes images of 24 × 24 pixels within their bounds, but not its inputs or random streams."""
    inputs = toy_images(20).inputs().repeat_interleave(4, 2).repeat_interleave(4, 3)
    before = inputs.clone()
    with global_state_untouched():
        first, again = trigger.apply(inputs, (0.0, 1.0)), trigger.apply(inputs, (0.0, 1.0))
    assert torch.equal(inputs, before), "the trigger changed the rows that it received"
    assert first.shape == inputs.shape, f"the shape must be {tuple(inputs.shape)}; got {tuple(first.shape)}"
    assert torch.equal(first, again), "two calls returned different rows"
    assert 0 <= float(first.min()) <= float(first.max()) <= 1, "the values must be within the bounds, 0 and 1"
    assert not torch.equal(first, inputs), "the trigger must change the rows; it did not"
