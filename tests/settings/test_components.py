"""Settings: what is refused, how it is worded, what is converted, and that they survive being written."""

from typing import Annotated, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from antivenom.errors import AntivenomError, SettingsError
from antivenom.registry import KINDS, entries
from antivenom.runner import Experiment
from antivenom.settings import (
    Component,
    Rate,
    build,
    build_as,
    component,
    describe,
    describe_fields,
    settings_of,
)
from antivenom.settings.fields import checked, fields_of
from antivenom.triggers import Trigger
from antivenom.triggers.patch import Patch
from tests.helpers.every_setting import Everything


@component
class Demanding:
    """Fields without defaults."""

    rate: Rate
    trigger: Annotated[Trigger, Component("triggers")]


REFUSED = [
    ("rate", 1.5, "Everything.rate must be in [0, 1]; got 1.5."),
    ("rate", -0.1, "must be in [0, 1]; got -0.1."),
    ("rate", "a", "must be a number in [0, 1]; got 'a'."),
    ("rate", "0.5", "must be a number in [0, 1]; got '0.5'."),
    ("rate", True, "must be a number in [0, 1]; got True."),
    ("rate", None, "must be a number in [0, 1]; got None."),
    ("rate", [0.5], "must be a number in [0, 1]; got [0.5]."),
    ("rate", float("nan"), "must be a number in [0, 1]; got nan."),
    ("rate", float("inf"), "got inf."),
    ("positive", 0, "must be above 0; got 0."),
    ("positive", float("inf"), "got inf."),
    ("non_negative", -1, "must be at least 0; got -1."),
    ("below", 1, "must be below 1; got 1."),
    ("count", -1, "must be at least 0; got -1."),
    ("count", 1.0, "must be a whole number at least 0; got 1.0."),
    ("count", True, "got True."),
    ("count", np.bool_(True), f"got {np.bool_(True)!r}."),
    ("at_least_one", 0, "must be at least 1; got 0."),
    ("text", 1, "must be text; got 1."),
    ("text", b"a", "must be text; got b'a'."),
    ("flag", 1, "must be true or false; got 1."),
    ("flag", "true", "must be true or false; got 'true'."),
    ("choice", "up", "must be one of 'left', 'right'; got 'up'."),
    ("maybe", -1, "must be at least 0 or null; got -1."),
    ("maybe", "a", "must be a whole number at least 0 or null; got 'a'."),
    ("many", 1, "must be a list, each a whole number at least 1; got 1."),
    ("many", [1, 0], "got [1, 0]."),
    ("many", [1, True], "got [1, True]."),
    ("many", {1, 2}, "got {1, 2}."),
    ("pair", [1], "must be a list of 2: a whole number, a number; got [1]."),
    ("sides", 0, "got 0."),
    ("sides", [0], "got [0]."),
    ("trigger", "patch", "must be a trigger, with a method apply; got 'patch'."),
    ("trigger", None, "must be a trigger, with a method apply; got None."),
    ("trigger", Patch, "must be a trigger, with a method apply; got <class"),
    ("trigger", (Patch(),), "must be a trigger"),
    ("optional", 3, "must be a trigger or null, with a method apply; got 3."),
    ("triggers", Patch(), "must be a list of triggers; got Patch("),
    ("triggers", [Patch(), 1], "must be a trigger, with a method apply; got 1."),
    ("triggers", None, "must be a list of triggers"),
    ("code", 1, "must be text; got 1."),
]


@pytest.mark.parametrize(("name", "value", "said"), REFUSED)
def test_a_wrong_value_is_refused_and_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Everything(**{name: value})
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith((f"Everything.{name} must be ", f"Everything.{name}[1] must be "))
    assert said in caught.value.problems[0]
    assert "\n" not in caught.value.problems[0]


def test_a_method_with_the_right_name_does_not_make_a_defence() -> None:
    fields, estimator = {field.name: field for field in fields_of(Experiment)}, LogisticRegression()
    assert checked(fields["defences"], (estimator,), "defences")[1] == (
        "defences[0] must be a defence; got LogisticRegression(), which does not have false_alarm_rate, needs."
    )
    assert checked(fields["repairs"], (estimator,), "repairs")[1] == (
        "repairs[0] must be a repair, with a method repair; got LogisticRegression()."
    )


CONVERTED = [
    ("rate", 1, 1.0, float),
    ("rate", np.float64(0.5), 0.5, float),
    ("count", np.int64(3), 3, int),
    ("flag", np.bool_(True), True, bool),
    ("many", [3, 4], (3, 4), tuple),
    ("many", [], (), tuple),
    ("pair", [1, 2], (1, 2.0), tuple),
    ("sides", 2, 2, int),
    ("sides", [2, 3], (2, 3), tuple),
    ("maybe", None, None, type(None)),
    ("triggers", [Patch()], (Patch(),), tuple),
    ("count", 10**30, 10**30, int),
]


@pytest.mark.parametrize(("name", "value", "expected", "kind"), CONVERTED)
def test_lists_become_tuples_and_whole_numbers_floats(name: str, value: Any, expected: Any, kind: type) -> None:
    made = getattr(Everything(**{name: value}), name)
    assert made == expected
    assert type(made) is kind


def test_the_float_in_a_pair_is_a_float() -> None:
    assert type(Everything(pair=(1, 2)).pair[1]) is float


def test_all_problems_are_told_at_once() -> None:
    wrong = {"rate": 2, "count": -1, "choice": "up", "colour": 1, "trigger": {"name": "patch", "size": 0, "sise": 1}}
    with pytest.raises(SettingsError) as caught:
        build_as(Everything, wrong, path="it")
    assert {problem.partition(" ")[0] for problem in caught.value.problems} == {
        "it.rate",
        "it.count",
        "it.choice",
        "it.colour",
        "it.trigger.sise",
        "it.trigger.size",
    }
    assert str(caught.value) == "\n".join(caught.value.problems)


def test_each_item_of_a_list_of_components_has_its_problems_told() -> None:
    wrong = {"triggers": ["patch", {"name": "patch", "size": 0}, {"name": "pach"}, 3]}
    with pytest.raises(SettingsError) as caught:
        build_as(Everything, wrong, path="it")
    assert [problem.partition(" ")[0].rstrip(":") for problem in caught.value.problems] == [
        "it.triggers[1].size",
        "it.triggers[2]",
        "it.triggers[3]",
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rat": 0.1}, "it.rat is not a setting. Did you mean 'rate'?"),
        ({"zzzzz": 1}, "it.zzzzz is not a setting. The settings are: rate, positive"),
        ({"trigger": {"name": "patch", "sice": 1}}, "it.trigger.sice is not a setting. Did you mean 'size'?"),
        ({"trigger": "pach"}, "Did you mean 'patch'?"),
        ({"trigger": 3}, "it.trigger must be a name or a mapping with a name; got 3."),
        ({"trigger": None}, "it.trigger must be a name or a mapping with a name; got None."),
        ({"trigger": {"name": ["patch"]}}, "it.trigger must be a name"),
        ({"triggers": "patch"}, "it.triggers must be a list of triggers; got 'patch'."),
    ],
)
def test_what_a_spec_gets_wrong_is_said_with_its_place(settings: dict[Any, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build_as(Everything, settings, path="it")
    assert said in str(caught.value)


def test_missing_settings_are_all_named() -> None:
    with pytest.raises(SettingsError) as caught:
        build_as(Demanding, {}, path="it")
    assert caught.value.problems == (
        "it.rate is missing; it must be a number in [0, 1].",
        "it.trigger is missing; it must be a trigger.",
    )


def test_a_setting_with_a_wrong_value_is_not_also_missing() -> None:
    with pytest.raises(SettingsError) as caught:
        build_as(Demanding, {"rate": 7, "trigger": "patch"}, path="it")
    assert caught.value.problems == ("it.rate must be in [0, 1]; got 7.",)


EVERY = [(kind, name) for kind in KINDS for name in entries(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_setting_of_every_component_is_described(kind: str, name: str) -> None:
    for _, phrase, _ in settings_of(entries(kind)[name].load()):
        assert not phrase.startswith("a typing"), phrase
        assert "<" not in phrase, phrase


def test_describe_writes_every_default_out() -> None:
    assert describe_fields(Everything()) == {
        "rate": 0.1,
        "positive": 1.0,
        "non_negative": 0.0,
        "below": 0.0,
        "count": 0,
        "at_least_one": 1,
        "text": "a",
        "flag": False,
        "choice": "left",
        "maybe": None,
        "many": [1, 2],
        "pair": [1, 2.0],
        "sides": 3,
        "trigger": describe("triggers", Patch()),
        "optional": None,
        "triggers": [],
        "code": "x:y",
    }


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("attacks", {"name": "tests.helpers.toys:FaultyAttack", "fault": "does nothing"}),
        ("models", {"name": "module", "factory": "tests.helpers.toys:small_net"}),
        ("models", {"name": "module", "factory": "os:abort"}),
    ],
)
def test_code_is_refused_unless_it_is_allowed(kind: str, value: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"names code .* which is not allowed to run"):
        build(kind, value, path="it")


def test_code_runs_where_it_is_allowed() -> None:
    made = build(
        "attacks", {"name": "tests.helpers.toys:FaultyAttack", "fault": "does nothing"}, path="it", allow_code=True
    )
    settings = {"fault": "does nothing", "rate": 0.2, "cover_rate": 0.0}
    assert describe("attacks", made) == {"name": "tests.helpers.toys:FaultyAttack", **settings}


@pytest.mark.parametrize(
    "name",
    ["os:getcwd", "os:path", "pathlib:Path", "no_such_module:x", "os:no_such", ":x", "x:", ".x:y", "a..b:c"],
)
def test_code_that_is_no_component_is_a_problem_and_no_traceback(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^it: "):
        build("attacks", {"name": name}, path="it", allow_code=True)


class Live:
    """A trigger that is no component."""

    def apply(self, x: Any, bounds: Any) -> Any:
        return x


def test_what_only_python_made_is_named_live_and_cannot_be_made_again() -> None:
    plain = describe_fields(Everything(trigger=Live()))["trigger"]
    assert plain["name"] == "live"
    assert plain["type"].endswith("test_components.Live")
    for allow_code in (False, True):
        with pytest.raises(SettingsError, match="got an object made in Python"):
            build("triggers", plain, path="trigger", allow_code=allow_code)


def test_settings_are_frozen_and_keyword_only() -> None:
    with pytest.raises(AttributeError):
        Patch().size = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Patch(4)  # type: ignore[call-arg, misc]


def test_a_check_of_the_classes_own_runs_on_converted_values_alone() -> None:
    seen: list[object] = []

    @component
    class Own:
        rate: Rate = 0.0

        def __post_init__(self) -> None:
            seen.append(self.rate)

    Own(rate=1)
    assert [type(value) for value in seen] == [float]
    with pytest.raises(SettingsError):
        Own(rate=2)
    assert len(seen) == 1


def test_a_long_value_is_cut_short_in_messages() -> None:
    with pytest.raises(SettingsError) as caught:
        Everything(rate="x" * 10_000)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 200


def test_an_experiment_asks_for_its_attack() -> None:
    with pytest.raises(SettingsError) as caught:
        build_as(Experiment, {}, path="")
    assert caught.value.problems == ("attack is missing; it must be an attack.",)
    assert isinstance(caught.value, AntivenomError)


# Needs, and the documentation of inherited settings -------------------------------------------------------------------


def test_a_component_without_needs_needs_nothing() -> None:
    assert Everything().needs == frozenset()  # type: ignore[attr-defined]


def test_a_need_that_means_nothing_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.needs contains 'gradient', which is not a need\. Use any of: bound"):

        @component
        class Wrong:
            needs = frozenset({"gradients", "gradient"})


@pytest.mark.parametrize("needs", ["features", {"features"}, ["features"]])
def test_needs_must_be_a_frozenset(needs: object) -> None:
    declared = needs
    with pytest.raises(TypeError, match=r"Wrong\.needs must be a frozenset of words; got .*features"):

        @component
        class Wrong:
            needs = declared


def test_needs_may_depend_on_the_settings() -> None:
    @component
    class Depends:
        deep: bool = False

        @property
        def needs(self) -> frozenset[str]:
            return frozenset({"features"} if self.deep else ())

    assert Depends(deep=True).needs == {"features"}
    assert Depends().needs == frozenset()
