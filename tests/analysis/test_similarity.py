"""The similarity of representations: its closed form, and batches against the whole."""

import pytest
import torch
from torch import Tensor

from antivenom.analysis import cka, similarity
from antivenom.errors import DataError
from antivenom.rng import Rng
from tests.helpers.trained import TEST, net


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Rng(seed).child("noise").generator(), dtype=torch.float64)


def by_hand(x: Tensor, y: Tensor) -> float:
    """The unbiased estimator, written for reading: Song et al. 2012, equation 5."""

    def hsic(k: Tensor, m: Tensor) -> Tensor:
        n = len(k)
        k, m = k - torch.diag(k.diagonal()), m - torch.diag(m.diagonal())
        one = torch.ones(n, 1, dtype=torch.float64)
        first = torch.trace(k @ m)
        second = (one.T @ k @ one) * (one.T @ m @ one) / ((n - 1) * (n - 2))
        third = 2 / (n - 2) * (one.T @ k @ m @ one)
        return (first + second - third) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    return float(hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt())


def test_cka_is_its_closed_form() -> None:
    for seed in range(5):
        x, y = noise(30, 7, seed=seed), noise(30, 12, seed=seed + 50)
        y[:, :7] += x
        assert cka(x, y) == pytest.approx(by_hand(x, y), abs=1e-10)
        assert cka(x, y) == pytest.approx(cka(y, x))


def test_cka_is_one_for_the_same_but_for_rotation_and_scale() -> None:
    x = noise(50, 8)
    turn = torch.linalg.qr(noise(8, 8, seed=1)).Q
    for same in (x, -3 * x, x @ turn, x + 5, torch.cat([x, torch.zeros(50, 4, dtype=torch.float64)], 1)):
        assert cka(x, same) == pytest.approx(1, abs=1e-9)
    assert cka(x, x * torch.linspace(0.1, 3, 8, dtype=torch.float64)) < 0.99


def test_cka_of_nothing_in_common_is_about_zero_though_rows_are_few() -> None:
    found = [cka(noise(40, 200, seed=seed), noise(40, 200, seed=seed + 100)) for seed in range(30)]
    assert abs(sum(found) / len(found)) < 0.02  # the biased estimator says 0.8 here


def test_few_or_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="at least 4 rows"):
        cka(noise(3, 2), noise(3, 2))
    with pytest.raises(DataError, match="the same number"):
        cka(noise(8, 2), noise(9, 2))


def test_batches_agree_with_the_whole() -> None:
    one, other = net(seed=0), net(seed=1)
    whole = similarity(one, other, TEST, batch_size=len(TEST))
    parts = similarity(one, other, TEST, batch_size=100)
    assert whole.matrix.shape == (len(whole.layers), len(whole.others))
    assert torch.allclose(whole.matrix, parts.matrix, atol=0.03)
    name = "hidden_1"
    direct = cka(one.features(TEST.inputs(), name).double(), other.features(TEST.inputs(), name).double())
    assert whole.same[name] == pytest.approx(direct, abs=1e-4)
    odd = similarity(one, other, TEST.subset(torch.arange(103)), batch_size=50)  # a last batch of three
    assert torch.isfinite(odd.matrix).all()


@pytest.mark.slow
def test_a_network_is_itself_and_an_untrained_one_is_another() -> None:
    one = net()
    assert all(value == pytest.approx(1, abs=1e-6) for value in similarity(one, one, TEST).same.values())
    assert similarity(one, one.fresh(Rng(9)), TEST).same["output"] < 0.9
