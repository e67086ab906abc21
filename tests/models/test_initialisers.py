"""First weights."""

import math
from collections.abc import Callable

import pytest
import torch

from antivenom.models.initialisers import fills, initialise
from antivenom.rng import Rng
from antivenom.testing import global_state_untouched


def drawn(name: str, *shape: int, seed: int = 0) -> torch.Tensor:
    weight = torch.empty(*shape)
    initialise(weight, name, Rng(seed).generator())  # type: ignore[arg-type]
    return weight


SCALES: dict[str, Callable[[int, int], float]] = {
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, _: 2 / fan_in,
    "lecun": lambda fan_in, _: 1 / fan_in,
}
SHAPES = {(300, 200): (200, 300), (40, 30, 5, 6): (30 * 30, 40 * 30)}
"""A weight's shape, and its fan in and fan out."""


@pytest.mark.parametrize("family", SCALES)
@pytest.mark.parametrize(("shape", "fans"), SHAPES.items())
def test_families_have_the_variance_of_their_papers(family: str, shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    variance = SCALES[family](*fans)
    for kind in ("uniform", "normal"):
        weight = drawn(f"{family}_{kind}", *shape)
        assert float(weight.var()) == pytest.approx(variance, rel=0.03)
        assert abs(float(weight.mean())) < 4 * math.sqrt(variance / weight.numel())
    assert float(drawn(f"{family}_uniform", *shape).abs().max()) <= math.sqrt(3 * variance)
    assert float(drawn(f"{family}_normal", *shape).abs().max()) <= 2 * math.sqrt(variance) / 0.8796256610342398 * 1.0001


def test_the_plain_initialisers() -> None:
    assert float(drawn("random_uniform", 200, 200).abs().max()) <= 0.05
    assert float(drawn("random_normal", 200, 200).std()) == pytest.approx(0.05, rel=0.03)
    assert float(drawn("truncated_normal", 200, 200).abs().max()) <= 0.1
    assert float(drawn("truncated_normal", 200, 200).std()) == pytest.approx(0.05 * 0.8796, rel=0.03)
    assert drawn("zeros", 2, 2).sum() == 0
    assert drawn("ones", 2, 2).sum() == 4
    weight = drawn("orthogonal", 20, 30)
    assert torch.allclose(weight @ weight.T, torch.eye(20), atol=1e-5)


@pytest.mark.parametrize("name", fills)
@pytest.mark.parametrize("shape", [(7,), (1,), (3, 4), (2, 3, 2, 2)])
def test_every_initialiser_fills_every_shape_from_its_stream_alone(name: str, shape: tuple[int, ...]) -> None:
    with global_state_untouched():
        weight = drawn(name, *shape)
    assert torch.isfinite(weight).all()
    assert torch.equal(weight, drawn(name, *shape))
    if name not in ("zeros", "ones", "orthogonal"):
        assert not torch.equal(weight, drawn(name, *shape, seed=1))
