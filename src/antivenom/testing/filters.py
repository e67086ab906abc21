"""Checks of filters."""

import dataclasses

import torch
from torch import Tensor

from antivenom.calling import scores_from
from antivenom.data import Dataset
from antivenom.defences import Filter
from antivenom.metrics import share_above, threshold_for
from antivenom.rng import Rng
from antivenom.shapes import Inputs
from antivenom.testing._toys import bytes_of, global_state_untouched, toy_images, toy_victim
from antivenom.testing.register import check


def _suspicion(one: Filter, x: Inputs, clean: Dataset | None = None) -> Tensor:
    rows = clean or toy_images(96, seed=2)
    return scores_from(one, Filter.suspicion, x, toy_victim(), rows=len(x), rng=Rng(0), clean=rows).result


@check(quick=True, basic=True)
def filter_scores_each_input(one: Filter) -> None:
    """The filter returns a finite float for each input (n), without a gradient, as a run requires."""
    _suspicion(one, toy_images(40).inputs())


@check
def filter_scores_no_inputs(one: Filter) -> None:
    """The filter returns an empty tensor for no inputs."""
    _suspicion(one, toy_images(40).inputs()[:0])


@check(quick=True)
def filter_does_not_change_its_inputs(one: Filter) -> None:
    """The filter does not change inputs, classifier, clean rows or global random streams."""
    x, clean, classifier = toy_images(40).inputs(), toy_images(96, seed=2), toy_victim()
    before, weights, rows = x.clone(), bytes_of(classifier), clean.fingerprint
    with global_state_untouched():
        _suspicion(one, x, clean)
    assert torch.equal(x, before), "the filter changed the inputs"
    assert bytes_of(classifier) == weights, "the filter changed the classifier"
    assert dataclasses.replace(clean).fingerprint == rows, "the filter changed the clean rows"


def _altered() -> Inputs:
    """Return inputs that differ from clean ones: inverted, noise, black, white, shuffled, with a patch, mixed (n)."""
    x = toy_images(40, seed=4).inputs()
    noise = torch.rand(x.shape, generator=Rng(0).child("noise").generator()).to(x)
    shuffled = x.flatten(2)[..., torch.arange(x[0, 0].numel() - 1, -1, -1)].reshape(x.shape)
    bright, dark = x.clone(), x.clone()
    bright[..., -2:, :2], dark[..., -2:, :] = 1, 0
    kinds = (1 - x, noise, torch.zeros_like(x), torch.ones_like(x), shuffled, bright, dark, (x + x.flip(0)) / 2)
    return torch.cat(kinds)


def _threshold(one: Filter) -> float:
    return threshold_for(_suspicion(one, toy_images(480, seed=3).inputs()).double(), one.false_rejection_rate)


@check
def filter_rejects_something(one: Filter) -> None:
    """The filter rejects at least one input that differs from clean inputs."""
    rejected = share_above(_suspicion(one, _altered()), _threshold(one))
    assert rejected > 0, (
        "the filter rejects nothing: no inverted, noisy, black, white, shuffled, patched or mixed input has a higher "
        "suspicion than clean inputs. If it looks for other inputs, waive this check in its trial, with the reason"
    )


@check
def filter_keeps_clean_inputs(one: Filter) -> None:
    """The filter keeps most inputs that are as clean as the rows from which its threshold was derived."""
    rejected = share_above(_suspicion(one, toy_images(240, seed=5).inputs()), _threshold(one))
    limit = max(0.5, 2 * one.false_rejection_rate)
    assert rejected <= limit, (
        f"the filter rejects {100 * rejected:.0f} % of new clean inputs; the promise is "
        f"{100 * one.false_rejection_rate:.3g} %; this check fails only above {100 * limit:.3g} %, because its data is "
        "small"
    )


@check
def filter_is_reproducible(one: Filter) -> None:
    """The same seed returns exactly the same numbers."""
    x = toy_images(40).inputs()
    assert torch.equal(_suspicion(one, x), _suspicion(one, x)), "the same seed returned different numbers"


@check
def filter_scores_inputs_independently(one: Filter) -> None:
    """The suspicion of an input does not depend on the other inputs, or on its position."""
    x = _unclear_inputs()
    scores = _suspicion(one, x)
    permuted = Rng(1).child("order").order(torch.arange(len(x)))
    for rows in (torch.tensor([7]), torch.arange(12, 24), torch.arange(len(x)).flip(0), permuted):
        chosen = rows.to(x.device)
        assert torch.allclose(_suspicion(one, x[chosen]), scores[chosen], rtol=1e-4, atol=1e-5), (
            "the suspicion of an input depends on the other inputs, or on its position. For noise, draw one pattern "
            "and use it for all rows. Do not use a mean or a rank over `x`; use `clean` for that"
        )


def _unclear_inputs() -> Inputs:
    """Return toy images, their negatives, and mixtures of two, so that small changes move scores and predictions."""
    x = toy_images(40).inputs()
    return torch.cat([x, 1 - x, (x + x.flip(0)) / 2])
