"""Fine-pruning."""

import torch

from antivenom.metrics import accuracy
from antivenom.repairs import FinePruning
from antivenom.rng import Rng
from antivenom.testing import toy_images
from tests.helpers.planted import planted


def test_fine_pruning_silences_what_sleeps_and_keeps_it_silent() -> None:
    victim, _, _ = planted()
    clean, test = toy_images(200, seed=1), toy_images(400, seed=2)
    dead = victim.silence("conv_1", torch.tensor([3]))
    repaired = FinePruning(limit=1e-6, epochs=2).repair(dead, clean, rng=Rng(0))
    assert float(repaired.state()["conv_1.weight"][3].abs().sum()) == 0
    assert accuracy(repaired, test) > accuracy(dead, test) - 0.02
    assert not torch.equal(repaired.state()["output.weight"], dead.state()["output.weight"])
