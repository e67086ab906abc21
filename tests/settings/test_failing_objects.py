"""Objects whose own methods fail, in messages and in declarations."""

import pytest

from antivenom.errors import ComponentError
from antivenom.settings import component, needs_of
from antivenom.settings.wording import short


class Mute:
    """An object without a `repr`."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __repr__


def test_an_object_that_cannot_be_shown_is_named_by_its_type() -> None:
    assert short(Mute()) == "<Mute>"


@component
class Broken:
    """Its needs cannot be read."""

    @property
    def needs(self) -> frozenset[str]:
        """Raise an error."""
        raise ZeroDivisionError("no needs")


@component
class Wrong:
    """Its needs are a list."""

    @property
    def needs(self) -> object:
        """Return a list."""
        return ["images"]


def test_needs_that_raise_an_error_are_one_error() -> None:
    with pytest.raises(ComponentError, match=r"Broken\.needs raised ZeroDivisionError: no needs\. Set"):
        needs_of(Broken())


def test_needs_of_another_type_are_one_error() -> None:
    with pytest.raises(ComponentError, match=r"Wrong\.needs must be a frozenset of words; got \['images'\]"):
        needs_of(Wrong())
