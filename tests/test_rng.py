"""Random streams: told apart by seed and name, the same for ever, and by id alone."""

import random

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from antivenom.rng import Rng

IDS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50, unique=True)
SEEDS = st.integers(0, 2**64)
GOLDEN = {
    "integer": 250440097,
    "keys": [204703633905600042, 4651356522417035793, 2420187500153307455, 4939714840195369183, 6368808467553560619],
    "order": [0, 6, 2, 1, 3, 5, 8, 9, 4, 7],
    "torch": [134, 550, 806],
    "numpy": [110, 63, 99],
    "deep": 1216524361,
}


def test_numbers_stay_what_they_were() -> None:
    """A change of these changes every figure that anybody ever published with antivenom."""
    rng = Rng(0).child("attack")
    assert rng.integer() == GOLDEN["integer"]
    assert rng.keys(torch.tensor([0, 1, 2, -1, 2**62])).tolist() == GOLDEN["keys"]
    assert rng.order(torch.arange(10)).tolist() == GOLDEN["order"]
    assert torch.randint(1000, (3,), generator=rng.generator()).tolist() == GOLDEN["torch"]
    assert rng.numpy().integers(1000, size=3).tolist() == GOLDEN["numpy"]
    assert Rng(7).child("repeat", 0).child("fit", "order", 3).integer() == GOLDEN["deep"]


@given(SEEDS, st.text(max_size=5), st.text(max_size=5))
def test_streams_differ_by_seed_and_by_name(seed: int, name: str, other: str) -> None:
    rng = Rng(seed)
    assert rng.child(name).integer(1 << 63) != rng.integer(1 << 63)
    assert rng.child(name).integer(1 << 63) != Rng(seed + 1).child(name).integer(1 << 63)
    assert (rng.child(name).integer(1 << 63) == rng.child(other).integer(1 << 63)) == (name == other)


@pytest.mark.parametrize(("one", "two"), [(("a", "bc"), ("ab", "c")), (("a", "b"), ("a, b",)), (("a",), ("a", ""))])
def test_paths_that_spell_alike_are_different_streams(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    assert Rng(0).child(*one).integer() != Rng(0).child(*two).integer()


def test_several_names_go_several_levels_down() -> None:
    assert Rng(0).child("a", 1, "b") == Rng(0).child("a").child("1").child("b")


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_a_seed_of_numpys_is_the_same_seed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the type
    assert Rng(seed).child("a").integer() == Rng(3).child("a").integer()


@given(IDS, SEEDS, st.randoms(use_true_random=False))
def test_a_key_depends_on_its_id_alone(ids: list[int], seed: int, shuffle: random.Random) -> None:
    rng = Rng(seed)
    keys = dict(zip(ids, rng.keys(torch.tensor(ids)).tolist(), strict=True))
    assert all(0 <= key < 2**63 for key in keys.values())
    shuffled = shuffle.sample(ids, k=shuffle.randint(1, len(ids)))
    assert rng.keys(torch.tensor(shuffled)).tolist() == [keys[i] for i in shuffled]


@given(IDS, IDS, SEEDS)
def test_rows_that_two_sets_share_keep_their_order(ids: list[int], more: list[int], seed: int) -> None:
    rng, longer = Rng(seed), list(dict.fromkeys([*more, *ids]))
    first = [ids[i] for i in rng.order(torch.tensor(ids)).tolist()]
    second = [longer[i] for i in rng.order(torch.tensor(longer)).tolist()]
    assert [i for i in second if i in set(ids)] == first
    assert sorted(second) == sorted(longer)


@pytest.mark.parametrize("start", [0, 10**9, -(2**40)])
def test_keys_of_neighbouring_ids_are_uniform_and_independent(start: int) -> None:
    keys = Rng(5).child("x").keys(torch.arange(start, start + 40_000))
    for bits in (keys >> 57, keys & 63):  # the highest and the lowest six
        assert stats.chisquare(torch.bincount(bits, minlength=64).numpy()).pvalue > 1e-4
    unit = keys.double() / 2**63
    assert abs(float(torch.corrcoef(torch.stack([unit[:-1], unit[1:]]))[0, 1])) < 0.02


def test_an_order_is_far_from_the_order_it_was_given() -> None:
    order = Rng(0).order(torch.arange(2000)).double()
    assert abs(float(torch.corrcoef(torch.stack([order, torch.arange(2000.0).double()]))[0, 1])) < 0.1


@pytest.mark.parametrize("below", [1, 2, 10, 1 << 32, 1 << 63])
def test_integers_are_below(below: int) -> None:
    assert all(0 <= Rng(seed).integer(below) < below for seed in range(20))


def test_generators_start_anew_each_time() -> None:
    rng = Rng(1)
    assert torch.equal(torch.rand(3, generator=rng.generator()), torch.rand(3, generator=rng.generator()))
    assert rng.numpy().random() == rng.numpy().random()


def test_the_global_stream_is_lent_and_given_back() -> None:
    before = torch.get_rng_state()
    with Rng(1).torch_globally():
        first = torch.rand(3)
    with Rng(1).torch_globally():
        assert torch.equal(torch.rand(3), first)
    with Rng(2).torch_globally():
        assert not torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_stream_is_given_back_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), Rng(1).torch_globally():
        torch.rand(3)
        raise ZeroDivisionError
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_else_touches_a_global_stream() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # Python's own is beartype's to draw from
    rng = Rng(0).child("a")
    rng.keys(torch.arange(3)), rng.order(torch.arange(3)), rng.numpy().random(), rng.integer()
    torch.rand(2, generator=rng.generator())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
