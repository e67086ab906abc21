"""The documentation of inherited settings."""

from antivenom.settings import (
    component,
    documentation,
)


def test_inherited_settings_are_documented_once_and_in_their_own_order() -> None:
    @component
    class Base:
        """A base.

        Args:
            first: the first,
                in two lines.
            low, high: both ends.
        """

        first: int = 1
        low: int = 0
        high: int = 2

    @component
    class Derived(Base):
        """A derived one.

        Args:
            own: its own.
            first: another first.

        Raises:
            SettingsError: never.
        """

        first: int = 3
        own: int = 4

    expected = """A derived one.

Args:
    first: another first.
    low, high: both ends.
    own: its own.

Raises:
    SettingsError: never."""
    assert documentation(Derived) == expected

    @component
    class Silent(Base):
        """A silent one.

        Raises:
            SettingsError: never.
        """

    assert documentation(Silent).splitlines()[2:5] == ["Args:", "    first: the first,", "        in two lines."]
    assert documentation(Silent).endswith("both ends.\n\nRaises:\n    SettingsError: never.")
