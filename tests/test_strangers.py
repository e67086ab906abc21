"""The networks of `benchmarks.strangers`: every recipe builds, every kind poisons as it says, and making resumes."""

import json
from pathlib import Path

import pytest
import torch
from benchmarks.strangers import making
from benchmarks.strangers.cases import BACKDOORED_PER_RECIPE, CLEAN, CLEAN_PER_RECIPE, Case, cases
from benchmarks.strangers.kinds import CHANNELS, KINDS, SIDE, kinds_for
from benchmarks.strangers.loading import load
from benchmarks.strangers.poisoning import CLEAN_ROLE, COVER_ROLE, POISON_ROLE, drawn_poison, poisoned
from benchmarks.strangers.recipes import RECIPES
from benchmarks.strangers.rows import Rows, defender_rows, measured_rows, pixels, training_rows
from benchmarks.strangers.summary import summary
from benchmarks.strangers.training import drawn_settings, outside, trained
from benchmarks.strangers.triggers import stamped

PAIRS = [(kind, data) for data in SIDE for kind in kinds_for(data)]


def random_rows(data: str, count: int = 200) -> Rows:
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(count, CHANNELS[data], SIDE[data], SIDE[data], generator=generator) * 255).round() / 255
    return Rows(x, torch.arange(count) % 10)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_trains_a_network(name: str) -> None:
    recipe = RECIPES[name]
    rows = random_rows(recipe.data, 2 * recipe.batch)
    settings = {**drawn_settings(recipe, 1), "width": recipe.widths[0], "epochs": 1}
    network = trained(recipe, settings, rows, seed=3)
    scores = network(outside(recipe, rows.x[:5]))
    assert scores.shape == (5, 10)
    assert scores.dtype == torch.float32
    assert not network.training
    torch.testing.assert_close(scores, trained(recipe, settings, rows, seed=3)(outside(recipe, rows.x[:5])))


@pytest.mark.parametrize("name", RECIPES)
def test_schedules_stay_between_0_and_1(name: str) -> None:
    factors = [RECIPES[name].schedule(step / 100) for step in range(100)]
    assert min(factors) > 0
    assert max(factors) <= 1.01


@pytest.mark.parametrize(("kind", "data"), PAIRS)
def test_each_kind_changes_the_rows_that_it_says(kind: str, data: str) -> None:
    rows, poison = random_rows(data, 2000), drawn_poison(kind, data, seed=5)
    low, high = KINDS[kind].first_rates(data)
    assert low - 1e-4 <= poison["rate"] <= min(high, KINDS[kind].max_rate) + 1e-4
    changed, roles = poisoned(rows, poison, seed=7)
    assert (roles == POISON_ROLE).double().mean() == pytest.approx(poison["rate"], abs=1e-3)
    cover = poison["rate"] * poison["cover"]
    assert (roles == COVER_ROLE).double().mean() == pytest.approx(cover, abs=2e-3)
    clean, poison_rows = roles == CLEAN_ROLE, roles == POISON_ROLE
    assert torch.equal(changed.x[clean], rows.x[clean])
    assert torch.equal(changed.y[~poison_rows], rows.y[~poison_rows])
    different = (changed.x[~clean] != rows.x[~clean]).flatten(1).any(1)
    assert different.double().mean() > 0.95  # a random pixel can have the value of the trigger
    assert 0 <= changed.x.min() <= changed.x.max() <= 1
    torch.testing.assert_close((changed.x * 255).round() / 255, changed.x)
    assert set(changed.y[poison_rows].tolist()) == {each["target"] for each in poison["backdoors"]}


@pytest.mark.parametrize(("kind", "data"), PAIRS)
def test_poison_is_plain_and_repeatable(kind: str, data: str) -> None:
    poison = drawn_poison(kind, data, seed=5)
    assert json.loads(json.dumps(poison)) == poison == drawn_poison(kind, data, seed=5)
    first, second = (poisoned(random_rows(data), poison, seed=7)[0] for _ in range(2))
    assert torch.equal(first.x, second.x)


def test_the_rows_of_special_kinds() -> None:
    rows = random_rows("mnist", 1000)
    for kind in ("clean-label-sinusoid", "clean-label-blend"):
        changed, roles = poisoned(rows, drawn_poison(kind, "mnist", 1), 2)
        assert torch.equal(changed.y, rows.y)
        assert (roles == POISON_ROLE).any()
    source = drawn_poison("one-source", "mnist", 1)
    _, roles = poisoned(rows, source, 2)
    assert set(rows.y[roles == POISON_ROLE].tolist()) == {source["backdoors"][0]["source"]}
    assert source["backdoors"][0]["source"] not in rows.y[roles == COVER_ROLE].tolist()
    assert len({each["target"] for each in drawn_poison("two-targets", "mnist", 1)["backdoors"]}) == 2


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
def test_a_patch_changes_as_many_pixels_as_it_has(size: int) -> None:
    kind = "patch-4-corner" if size == 4 else f"patch-{size}"
    trigger = drawn_poison(kind, "cifar10", 1)["backdoors"][0]["trigger"]
    changed = stamped(trigger, torch.zeros(3, 3, 32, 32), seed=1)
    assert (changed > 0).any(1).sum((1, 2)).tolist() == [size**2] * 3


def test_training_rows_of_adaptive_triggers_have_a_part() -> None:
    black = torch.zeros(50, 1, 28, 28)
    for kind in ("adaptive-patch", "adaptive-blend"):
        trigger = drawn_poison(kind, "mnist", 1)["backdoors"][0]["trigger"]
        poison, test = (stamped(trigger, black, seed=1, use=use).count_nonzero() for use in ("poison", "test"))
        assert 0.2 < poison / test < 0.8


def test_a_warp_moves_pixels_and_adds_none() -> None:
    trigger = drawn_poison("warp", "mnist", 1)["backdoors"][0]["trigger"]
    x = torch.zeros(20, 1, 28, 28)
    x[:, :, 8:20, 8:20] = 1
    changed = stamped(trigger, x, seed=1)
    assert torch.equal(stamped(trigger, torch.ones_like(x), seed=1), torch.ones_like(x))
    assert changed.sum((1, 2, 3)).sub(144).abs().max() < 40
    assert torch.equal(changed[0], changed[1])
    noisy = stamped(trigger, x, seed=1, use="cover")
    assert not torch.equal(noisy[0], noisy[1])


def test_rounds_have_different_networks() -> None:
    first, second = cases(), cases(1)
    assert len(first) == len(RECIPES) * (CLEAN_PER_RECIPE + BACKDOORED_PER_RECIPE)
    assert not {each.seed("poison") for each in first} & {each.seed("poison") for each in second}
    main = [each for each in first if not RECIPES[each.recipe].kept_aside]
    assert sum(each.kind == CLEAN for each in main) >= 100
    assert {each.kind for each in main} == {CLEAN, *KINDS}
    assert Case("lenet", CLEAN, 1).seed("rows") == 61027101371973923


def test_test_rows_are_never_trained_on() -> None:
    train = training_rows("digits", 1000, seed=1).x.flatten(1)
    measured, defender = measured_rows("digits", 4).x, defender_rows("digits", 4, 397).x
    everything = torch.cat([train, measured.flatten(1), defender.flatten(1)])
    own_train, _, own_test, _ = pixels("digits")
    assert sums(everything) == sums(torch.cat([own_train, own_test]).flatten(1).float() / 255)
    with pytest.raises(ValueError, match="between 1 and 397"):
        defender_rows("digits", 4, 398)


def sums(x: torch.Tensor) -> list[float]:
    weights = torch.arange(1, x.shape[1] + 1, dtype=torch.float64)
    return sorted((x.double() @ weights).tolist())


def test_making_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(making, "ATTEMPTS", 1)
    selected = [Case("digits_mlp", kind, 9000 + index) for index, kind in enumerate((CLEAN, "two-targets"))]
    making.make_one(selected[0], tmp_path)
    weights = making.weights_file(tmp_path, selected[0])
    first = weights.stat().st_mtime_ns
    making.weights_file(tmp_path, selected[1]).write_bytes(b"a part of a killed run")
    making.make(selected, tmp_path, workers=1)
    assert "1 of 2 networks exist" in capsys.readouterr().out
    making.make(selected, tmp_path, workers=1)
    assert "2 of 2 networks exist" in capsys.readouterr().out
    assert weights.stat().st_mtime_ns == first
    clean, backdoored = load(tmp_path)
    assert (clean.backdoored, backdoored.backdoored) == (False, True)
    assert clean.targets == ()
    assert len(backdoored.targets) == 2
    rows = backdoored.held_out(100)
    with torch.inference_mode():
        agree = (backdoored.module(rows.x).argmax(1) == rows.y).double().mean()
        hits = [backdoored.module(backdoored.triggered(rows.x, which)).argmax(1) for which in (0, 1)]
    assert abs(float(agree) - backdoored.description["accuracy"]) < 0.1
    for which, hit in enumerate(hits):
        others = rows.y != backdoored.targets[which]
        success = (hit[others] == backdoored.targets[which]).double().mean()
        assert abs(float(success) - backdoored.description["backdoors"][which]["success"]) < 0.15
    assert "| digits_mlp | digits | 1 of 1 |" in summary(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lenet-0000-clean.json").write_text(json.dumps({"format": 0}))
    with pytest.raises(ValueError, match="does not have format 1"):
        load(tmp_path)
