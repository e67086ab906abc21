"""Settings: what is refused, in which words, and what survives being written down."""

import json
import pickle
from typing import Annotated, Any

import jaxtyping
import pytest
from annotated_types import Interval

from bezoar.attacks import BadNets, LabelFlip
from bezoar.errors import SettingsError
from bezoar.goals import Backdoor, Targeted
from bezoar.models import CNN, MLP
from bezoar.registry import entries
from bezoar.settings import Rate, build, component, describe
from bezoar.training import EndToEnd
from bezoar.triggers import Patch


@component
class Sample:
    """Settings of every kind.

    Args:
        rate: and so on.
    """

    rate: Rate = 0.5
    count: Annotated[int, Interval(ge=1)] = 1
    flag: bool = False
    word: str = "a"
    sizes: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 1.5}, "Sample.rate must be in [0, 1]; got 1.5."),
        ({"rate": "much"}, "Sample.rate must be a number in [0, 1]; got 'much'."),
        ({"rate": float("nan")}, "Sample.rate must be a number in [0, 1]; got nan."),
        ({"count": 0}, "Sample.count must be at least 1; got 0."),
        ({"count": True}, "Sample.count must be a whole number at least 1; got True."),
        ({"count": 1.5}, "Sample.count must be a whole number at least 1; got 1.5."),
        ({"flag": 1}, "Sample.flag must be true or false; got 1."),
        ({"word": 3}, "Sample.word must be text; got 3."),
        ({"sizes": 3}, "Sample.sizes must be a list, each a whole number; got 3."),
        ({"sizes": [1, "b"]}, "Sample.sizes must be a list, each a whole number; got [1, 'b']."),
        ({"pair": [1]}, "Sample.pair must be a list of 2: a whole number, a whole number or null; got [1]."),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Sample(**settings)
    assert caught.value.problems == (message,)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        build(
            "attacks",
            {"name": "badnets", "rate": 2, "tarjet": 1, "trigger": {"name": "patch", "size": 0}},
            path="attack",
        )
    assert caught.value.problems == (
        "attack.rate must be in [0, 1] or null; got 2.",
        "attack.tarjet is not a setting. Did you mean 'target'?",
        "attack.trigger.size must be at least 1; got 0.",
    )


def test_whole_numbers_become_floats_and_lists_tuples() -> None:
    made = Sample(rate=1, sizes=[1, 2])
    assert (type(made.rate), made.sizes) == (float, (1, 2))


def test_a_component_must_have_its_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the type
    with pytest.raises(SettingsError, match="trigger must be a trigger, with a method apply"):
        BadNets(trigger=3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": 0.1, "count": 3}, "give one"),
        ({"rate": 1.0, "mode": "append"}, "below 1"),
        ({"target": 3, "source": 3}, "must differ"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        BadNets(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"momentum": 0.9}, "for sgd"), ({"min_delta": 0.1}, "needs patience"), ({"warmup": 1.0}, "warmup")],
)
def test_an_option_that_would_be_ignored_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        EndToEnd(**settings)


MADE = [
    ("attacks", BadNets(count=3, target=2, source=1, trigger=Patch(position=(1, 2)), mode="append")),
    ("attacks", LabelFlip(pairs=((1, 2), (3, 4)))),
    ("models", CNN(filters=(4, 5), filter_shape=(3, (5, 3)), pooling_shape=(1, 2))),
    ("models", MLP(hidden=())),
    ("trainings", EndToEnd(patience=3, min_delta=0.1)),
    ("goals", Targeted(pairs=((1, 2),))),
    ("goals", Backdoor(trigger=Patch(), target=3)),
]


@pytest.mark.parametrize(("kind", "made"), MADE)
def test_settings_survive_json_and_pickle(kind: str, made: Any) -> None:
    assert build(kind, json.loads(json.dumps(describe(kind, made))), path="it") == made
    assert pickle.loads(pickle.dumps(made)) == made


def test_code_and_live_objects_are_refused() -> None:
    for value, words in (
        ({"name": "os.path:join"}, "--allow-code"),
        ({"name": "live", "type": "x"}, "made in Python"),
        ({"rate": 1}, "a name"),
        (3, "a name"),
    ):
        with pytest.raises(SettingsError, match=words):
            build("attacks", value, path="attack")


def test_every_component_says_what_it_is() -> None:
    for kind in ("datasets", "models", "triggers", "goals", "attacks", "trainings"):
        for entry in entries(kind).values():
            assert entry.summary.endswith("."), entry
            assert not entry.missing and entry.broken is None
