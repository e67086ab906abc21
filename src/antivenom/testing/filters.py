"""What every filter promises."""

import dataclasses

import torch
from torch import Tensor

from antivenom.charts import with_evidence
from antivenom.data import Dataset
from antivenom.defences import Filter
from antivenom.rng import Rng
from antivenom.shapes import Inputs
from antivenom.testing._checks import check
from antivenom.testing._toys import bytes_of, global_state_untouched, toy_images, toy_victim


def _suspicion(one: Filter, x: Inputs, clean: Dataset | None = None) -> Tensor:
    given = clean or toy_images(96, seed=2)
    return with_evidence(one.suspicion(x, toy_victim(), rng=Rng(0), clean=given)).result


@check(quick=True)
def filter_leaves_its_inputs_alone(one: Filter) -> None:
    """Neither inputs, classifier, clean rows nor any global random stream is touched."""
    x, clean, classifier = toy_images(40).inputs(), toy_images(96, seed=2), toy_victim()
    before, weights, rows = x.clone(), bytes_of(classifier), clean.fingerprint
    with global_state_untouched():
        _suspicion(one, x, clean)
    assert torch.equal(x, before), "the inputs were changed"
    assert bytes_of(classifier) == weights, "the classifier was changed"
    assert dataclasses.replace(clean).fingerprint == rows, "the clean rows were changed"


@check(quick=True)
def filter_gives_each_input_a_number(one: Filter) -> None:
    """One finite number for each input (n), floating, without a gradient; none for no inputs."""
    x = toy_images(40).inputs()
    found = _suspicion(one, x)
    assert found.shape == (40,), f"40 inputs have a suspicion of shape {tuple(found.shape)}"
    assert found.is_floating_point(), f"suspicion is of type {found.dtype}"
    assert bool(found.isfinite().all()), "a suspicion is not finite"
    assert not found.requires_grad, "suspicion carries a gradient"
    assert _suspicion(one, x[:0]).shape == (0,), "no inputs do not give an empty tensor"


@check
def filter_is_reproducible(one: Filter) -> None:
    """Same seed, same numbers, to the bit."""
    x = toy_images(40).inputs()
    assert torch.equal(_suspicion(one, x), _suspicion(one, x)), "the same seed gave other numbers"


@check
def filter_judges_each_input_on_its_own(one: Filter) -> None:
    """The suspicion of an input is the same alone, among fewer others, and at another place."""
    x = toy_images(40).inputs()
    all_ = _suspicion(one, x)
    for rows in (torch.tensor([7]), torch.arange(12, 24), torch.arange(40).flip(0)):
        there = rows.to(x.device)
        assert torch.allclose(_suspicion(one, x[there]), all_[there], rtol=1e-4, atol=1e-5), (
            "the suspicion of an input depends on the other inputs"
        )
