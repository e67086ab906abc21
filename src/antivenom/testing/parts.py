"""What every trigger, architecture and source of data promises."""

from collections.abc import Callable, Mapping

import torch

from antivenom.data import Source
from antivenom.models import Model
from antivenom.rng import Rng
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    check_all,
    global_state_untouched,
    settings_round_trip,
    toy_images,
)
from antivenom.triggers import Trigger


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


def trigger_settings_round_trip(trigger: Trigger) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("triggers", trigger)


def model_builds_from_its_stream(model: Model) -> None:
    """The same stream gives the same weights, and no global stream is touched."""
    with global_state_untouched():
        first, again, other = (
            model.build(input_shape=(1, 8, 8), classes=CLASSES, bounds=(0.0, 1.0), rng=Rng(seed)) for seed in (0, 0, 1)
        )
    assert bytes_of(first) == bytes_of(again), "the same stream gave other weights"
    assert bytes_of(first) != bytes_of(other), "another stream gave the same weights"


def model_settings_round_trip(model: Model) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("models", model)


def source_loads_the_same_twice(source: Source) -> None:
    """Loading is a function; no row stands in both splits."""
    with global_state_untouched():
        first, again = source.load(), source.load()
    assert first.train.fingerprint == again.train.fingerprint, "loading twice gave other training rows"
    assert first.test.fingerprint == again.test.fingerprint, "loading twice gave other test rows"
    assert all(file.is_file() for file in source.files()), "files() names a file that is not there"


TRIGGER_CHECKS: tuple[Callable[[Trigger], None], ...] = (
    trigger_is_a_pure_function,
    trigger_settings_round_trip,
)


MODEL_CHECKS: tuple[Callable[[Model], None], ...] = (model_builds_from_its_stream, model_settings_round_trip)


SOURCE_CHECKS: tuple[Callable[[Source], None], ...] = (source_loads_the_same_twice,)


def check_trigger(trigger: Trigger, waive: Mapping[str, str] | None = None) -> None:
    """Hold a trigger to every promise; as `check_attack`."""
    check_all(TRIGGER_CHECKS, (trigger,), waive)


def check_model(model: Model, waive: Mapping[str, str] | None = None) -> None:
    """Hold an architecture to every promise, on images of 8 × 8; as `check_attack`."""
    check_all(MODEL_CHECKS, (model,), waive)
