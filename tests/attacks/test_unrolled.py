"""The gradient along a victim's path, held to differences."""

import pytest
import torch
from torch import Tensor

from antivenom.attacks.layered import Layered
from antivenom.attacks.unrolled import Unrolled
from antivenom.attacks.victim_step import frozen_copy
from tests.helpers.victims import STEP, some, victim


def test_a_window_is_differentiated_along_the_whole_path() -> None:
    classifier = frozen_copy(victim("a CNN with tanh"), "test")
    (x, y), (clean_x, clean_y), normal = some(3), some(6, seed=2), some(4, seed=1)
    clean = (clean_x.view(3, 2, 1, 6, 6), clean_y.view(3, 2))

    def value(poison: Tensor) -> tuple[Tensor, Tensor]:
        return Unrolled(classifier, STEP, poison, y, *clean).gradients(classifier.weights(), *normal)

    slopes = value(x)[1]
    for poison, pixel in ((0, (0, 2, 2)), (1, (0, 5, 1)), (2, (0, 3, 3))):
        probe = torch.zeros_like(x)
        probe[(poison, *pixel)] = 1e-6
        assert float((value(x + probe)[0] - value(x - probe)[0]) / 2e-6) == pytest.approx(
            float(slopes[(poison, *pixel)]), rel=1e-4, abs=1e-8
        )


def test_one_poison_and_nothing_between_is_one_step() -> None:
    classifier = frozen_copy(victim(), "test")
    (x, y), normal = some(1), some(4, seed=1)
    none = (torch.empty(1, 0, 1, 6, 6, dtype=torch.float64), torch.empty(1, 0, dtype=torch.int64))
    walk = Unrolled(classifier, STEP, x, y, *none).gradients(classifier.weights(), *normal)
    alone = Layered(classifier, STEP, *normal).gradients(x, y)
    assert torch.allclose(walk[1], alone[1], rtol=1e-9)
    assert float(walk[0]) == pytest.approx(float(alone[0]))
