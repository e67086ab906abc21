"""Components in fields that are not marked."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Protocol

import pytest

from antivenom.errors import SettingsError
from antivenom.runner import Experiment
from antivenom.settings import (
    ClassNumber,
    Component,
    build_as,
    component,
    settings_of,
)
from antivenom.triggers import Trigger
from antivenom.triggers.patch import Patch
from tests.helpers.every_setting import Everything


class Live:
    """A trigger that is no component."""

    def apply(self, x: Any, bounds: Any) -> Any:
        return x


@component
class Unmarked:
    """A field for each way to forget the mark."""

    trigger: Trigger = Patch()


@component
class UnmarkedClass:
    trigger: Patch | None = None


@component
class UnmarkedTuple:
    triggers: tuple[Patch, ...] = ()


@component
class UnknownProtocol:
    part: "Probing | None" = None


class Probing(Protocol):
    def probe(self) -> None: ...


@component
class MarkedTooDeep:
    triggers: dict[str, Annotated[Trigger, Component("triggers")]] = field(default_factory=dict)


@component
class UnknownKind:
    triggers: Annotated[tuple[Trigger, ...], Component("trigers")] = ()


@component
class MarkedOutside:
    triggers: Annotated[tuple[Trigger, ...], Component("triggers")] = ()


@component
class NotPlain:
    where: Path = Path("here")


@component
class Loose:
    anything: Any = None


PATCH = 'Annotated[Patch, Component("triggers")]'
MARK = 'Annotated[…, Component("triggers")]'


UNMARKED = [
    (
        Unmarked,
        'it. Write trigger: Annotated[Trigger, Component("triggers")].',
    ),
    (UnmarkedClass, f"Write trigger: {PATCH}."),
    (UnmarkedTuple, f"Write triggers: tuple[{PATCH}, ...]."),
    (UnknownProtocol, 'Write part: Annotated[Probing, Component("KIND")]. KIND is one of: datasets, models, '),
    (
        MarkedTooDeep,
        f"type. Write triggers: {MARK} or triggers: tuple[{MARK}, ...].",
    ),
    (MarkedOutside, "MarkedOutside.triggers must be one component or a tuple of them, with "),
    (UnknownKind, "UnknownKind.triggers: Component(\"trigers\") must name a kind. Did you mean 'triggers'?"),
    (
        NotPlain,
        "NotPlain.where must be text, a number, true or false, or a list of these, as in a spec; its ",
    ),
]


@pytest.mark.parametrize(("cls", "said"), UNMARKED)
def test_a_field_that_no_spec_could_fill_says_what_to_write(cls: type[Any], said: str) -> None:
    for ask in (cls, lambda: build_as(cls, {}, path="it"), lambda: list(settings_of(cls))):
        with pytest.raises(SettingsError) as caught:
            ask()
        assert said in str(caught.value)
        assert len(caught.value.problems) == 1


@pytest.mark.parametrize("value", [Patch(), [Patch()], {"one": Patch()}])
def test_a_component_in_a_field_of_anything_says_what_to_write(value: Any) -> None:
    assert Loose(anything=[1, "a"]).anything == (1, "a")
    with pytest.raises(SettingsError, match=r"^Loose\.anything contains a component, but has no mark") as caught:
        Loose(anything=value)
    assert PATCH in str(caught.value)


def test_what_python_made_is_allowed_where_the_mark_stands_alone() -> None:
    assert Everything(trigger=Live(), triggers=[Live()]).triggers


def test_a_component_of_the_users_with_an_unmarked_field_is_refused_in_a_spec() -> None:
    spec = {"attack": {"name": "tests.settings.test_marks:Unmarked"}}
    with pytest.raises(SettingsError, match=r"Unmarked\.trigger contains a component"):
        build_as(Experiment, spec, path="", allow_code=True)


@component
class Aims:
    target: ClassNumber = 0
    pairs: tuple[tuple[ClassNumber, ClassNumber], ...] = ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("10", r"If you mean class 10, pass 10 without quotes\. Pass data\.classes\.index\('10'\)"),
        ("cat", r"got .*'cat'.*\. Pass data\.classes\.index\('cat'\); data\.classes has the names of all classes"),
    ],
)
def test_the_name_of_a_class_in_python_has_advice(name: str, said: str) -> None:
    for wrong in ({"target": name}, {"pairs": ((name, 1),)}):
        with pytest.raises(SettingsError, match=said):
            Aims(**wrong)
