"""Filters, and classifiers behind one."""

from dataclasses import replace

import torch

from antivenom.metrics import accuracy, confusion, coverage
from antivenom.models import MLP, Filtered, predictions
from antivenom.repairs import Filtering, FineTuning, apply_repair
from antivenom.rng import Rng
from antivenom.testing import toy_images
from tests.helpers.planted import CLEAN, Bright, planted


def test_what_a_gate_refuses_gets_no_answer() -> None:
    net = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    data = CLEAN.subset(torch.arange(8))
    bright = torch.zeros(8, 1, 6, 6, dtype=torch.uint8)
    bright[:3] = 255
    data = replace(data, x=bright)
    kept = Filtered(net, Bright())
    assert predictions(kept, data).tolist()[:3] == [-1] * 3
    assert torch.equal(predictions(kept, data)[3:], predictions(net, data)[3:])
    assert coverage(kept, data) == 5 / 8
    assert coverage(net, data) == 1
    assert accuracy(kept, data) == float((predictions(net, data)[3:] == data.y[3:]).sum()) / 8
    assert int(confusion(kept, data).sum()) == 5
    assert (kept.classes, kept.can) == (net.classes, net.can)
    again = apply_repair(FineTuning(epochs=1), kept, CLEAN, rng=Rng(0), verdict=None).result
    assert isinstance(again, Filtered)
    assert again.gate is kept.gate
    assert not torch.equal(again.state()["output.weight"], net.state()["output.weight"])


def test_a_filter_refuses_triggered_rows_and_hardly_any_others() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(400, seed=1), toy_images(400, seed=2)
    kept = Filtering(layer="conv_1", false_rejection_rate=0.05).repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert 0.89 <= coverage(kept, test) < 1
    assert coverage(kept, goal.triggered(goal.attacked(test))) < 0.1
    assert (goal.success(kept, test) or 0) < 0.1 < 0.9 < (goal.success(victim, test) or 0)
    calm = replace(verdict, flagged=torch.zeros(4, dtype=torch.bool))
    assert coverage(Filtering().repair(victim, clean, rng=Rng(0), verdict=calm), test) == 1
