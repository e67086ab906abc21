"""The documentation of a component's settings."""

import inspect
from typing import Any

from antivenom.settings.fields import fields_of
from antivenom.settings.marks import COMPONENT


def documentation(cls: type[Any]) -> str:
    """Return a component's docstring, with the documentation of settings that it inherits from other components.

    >>> from antivenom.settings import Positive, component
    >>> @component
    ... class Round:
    ...     \"\"\"Something round.
    ...
    ...     Args:
    ...         radius: in pixels.
    ...     \"\"\"
    ...     radius: Positive = 1.0
    >>> @component
    ... class Ring(Round):
    ...     \"\"\"Something with a hole.\"\"\"
    >>> print(documentation(Ring))
    Something with a hole.
    <BLANKLINE>
    Args:
        radius: in pixels.
    """
    own = inspect.cleandoc(cls.__doc__ or "")
    bases = [base for base in reversed(cls.__mro__[1:]) if COMPONENT in vars(base)]
    inherited = {name: text for base in bases for name, text in _arguments(base).items()}
    if not inherited:
        return own
    entries = {**inherited, **_arguments(cls)}
    places = {field.name: place for place, field in enumerate(fields_of(cls))}
    ordered = sorted(entries, key=lambda names: places.get(names.partition(",")[0], len(places)))
    args = "\n\nArgs:\n" + "\n".join(entries[names] for names in ordered)
    before, _, rest = own.partition("\n\nArgs:\n")
    if rest:
        return before + args + "".join(rest.partition("\n\n")[1:])
    end = min((place for mark in ("\n\nRaises:", "\n\n>>> ") if (place := own.find(mark)) >= 0), default=len(own))
    return own[:end] + args + own[end:]


def _arguments(cls: type[Any]) -> dict[str, str]:
    """Return the entries of a docstring's `Args` by their names, the text before the colon."""
    section = inspect.cleandoc(cls.__doc__ or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    entries: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if not line.startswith(" " * 8):
            name = line.partition(":")[0].strip()
        entries[name] = f"{entries[name]}\n{line}" if name in entries else line
    return entries
