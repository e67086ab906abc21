"""The gradient through a victim's step, held to slow oracles."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from antivenom.attacks.layered import Layered
from antivenom.attacks.one_step import Functional, OneByOne, finite_differences, objective_for
from antivenom.attacks.victim_step import frozen_copy
from antivenom.models import ModuleClassifier, as_classifier
from tests.helpers.victims import LAYERED, STEP, VICTIMS, some, victim


def central(objective: Any, x: Tensor, y: Tensor, h: float = 1e-6) -> Tensor:
    """Central differences in float64, all pixels of a row in one call: slow, and beyond doubt."""
    size = x[0].numel()
    probes = h * torch.eye(size, dtype=torch.float64).view(size, *x.shape[1:])
    slopes = []
    for row, label in zip(x, y, strict=True):
        moved = objective.values(torch.cat([row + probes, row - probes]), label.repeat(2 * size))
        slopes.append((moved[:size] - moved[size:]) / (2 * h))
    return torch.stack(slopes).view_as(x)


def by_hand(classifier: ModuleClassifier, x: Tensor, y: Tensor, normal: Tensor, labels: Tensor) -> float:
    """The objective as the paper has it: a copy of the victim, one real step, the loss after it."""
    copied = classifier.copy()
    copied.module.eval()
    own = nn.functional.cross_entropy(copied.logits(x[None]), y[None])
    own.backward()
    with torch.no_grad():
        for name, weight in copied.module.named_parameters():
            weight.sub_(0.5 * (2.0 if name.endswith("bias") else 1.0) * weight.grad)
        harm = nn.functional.cross_entropy(copied.logits(normal), labels, reduction="sum")
    return float((harm - 0.3 * own).detach())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "name"),
    [
        *((way, name) for way in (Functional, OneByOne) for name in VICTIMS),
        *((Layered, name) for name in sorted(LAYERED)),
    ],
)
def test_the_exact_gradient_is_what_differences_say(way: Any, name: str) -> None:
    classifier, normal, (x, y) = victim(name), some(5, seed=1), some(3)
    objective = way(frozen_copy(classifier, "test"), STEP, *normal)
    values, slopes = objective.gradients(x, y)
    hand = [by_hand(classifier, x[row], y[row], *normal) for row in range(3)]
    assert torch.allclose(values, torch.tensor(hand, dtype=torch.float64), rtol=1e-9)
    assert torch.allclose(objective.values(x, y), values, rtol=1e-12)
    assert float(slopes.abs().max()) > 1e-3
    assert torch.allclose(slopes, central(objective, x, y), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", VICTIMS)
def test_known_layers_take_the_quick_way(name: str) -> None:
    found = objective_for(victim(name), STEP, *some(2), attack="test")
    assert isinstance(found, Layered if name in LAYERED else Functional)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 4)),
        nn.Sequential(nn.Linear(6, 3), nn.Flatten(), nn.Linear(18, 4)),
        nn.Sequential(nn.Conv2d(1, 4, 3, padding="same"), nn.Flatten(), nn.Linear(144, 4)),
    ],
)
def test_what_the_quick_way_does_not_know_goes_the_general_way(module: nn.Module) -> None:
    classifier = as_classifier(module, input_shape=(1, 6, 6))
    classifier.module.double()
    found = objective_for(classifier, STEP, *some(2), attack="test")
    assert isinstance(found, Functional)
    x, y = some(2, seed=3)
    assert torch.allclose(found.gradients(x, y)[1], central(found, x, y), rtol=1e-3, atol=1e-6)


class Looking(nn.Module):
    """A module that looks at a value, which no batch over its weights can do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(36, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x.flatten(1))
        return x * 2 if float(x.detach().abs().max()) > 0 else x


def test_what_cannot_be_batched_goes_one_by_one() -> None:
    classifier = as_classifier(Looking(), input_shape=(1, 6, 6))
    classifier.module.double()
    found = objective_for(classifier, STEP, *some(3, seed=1), attack="test")
    assert isinstance(found, OneByOne)
    x, y = some(2)
    assert torch.allclose(found.gradients(x, y)[1], central(found, x, y), rtol=1e-4, atol=1e-7)
    linear = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=(1, 6, 6))
    linear.module.double()
    both = [
        way(frozen_copy(linear, "test"), STEP, *some(3, seed=1)).normal_gradients(x, y)
        for way in (Functional, OneByOne)
    ]
    assert all(torch.allclose(a, b) for a, b in zip(*both, strict=True))


def test_normalisation_and_probabilities_are_differentiated_through() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Softmax(1))
    classifier = as_classifier(module, input_shape=(1, 6, 6), mean=0.3, std=(0.5,), outputs="probabilities")
    classifier.module.double()
    objective = objective_for(classifier, STEP, *some(3, seed=1), attack="test")
    x, y = some(2)
    assert torch.allclose(objective.gradients(x, y)[1], central(objective, x, y), rtol=1e-4, atol=1e-7)


def test_many_at_once_are_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = some(7)
    whole = Layered(frozen_copy(victim("a CNN with ReLU"), "test"), STEP, *some(4, seed=1)).gradients(x, y)
    monkeypatch.setattr("antivenom.attacks.victim_step.POISONS_PER_BATCH", 3)
    parts = Layered(frozen_copy(victim("a CNN with ReLU"), "test"), STEP, *some(4, seed=1)).gradients(x, y)
    assert all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(whole, parts, strict=True))
    monkeypatch.setattr("antivenom.attacks.victim_step.BYTES_PER_BATCH", {"cpu": 1, "cuda": 1})
    assert Layered(frozen_copy(victim(), "test"), STEP, *some(4, seed=1))._many == 1


def test_the_paper_s_probe_agrees_with_the_exact_sign() -> None:
    objective = objective_for(victim("a CNN with tanh"), STEP, *some(5, seed=1), attack="test")
    x, y = some(3)
    exact = objective.gradients(x, y)[1]
    probed = finite_differences(objective.values, x, y, probe=1e-6)
    live = exact.abs() > 1e-8  # pooling drops some pixels
    assert float((exact[live].sign() == probed[live].sign()).double().mean()) > 0.99
    assert float(probed[~live].abs().max()) < 1e-6
