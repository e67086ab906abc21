"""Repairs one after the other."""

import torch

from antivenom.metrics import coverage
from antivenom.models import Filtered
from antivenom.repairs import Filtering, FineTuning, InOrder, Unlearning
from antivenom.rng import Rng
from antivenom.testing import toy_images
from tests.helpers.planted import planted


def test_repairs_in_order_are_each_of_what_the_one_before_gave() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(200, seed=1), toy_images(400, seed=2)
    parts = (Filtering(layer="conv_1"), Unlearning(epochs=2))
    both = InOrder(repairs=parts).repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert isinstance(both, Filtered)
    by_hand = parts[0].repair(victim, clean, rng=Rng(0).child(0), verdict=verdict)
    by_hand = parts[1].repair(by_hand.classifier, clean, rng=Rng(0).child(1), verdict=verdict)
    assert all(torch.equal(each, both.state()[name]) for name, each in by_hand.state().items())
    assert coverage(both, goal.triggered(goal.attacked(test))) < 0.1
    assert InOrder(repairs=(FineTuning(),)).needs == {"gradients"}
    assert InOrder().needs == {"gradients", "triggers"}
