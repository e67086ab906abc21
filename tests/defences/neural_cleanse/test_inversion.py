"""All classes at once, against each alone, written for reading."""

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from antivenom.defences.neural_cleanse.inversion import TANH_MARGIN, Inversion, norm_of
from antivenom.defences.neural_cleanse.search_settings import Search
from antivenom.rng import Rng
from tests.helpers.easy_images import CLEAN

SETTINGS: dict[str, Any] = {
    "steps": 50, "batch_size": 16, "norm": "l1", "per_channel": False, "learning_rate": 0.1, "init_cost": 1e-2,
    "cost_multiplier": 1.5, "attack_success_threshold": 0.95, "patience": 2, "window": 3, "early_stop": False,
    "early_stop_threshold": 0.99, "early_stop_patience": 10,
}  # fmt: skip


def one_by_one(classifier: Any, target: int, search: Search, rng: Rng, steps: int) -> tuple[Any, Any, list[float]]:
    """One class, written for reading: torch's own Adam, and the authors' schedule in plain numbers."""
    classifier, generator = classifier.copy(), rng.child("start", target).generator()
    channels = CLEAN.shape[0] if search.per_channel else 1
    shapes = ((channels, *CLEAN.shape[1:]), CLEAN.shape)
    raw = [torch.atanh((torch.rand(shape, generator=generator) - 0.5) * (2 - TANH_MARGIN)) for shape in shapes]
    raw = [part.requires_grad_() for part in raw]
    optimizer = torch.optim.Adam(raw, lr=search.learning_rate, betas=(0.5, 0.9))
    predicted, hits_and_tries = classifier.scores(CLEAN.inputs()).argmax(1), list[tuple[int, int]]()
    cost, set_, up, down, costs = 0.0, 0, 0, 0, []
    each = len(CLEAN) // search.batch_size
    best, best_norm = None, math.inf
    for step in range(steps):
        order = rng.child("order", step // each).order(CLEAN.ids)
        rows = order[(step % each) * search.batch_size : (step % each + 1) * search.batch_size]
        x = CLEAN.inputs(rows)
        mask, pattern = (part.tanh() / (2 - TANH_MARGIN) + 0.5 for part in raw)
        logits = classifier.logits((1 - mask) * x + mask * pattern)
        norm = {"l1": mask.sum(), "l2": mask.square().sum().sqrt(), "linf": mask.max()}[search.norm]
        tried = (CLEAN.y[rows] != target) & (predicted[rows] != target)
        wanted = torch.full((int(tried.sum()),), target)
        loss = functional.cross_entropy(logits[tried], wanted) + cost * norm
        optimizer.zero_grad()
        loss.backward()
        now = int((logits[tried].argmax(1) == target).sum()), len(wanted)
        hits_and_tries = [*hits_and_tries, now][-search.window :]
        hits, tries = (sum(each) for each in zip(*hits_and_tries, strict=True))
        good = len(hits_and_tries) == search.window and hits / tries >= search.attack_success_threshold
        if good and float(norm.detach()) < best_norm:
            best_norm, best = float(norm.detach()), mask.detach().clone()
        optimizer.step()
        if cost == 0:
            set_ = set_ + 1 if good else 0
            if set_ >= search.patience:
                cost, up, down = search.init_cost, 0, 0
        elif good:
            up, down = up + 1, 0
            if up >= search.patience:
                up, cost = 0, cost * search.cost_multiplier
        else:
            up, down = 0, down + 1
            if down >= search.patience:
                down, cost = 0, cost / search.cost_multiplier**1.5
        costs.append(cost)
    return [part.detach() for part in raw], best, costs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("norm", "per_channel", "chunks"),
    [("l1", False, 1 << 30), ("l2", False, 1 << 30), ("linf", False, 1 << 30), ("l1", True, 1 << 30), ("l2", False, 1)],
)
def test_all_classes_at_once_are_each_class_alone(both: Any, norm: Any, per_channel: bool, chunks: int) -> None:
    search = Search(**{**SETTINGS, "norm": norm, "per_channel": per_channel})
    inversion = Inversion(both[0], CLEAN, torch.arange(4), search, Rng(5), chunks)
    inversion.finish(torch.arange(4))
    found = inversion.result()
    assert found.steps.tolist() == [50] * 4
    for target in range(4):
        raw, best, costs = one_by_one(both[0], target, search, Rng(5), 50)
        for mine, theirs in zip(inversion.raw, raw, strict=True):
            assert torch.allclose(mine[target], theirs, atol=1e-4)
        assert float(inversion.cost[target]) == pytest.approx(costs[-1], rel=1e-5)
        assert bool(found.reached[target]) == (best is not None)
        if best is not None:
            assert torch.allclose(found.masks[target], best, atol=1e-4)


def test_a_class_does_not_depend_on_the_others(both: Any) -> None:
    search = Search(**{**SETTINGS, "early_stop": True, "steps": 200})
    inversions = [Inversion(both[0], CLEAN, which, search, Rng(5)) for which in (torch.arange(4), torch.tensor([2]))]
    for each in inversions:
        each.finish(torch.arange(len(each.targets)))
    whole, alone = (each.result() for each in inversions)
    assert torch.allclose(whole.masks[2], alone.masks[0], atol=1e-4)
    assert int(whole.steps[2]) == int(alone.steps[0])


def test_norms_are_theirs() -> None:
    masks = torch.tensor([[[[0.3, 0.4]]], [[[0.0, 1.0]]]])
    assert norm_of(masks, "l1").tolist() == pytest.approx([0.7, 1.0])
    assert norm_of(masks, "l2").tolist() == pytest.approx([0.5, 1.0])
    assert norm_of(masks, "linf").tolist() == pytest.approx([0.4, 1.0])
    still = torch.zeros(1, 1, 2, 2, requires_grad=True)
    norm_of(still, "l2").sum().backward()
    assert still.grad is not None
    assert bool(torch.isfinite(still.grad).all())
