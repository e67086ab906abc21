"""Overrides of a spec."""

import copy
from typing import Any

import pytest

from antivenom.attacks import BadNets
from antivenom.errors import SettingsError
from antivenom.models import MLP
from antivenom.runner import load_spec

SPEC: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}}


def problems(spec: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_spec(spec, **more)
    return caught.value.problems


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 0.1),
        (["attack.rate=0.05"], 0.05),
        (["attack.rate=5e-2"], 0.05),
        (["attack.rate=0.05", "attack.rate=0.2"], 0.2),
        ([" attack.rate =0.2"], 0.2),
        (["attack={name: badnets, rate: 0.3}"], 0.3),
        (["attack=label_flip", "attack.rate=0.4"], 0.4),
        (["attack.rate=null"], 0.1),
    ],
)
def test_overrides_go_in_order_and_the_later_wins(overrides: list[str], expected: float) -> None:
    before = copy.deepcopy(SPEC)
    assert load_spec(SPEC, overrides=overrides).attack.rate == expected
    assert before == SPEC, "the caller's mapping was written to"


def test_an_override_of_a_component_that_is_given_by_name_makes_a_mapping() -> None:
    made = load_spec({"attack": "badnets", "model": "mlp"}, overrides=["model.hidden=[3, 4]", "attack.source=2"])
    assert (made.model, made.attack) == (MLP(hidden=(3, 4)), BadNets(source=2))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("attack.rate", "An override must be key=value; got 'attack.rate'."),
        ("=1", "An override must be key=value; got '=1'."),
        ("", "An override must be key=value"),
        ("attack.rate=[", "the value of attack.rate, line 1"),
        ("attack.rate=!!int 1", "tags"),
        (
            "attack.target.deep=1",
            "'attack.target.deep' cannot be set: attack.target is 7, which does not have settings.",
        ),
        ("attack..rate=1", "attack. is not a setting"),
        ("sed=1", "sed is not a setting. Did you mean 'seed'?"),
        ("seed=x", "seed must be a whole number"),
        ("seed=1.5", "seed must be a whole number"),
        ("seed=", "seed must be a whole number"),
    ],
)
def test_a_wrong_override_is_refused(override: str, said: str) -> None:
    assert said in problems(SPEC, overrides=[override])[0]


def test_a_number_picks_from_a_list() -> None:
    spec = {"attack": "label_flip", "analysis": ["similarity", "probes"], "model": {"name": "mlp", "hidden": [4, 5]}}
    made = load_spec(spec, overrides=["analysis.1.width=7", "model.hidden.0=9"])
    assert made.analysis[1].width == 7
    assert made.model.hidden == (9, 5)
    for key in ("analysis.2.steps", "analysis.x", "analysis.-1.steps", "analysis.٣"):
        with pytest.raises(SettingsError, match=r"has 2 entries, numbered 0 and 1; got "):
            load_spec(spec, overrides=[f"{key}=1"])
