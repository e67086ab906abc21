"""The gradient through a victim's step, held to slow oracles; and what is made with it."""

from typing import Any

import pytest
import torch
from torch import nn

from antivenom.attacks import GenerativePoison, GradientPoison, LossPoison
from antivenom.attacks.crafting import Crafted
from antivenom.attacks.one_step import objective_for
from antivenom.attacks.victim_step import VictimStep
from antivenom.data import Dataset
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import MLP, ModuleClassifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images, toy_table


def harm(attack: Any, data: Dataset, classifier: ModuleClassifier) -> float:
    """The mean loss of all rows after one step on each poison."""
    made = attack.poison(data, rng=Rng(0), surrogate=classifier)
    objective = objective_for(classifier, VictimStep(0.5, 1.0), data.inputs(), data.y, attack="test")
    return float(objective.values(made.data.decode(made.x), made.y).mean()) / len(data)


# Attacks ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_crafting_harms_more_than_the_flip_alone(data: Dataset, trained: ModuleClassifier) -> None:
    rates = {"count": 16, "victim_learning_rate": 0.5, "bias_rate_factor": 1.0}
    flip = harm(GradientPoison(rounds=0, **rates), data, trained)
    exact = harm(GradientPoison(normals=60, **rates), data, trained)
    probed = harm(GradientPoison(normals=60, gradient="finite_difference", **rates), data, trained)
    generated = harm(GenerativePoison(normals=60, hidden=(32,), pretraining=200, **rates), data, trained)
    assert exact > 1.3 * flip
    assert probed > 1.3 * flip
    assert generated > flip
    assert exact >= 0.95 * probed


def test_the_worst_label_harms_at_least_as_much(data: Dataset, trained: ModuleClassifier) -> None:
    rates = {"count": 16, "victim_learning_rate": 0.5, "bias_rate_factor": 1.0, "rounds": 0, "normals": 240}
    assert harm(GradientPoison(label="worst", **rates), data, trained) > harm(GradientPoison(**rates), data, trained)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.05), ("l2", 0.5)])
@pytest.mark.parametrize("table", [False, True])
def test_the_budget_holds_after_rounding(norm: Any, epsilon: float, table: bool) -> None:
    data = toy_table() if table else toy_images()
    blank = MLP(hidden=(8,)).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    attack = GradientPoison(count=20, norm=norm, epsilon=epsilon, keep_rounds=True)
    made = attack.poison(data, rng=Rng(0), surrogate=blank)
    assert made.rounds is not None
    assert torch.equal(made.rounds[:, -1], made.x)
    base = data.inputs(made.origin).flatten(1)
    for number in range(made.rounds.shape[1]):
        change = data.decode(made.rounds[:, number]).flatten(1) - base
        size = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
        assert float(size.max()) <= epsilon + 1e-6
    assert float(size.max()) > 0.8 * epsilon


def test_small_moves_add_up_though_each_is_less_than_a_grey_level() -> None:
    crafted = Crafted(toy_images(), torch.arange(3))
    start = crafted.stored()
    for _ in range(10):
        crafted.move(torch.full_like(crafted.base, 0.1 / 255))
    assert torch.equal(crafted.stored(), start + 1)


def test_horizon_and_recraft_follow_the_victim(data: Dataset, trained: ModuleClassifier) -> None:
    made = {}
    for name, settings in {
        "static": {},
        "recraft": {"recraft": True, "between": 2},
        "horizon": {"horizon": 4, "between": 2},
        "both": {"horizon": 3, "recraft": True},
    }.items():
        attack = GradientPoison(count=6, rounds=2, keep_rounds=True, **settings)
        made[name] = attack.poison(data, rng=Rng(0), surrogate=trained)
        assert made[name].rounds.shape == (6, 2, 1, 6, 6)
        assert torch.equal(made[name].rounds[:, -1], made[name].x)
    assert not torch.equal(made["static"].x[1:], made["recraft"].x[1:])
    assert not torch.equal(made["recraft"].x, made["horizon"].x)


@pytest.mark.parametrize(
    "settings",
    [
        {"label": "fixed"},
        {"target": 1},
        {"norm": "linf"},
        {"epsilon": 0.1},
        {"between": 2},
        {"horizon": 2, "gradient": "finite_difference"},
        {"recraft": True, "label": "worst"},
        {"probe": 0.01},
        {"stealth_limit": 2.0},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        GradientPoison(**settings)


@pytest.mark.parametrize("attack", [GradientPoison(), GenerativePoison()])
def test_what_has_no_gradients_is_refused_by_name(attack: Any, data: Dataset) -> None:
    from sklearn.linear_model import SGDClassifier

    linear = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    with pytest.raises(CapabilityError, match="requires gradients, which SGDClassifier does not provide"):
        attack.poison(data, rng=Rng(0), surrogate=linear)
    with pytest.raises(CapabilityError, match="Pass surrogate="):
        attack.poison(data, rng=Rng(0))


# Hardest rows, and files ----------------------------------------------------------------------------------------------


def test_the_hardest_rows_are_taken(data: Dataset, trained: ModuleClassifier) -> None:
    made = LossPoison(count=12).poison(data, rng=Rng(0), surrogate=trained)
    losses = nn.functional.cross_entropy(trained.logits(data.inputs()), data.y, reduction="none")
    assert set(made.origin.tolist()) == set(losses.argsort(descending=True)[:12].tolist())
    replaced = LossPoison(count=12, mode="replace").poison(data, rng=Rng(0), surrogate=trained)
    assert not set(replaced.rows.tolist()) & set(made.origin.tolist())
