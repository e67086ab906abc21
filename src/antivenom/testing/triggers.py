"""What every trigger promises."""

import torch

from antivenom.testing._checks import check
from antivenom.testing._toys import global_state_untouched, toy_images
from antivenom.triggers import Trigger


@check(quick=True)
def trigger_is_a_pure_function(trigger: Trigger) -> None:
    """Rows and random streams are untouched, shape and bounds are kept, and something changes, in images of 24 × 24."""
    inputs = toy_images(20).inputs().repeat_interleave(4, 2).repeat_interleave(4, 3)
    before = inputs.clone()
    with global_state_untouched():
        first, again = trigger.apply(inputs, (0.0, 1.0)), trigger.apply(inputs, (0.0, 1.0))
    assert torch.equal(inputs, before), "the trigger changed the rows it was given"
    assert first.shape == inputs.shape and torch.equal(first, again), "the trigger is not a function"
    assert 0 <= float(first.min()) <= float(first.max()) <= 1, "the trigger left the bounds"
    assert not torch.equal(first, inputs), "the trigger changes nothing"
