"""Checks of architectures. `classifiers.py` contains the checks of the classifiers that they build."""

from antivenom.models import Model
from antivenom.rng import Rng
from antivenom.testing._device import here
from antivenom.testing._toys import CLASSES, bytes_of, global_state_untouched, toy_classifier
from antivenom.testing.register import check


@check
def model_builds_from_its_stream(model: Model) -> None:
    """The same stream returns the same weights, and no global random stream changes."""
    with global_state_untouched():
        first, again, other = (
            model.build(input_shape=(1, 8, 8), classes=CLASSES, bounds=(0.0, 1.0), rng=Rng(seed)) for seed in (0, 0, 1)
        )
    assert bytes_of(first) == bytes_of(again), "the same stream returned different weights"
    assert bytes_of(first) != bytes_of(other), "different streams returned the same weights"


@check(quick=True)
def model_moves_to_the_device(model: Model) -> None:
    """A classifier with gradients moves to the device; others stay on the CPU. The weights do not change."""
    built, moved = toy_classifier(model), toy_classifier(model).to(here())
    expected = here().type if "gradients" in built.can else "cpu"
    assert moved.device.type == expected, f"after to('{here()}') it must be on '{expected}'; it is on '{moved.device}'"
    assert bytes_of(moved) == bytes_of(built), "to() changed the weights"
