"""Poison from an autoencoder."""

from typing import Any

import pytest
import torch

from antivenom.attacks import GenerativePoison
from antivenom.attacks.generative_poison import sign_feedback
from antivenom.attacks.generator import Generator
from antivenom.attacks.one_step import Functional
from antivenom.attacks.victim_step import VictimStep, frozen_copy
from antivenom.data import Dataset
from antivenom.models import ModuleClassifier
from antivenom.rng import Rng


@pytest.mark.parametrize(("architecture", "hidden"), [("dense", (32,)), ("convolutional", (8,))])
def test_a_saved_generator_makes_the_same_poison(
    architecture: Any, hidden: tuple[int, ...], data: Dataset, trained: ModuleClassifier, tmp_path: Any
) -> None:
    attack = GenerativePoison(count=10, architecture=architecture, hidden=hidden, pretraining=50, rounds=2)
    generator, made = attack.train_generator(data, rng=Rng(0), surrogate=trained)
    generator.save(tmp_path / "generator.safetensors")
    again = Generator.load(tmp_path / "generator.safetensors")
    x = data.inputs(made.origin)
    assert torch.equal(again.poison(x), generator.poison(x))
    reloaded = GenerativePoison(count=10, generator=str(tmp_path / "generator.safetensors"))
    same = reloaded.poison(data, rng=Rng(0), surrogate=trained)
    assert torch.equal(same.x, data.encode(generator.poison(data.inputs(same.origin)).clone()))


def test_pretraining_gives_rows_back(data: Dataset, trained: ModuleClassifier) -> None:
    errors = []
    for steps in (0, 400):
        attack = GenerativePoison(count=0, hidden=(64,), pretraining=steps)
        generator, _ = attack.train_generator(data, rng=Rng(0), surrogate=trained)
        errors.append(float((generator.poison(data.inputs()) - data.inputs()).square().mean()))
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.slow
def test_the_papers_feedback_is_its_sign(data: Dataset, trained: ModuleClassifier) -> None:
    slow = Functional(frozen_copy(trained, "test"), VictimStep(0.05, 2.0), data.inputs()[:5], data.y[:5])
    x, y = data.inputs()[5:8], (data.y[5:8] + 1) % 4
    first, values = sign_feedback(slow, x, y, None)
    assert set(first.unique().tolist()) <= {-1.0, 0.0, 1.0}
    fallen, _ = sign_feedback(slow, x, y, values + 1)
    assert torch.equal(first, -fallen)
    h, pixel = 1e-3, (0, 2, 2)
    moved = slow.x.clone()
    moved[(slice(None), *pixel)] += h
    other = Functional(frozen_copy(trained, "test"), VictimStep(0.05, 2.0), moved, data.y[:5])
    rose = other.values(x, y) - slow.values(x, y)
    assert torch.equal(rose.sign(), slow.normal_gradients(x, y)[1][(slice(None), *pixel)].sign())
