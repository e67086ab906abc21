"""Rows become inputs batch by batch: results do not depend on the memory budget, except for rounding."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from antivenom.analysis import integrated_gradients
from antivenom.attacks import GenerativePoison, GradientPoison, RandomNoise
from antivenom.attacks.victim_step import VictimStep, accuracy_after_step
from antivenom.data import Dataset
from antivenom.goals import Backdoor
from antivenom.models import MLP, batches, input_batches
from antivenom.repairs.filtering import activations_of
from antivenom.repairs.pruning import activation_increase, silencing_effects
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.testing.repairs import verdict_on
from antivenom.triggers import Patch

DATA = toy_images(100)
BUDGET = 7 * 4 * 36
"""The bytes of 7 rows."""
NET = MLP(hidden=(16,)).build(input_shape=DATA.shape, classes=4, bounds=(0.0, 1.0), rng=Rng(0))
TRIGGERS: Any = verdict_on(DATA, 2).triggers
EXACT: dict[str, Callable[[], torch.Tensor]] = {
    "triggered": lambda: Backdoor(trigger=Patch(), target=1).triggered(DATA).x,
    "next": lambda: GenerativePoison(count=60, hidden=(8,), pretraining=2, rounds=1).poison(DATA, **attacked()).y,
    "between": lambda: GradientPoison(count=20, between=2, horizon=4, rounds=2).poison(DATA, **attacked()).x,
    "accuracy": lambda: accuracy_after_step(NET, VictimStep(0.5), DATA.inputs(slice(0, 3)), DATA.y[:3], DATA),
}
ROUNDED: dict[str, Callable[[], torch.Tensor]] = {
    "worst": lambda: (
        GenerativePoison(count=60, hidden=(8,), pretraining=2, rounds=1, label="worst").poison(DATA, **attacked()).y
    ),
    "increase": lambda: activation_increase(NET, DATA, TRIGGERS, (0, 2), "hidden_1"),
    "effects": lambda: silencing_effects(NET, DATA, TRIGGERS, (0, 2), "hidden_1"),
    "activations": lambda: activations_of(NET, DATA, None),
    "activations of a layer": lambda: activations_of(NET, DATA, "hidden_1", lambda x: x / 2),
}


def attacked() -> dict[str, Any]:
    return {"rng": Rng(0), "surrogate": NET}


@pytest.mark.parametrize("name", [*EXACT, *ROUNDED])
def test_results_do_not_depend_on_the_budget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make = (EXACT | ROUNDED)[name]
    before = make()
    monkeypatch.setattr(batches, "BYTES_OF_ROWS", BUDGET)
    after = make()
    if name in EXACT:
        assert torch.equal(before, after)
    else:
        torch.testing.assert_close(after, before)


@pytest.mark.parametrize("rows", [16, 17, 40, 95])
def test_noise_in_batches_is_the_noise_of_one_draw(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch fills normal numbers in blocks of 16."""
    before = RandomNoise(count=rows).poison(DATA, rng=Rng(0))
    monkeypatch.setattr(batches, "BYTES_OF_ROWS", 2 * 16 * 4 * 36 + 5)
    assert torch.equal(RandomNoise(count=rows).poison(DATA, rng=Rng(0)).x, before.x)


def test_attribution_takes_batches_of_a_network_with_many_activations() -> None:
    x, y = DATA.inputs(slice(0, 30)), DATA.y[:30]
    narrow = NET.copy()
    narrow.rows_per_gradient = 7
    torch.testing.assert_close(integrated_gradients(narrow, x, y), integrated_gradients(NET, x, y))


def test_batches_cover_all_rows_and_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BYTES_OF_ROWS", BUDGET)
    sizes = [len(x) for _, x in input_batches(DATA)]
    assert sizes == [7] * 14 + [2]
    assert [len(x) for _, x in input_batches(DATA, most=60)] == sizes
    assert torch.equal(torch.cat([x for _, x in input_batches(DATA)]), DATA.inputs())
    chosen = torch.tensor([5, 3, 99])
    assert torch.equal(torch.cat([x for _, x in input_batches(DATA, chosen, most=2)]), DATA.inputs(chosen))
    assert not list(input_batches(DATA.subset(chosen[:0])))
    assert not list(input_batches(DATA, chosen[:0]))


def test_a_row_above_the_budget_is_a_batch_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BYTES_OF_ROWS", 1)
    assert [len(x) for _, x in input_batches(DATA.subset(torch.arange(3)))] == [1, 1, 1]


def test_rows_of_floats_are_not_copied() -> None:
    floats: Dataset = replace(DATA, x=DATA.inputs())
    ((_, x),) = input_batches(floats)
    assert x.data_ptr() == floats.x.data_ptr()
