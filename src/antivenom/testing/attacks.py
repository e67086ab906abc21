"""Checks of attacks."""

import dataclasses
from typing import Any

import torch

from antivenom.attacks import Attack
from antivenom.data import COVER, POISON, Dataset, Poisoned
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.settings import NEEDS, ChecksItself
from antivenom.testing._toys import (
    global_state_untouched,
    toy_images,
    toy_model,
    toy_table,
)
from antivenom.testing.register import check
from antivenom.training.end_to_end import EndToEnd


def poison(attack: Attack, data: Dataset, seed: int = 0) -> Poisoned:
    """Return the data with the rows of the attack. An attack that needs a surrogate receives a small new network."""
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
    """Return the attack with those of the settings that it has. `rate` replaces `count`."""
    if "rate" in settings:
        settings["count"] = None
    known = {name: value for name, value in settings.items() if name in _settings(attack)}
    return dataclasses.replace(attack, **known)  # type: ignore[type-var]


@check("attacks", basic=True)
def attack_declares_its_contract(attack: object) -> None:
    """The attack declares `needs`, with words that the runner knows, and `appends`."""
    assert isinstance(attack, Attack), "it must have `needs`, `appends` and `poison`; inherit PoisonBudget or add them"
    known = isinstance(attack.needs, frozenset) and attack.needs <= NEEDS.keys()
    assert known, f"`needs` must be a frozenset with words from {', '.join(NEEDS)}; got {attack.needs}"
    assert isinstance(attack.appends, bool), f"`appends` must be True or False; got {attack.appends!r}"


@check
def attack_does_not_change_its_inputs(attack: Attack) -> None:
    """The attack does not change the data or global random streams."""
    data = toy_images()
    copied = dataclasses.replace(data, x=data.x.clone(), y=data.y.clone(), ids=data.ids.clone())
    with global_state_untouched():
        poison(attack, data)
    assert copied.fingerprint == dataclasses.replace(data).fingerprint, "the attack changed the data that it received"


@check
def attack_is_reproducible(attack: Attack) -> None:
    """The same seed returns the same bytes, and another seed returns other bytes."""
    data = toy_images()
    first, again, other = (poison(attack, data, seed).data.fingerprint for seed in (0, 0, 1))
    assert first == again, "the same seed returned different poisons"
    assert first != other, "different seeds returned the same poison"


@check(quick=True)
def attack_reports_its_rows(attack: Attack) -> None:
    """The attack does not change the rows that it calls clean, nor their ids."""
    data = toy_images()
    poisoned = poison(attack, data)
    expected = len(poisoned.rows) if attack.appends else 0
    appended = poisoned.appended
    assert appended == expected, f"with `appends` {attack.appends}, {expected} rows must be appended; got {appended}"
    clean = torch.nonzero(poisoned.roles == 0).flatten()
    assert len(clean) + len(poisoned.rows) == len(poisoned.data), "`roles` and `rows` do not fit together"
    kept = poisoned.data.subset(clean)
    assert torch.equal(kept.x, data.x[clean]), "the attack changed the input of a row that it calls clean"
    assert torch.equal(kept.y, data.y[clean]), "the attack changed the label of a row that it calls clean"
    assert torch.equal(kept.ids, data.ids[clean]), "the attack changed the id of a row that it calls clean"
    assert len(poisoned.data.ids.unique()) == len(poisoned.data), "two rows have the same id"


@check(quick=True)
def attack_keeps_type_and_bounds(attack: Attack) -> None:
    """The poison has the type, the shape and the device of the data, and stays within its bounds."""
    for data in (toy_images(), toy_table()):
        if _refuses(attack, data):
            continue
        poisoned = poison(attack, data).data
        properties = [(each.x.dtype, each.shape, each.device) for each in (data, poisoned)]
        assert properties[0] == properties[1], f"type, shape and device must be {properties[0]}; got {properties[1]}"
        inputs = poisoned.inputs()
        low, high = data.bounds or (0.0, 1.0)
        assert low <= float(inputs.min()) <= float(inputs.max()) <= high, f"poison must be within {low:g} and {high:g}"


@check
def attack_keeps_its_rate(attack: Attack) -> None:
    """`rate` is the poisoned share of the final training set, and a rate of 0 does not change the data."""
    if "rate" not in _settings(attack):
        return
    data, nothing = toy_images(), _with(attack, rate=0.0, cover_rate=0.0)
    assert poison(nothing, data).data.fingerprint == data.fingerprint, "rate 0 changed the data"
    for rate in (0.05, 0.2):
        actual = poison(_with(attack, rate=rate), data).poison_rate
        assert abs(actual - rate) <= 1 / len(data), f"the poison rate must be {rate}; got {actual:.4f}"


@check
def attack_keeps_its_cover_rate(attack: Attack) -> None:
    """`cover_rate` is the share of cover rows. These keep their true labels, and do not count as poison."""
    if "cover_rate" not in _settings(attack):
        return
    data = toy_images()
    for rate in (0.0, 0.05, 0.2):
        poisoned = poison(_with(attack, rate=0.1, cover_rate=rate), data)
        actual, covers = poisoned.cover_rate, poisoned.role == COVER
        assert abs(actual - rate) <= 1 / len(data), f"the cover rate must be {rate}; got {actual:.4f}"
        assert abs(poisoned.poison_rate - 0.1) <= 1 / len(data), "cover rows changed the poison rate"
        assert bool((poisoned.origin[covers] >= 0).all()), "a cover row has no origin"
        assert torch.equal(poisoned.y[covers], data.y[poisoned.origin[covers]]), "a cover row lost its true label"


@check
def attack_has_an_effect(attack: Attack) -> None:
    """The goal has more success on the victim than on the control. If it has no rate, the attack changes its rows."""
    data, test = toy_images(), toy_images(seed=1)
    poisoned = poison(_with(attack, rate=0.2), data)
    training = EndToEnd(epochs=15, batch_size=16, learning_rate=5e-3)
    blank = toy_model(data)
    sets = (poisoned.data, poisoned.control(Rng(0)))
    victim, control = (poisoned.goal.success(training.fit(blank, rows, rng=Rng(0)), test) for rows in sets)
    if victim is not None and control is not None:
        assert victim > control, (
            f"success must be higher on the victim, {victim:.3f}, than on the control, {control:.3f}"
        )
        return
    base, origin = poisoned.base, poisoned.origin
    changed = (poisoned.x != base.x[origin]).flatten(1).any(1) | (poisoned.y != base.y[origin]) | (origin < 0)
    share = float(changed[poisoned.role == POISON].float().mean())
    assert share > 0.9, f"more than 90 % of the poisoned rows must differ from their originals; got {100 * share:.0f} %"


def _refuses(attack: Attack, data: Dataset) -> bool:
    return isinstance(attack, ChecksItself) and any(True for _ in attack.problems(data))
