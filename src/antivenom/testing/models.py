"""What every architecture promises; `classifiers.py` has what the classifiers promise that it builds."""

from antivenom.models import Model
from antivenom.rng import Rng
from antivenom.testing._checks import check
from antivenom.testing._device import here
from antivenom.testing._toys import CLASSES, bytes_of, global_state_untouched, toy_classifier


@check
def model_builds_from_its_stream(model: Model) -> None:
    """The same stream gives the same weights, and no global stream is touched."""
    with global_state_untouched():
        first, again, other = (
            model.build(input_shape=(1, 8, 8), classes=CLASSES, bounds=(0.0, 1.0), rng=Rng(seed)) for seed in (0, 0, 1)
        )
    assert bytes_of(first) == bytes_of(again), "the same stream gave other weights"
    assert bytes_of(first) != bytes_of(other), "another stream gave the same weights"


@check(quick=True)
def model_is_moved_whole(model: Model) -> None:
    """A differentiable classifier goes where it is moved, another one stays on the CPU; its weights are the same."""
    built, moved = toy_classifier(model), toy_classifier(model).to(here())
    expected = here().type if "gradients" in built.can else "cpu"
    assert moved.device.type == expected, f"moved to '{here()}', it is on '{moved.device}'"
    assert bytes_of(moved) == bytes_of(built), "moving changed the weights"
