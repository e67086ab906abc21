"""What every attack promises."""

import dataclasses
from typing import Any

import torch

from antivenom.attacks import Attack
from antivenom.data import COVER, POISON, Dataset, Poisoned
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.settings import NEEDS, ChecksItself
from antivenom.testing._checks import check
from antivenom.testing._toys import (
    global_state_untouched,
    toy_images,
    toy_model,
    toy_table,
)
from antivenom.training.end_to_end import EndToEnd


def _poison(attack: Attack, data: Dataset, seed: int = 0) -> Poisoned:
    surrogate = None
    if "surrogate" in attack.needs:
        surrogate = (
            MLP(hidden=(8,))
            .build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=Rng(0))
            .to(data.device)
        )
    return attack.poison(data, rng=Rng(seed).child("attack"), surrogate=surrogate)


def _settings(attack: Attack) -> set[str]:
    return {field.name for field in dataclasses.fields(attack)}  # type: ignore[arg-type]


def _with(attack: Attack, **settings: Any) -> Attack:
    """The same attack with other settings, where it has them; `rate` takes the place of `count`."""
    if "rate" in settings:
        settings["count"] = None
    known = {name: value for name, value in settings.items() if name in _settings(attack)}
    return dataclasses.replace(attack, **known)  # type: ignore[type-var]


@check("attacks")
def attack_declares_its_contract(attack: object) -> None:
    """It says what it needs, in words that the runner knows, and whether its rows are appended."""
    assert isinstance(attack, Attack), "it lacks `needs`, `appends` or `poison`; inherit PoisonBudget or declare them"
    assert isinstance(attack.needs, frozenset) and attack.needs <= NEEDS.keys(), f"unknown needs in {attack.needs}"
    assert isinstance(attack.appends, bool), f"`appends` must be true or false; got {attack.appends!r}"


@check
def attack_leaves_its_inputs_alone(attack: Attack) -> None:
    """Neither the data nor any global random stream is touched."""
    data = toy_images()
    copied = dataclasses.replace(data, x=data.x.clone(), y=data.y.clone(), ids=data.ids.clone())
    with global_state_untouched():
        _poison(attack, data)
    assert copied.fingerprint == dataclasses.replace(data).fingerprint, "the attack changed the data it was given"


@check
def attack_is_reproducible(attack: Attack) -> None:
    """Same seed, same bytes; another seed, others."""
    data = toy_images()
    first, again, other = (_poison(attack, data, seed).data.fingerprint for seed in (0, 0, 1))
    assert first == again, "the same seed gave another poison"
    assert first != other, "another seed gave the same poison"


@check(quick=True)
def attack_says_which_rows_it_contributed(attack: Attack) -> None:
    """Rows that are not the attacker's are as they were, and keep their ids."""
    data = toy_images()
    poisoned = _poison(attack, data)
    expected = len(poisoned.rows) if attack.appends else 0
    assert poisoned.appended == expected, f"{poisoned.appended} rows are appended; `appends` is {attack.appends}"
    clean = torch.nonzero(poisoned.roles == 0).flatten()
    assert len(clean) + len(poisoned.rows) == len(poisoned.data), "roles and rows disagree"
    kept = poisoned.data.subset(clean)
    assert torch.equal(kept.x, data.x[clean]), "a row that is called clean has other content"
    assert torch.equal(kept.y, data.y[clean]), "a row that is called clean has another label"
    assert torch.equal(kept.ids, data.ids[clean]), "a row lost its id"
    assert len(poisoned.data.ids.unique()) == len(poisoned.data), "two rows have one id"


@check(quick=True)
def attack_keeps_type_and_bounds(attack: Attack) -> None:
    """Poison is stored as the data is, within its bounds, with labels that are classes."""
    for data in (toy_images(), toy_table()):
        if _refuses(attack, data):
            continue
        poisoned = _poison(attack, data).data
        assert (poisoned.x.dtype, poisoned.shape, poisoned.device) == (data.x.dtype, data.shape, data.device)
        inputs = poisoned.inputs()
        low, high = data.bounds or (0.0, 1.0)
        assert low <= float(inputs.min()) <= float(inputs.max()) <= high, "poison left the bounds"


@check
def attack_keeps_its_rate(attack: Attack) -> None:
    """`rate` is the poisoned share of the final training set, and 0 is the identity."""
    if "rate" not in _settings(attack):
        return
    data, nothing = toy_images(), _with(attack, rate=0.0, cover_rate=0.0)
    assert _poison(nothing, data).data.fingerprint == data.fingerprint, "rate 0 changed the data"
    for rate in (0.05, 0.2):
        got = _poison(_with(attack, rate=rate), data).poison_rate
        assert abs(got - rate) <= 1 / len(data), f"asked for a rate of {rate}, got {got:.4f}"


@check
def attack_keeps_its_covers(attack: Attack) -> None:
    """`cover_rate` is the share of cover rows, which keep their true labels, and covers do not count as poison."""
    if "cover_rate" not in _settings(attack):
        return
    data = toy_images()
    for rate in (0.0, 0.05, 0.2):
        poisoned = _poison(_with(attack, rate=0.1, cover_rate=rate), data)
        got, covers = poisoned.cover_rate, poisoned.role == COVER
        assert abs(got - rate) <= 1 / len(data), f"asked for a cover rate of {rate}, got {got:.4f}"
        assert abs(poisoned.poison_rate - 0.1) <= 1 / len(data), "covers changed the poison rate"
        assert bool((poisoned.origin[covers] >= 0).all()), "a cover row has no origin"
        assert torch.equal(poisoned.y[covers], data.y[poisoned.origin[covers]]), "a cover row has a wrong label"


@check
def attack_has_an_effect(attack: Attack) -> None:
    """Its goal is reached better on a victim than on the control; a goal without a rate: its rows differ."""
    data, test = toy_images(), toy_images(seed=1)
    poisoned = _poison(_with(attack, rate=0.2), data)
    training = EndToEnd(epochs=15, batch_size=16, learning_rate=5e-3)
    blank = toy_model(data)
    sets = (poisoned.data, poisoned.control(Rng(0)))
    rates = [poisoned.goal.success(training.fit(blank, rows, rng=Rng(0)), test) for rows in sets]
    if rates[0] is not None and rates[1] is not None:
        assert rates[0] > rates[1], f"success is {rates[0]:.3f} on the victim and {rates[1]:.3f} on the control"
        return
    base, origin = poisoned.base, poisoned.origin
    other = (poisoned.x != base.x[origin]).flatten(1).any(1) | (poisoned.y != base.y[origin]) | (origin < 0)
    other = other[poisoned.role == POISON]
    assert bool(other.float().mean() > 0.9), "most rows are what they were made from"


def _refuses(attack: Attack, data: Dataset) -> bool:
    return isinstance(attack, ChecksItself) and any(True for _ in attack.problems(data))
