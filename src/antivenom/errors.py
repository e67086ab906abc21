"""Everything antivenom raises on purpose.

    AntivenomError
    ├── SettingsError        a setting is wrong (also a ValueError); `problems` lists every one of them
    ├── UnknownComponentError  a name that no component has (also a LookupError)
    ├── CodeNotAllowedError  a spec names code, and nobody allowed it to run (also a PermissionError)
    ├── DataError            an array or a file is not what it should be (also a ValueError)
    │   └── MissingDataError   a data set is not where it was looked for (also a FileNotFoundError)
    ├── CapabilityError      a classifier cannot do what a method needs (also a TypeError)
    ├── UnknownFigureError   a run has no figure or chart of that name (also a LookupError)
    ├── UnknownTermError     the glossary does not have a word
    └── RunError             a run's folder is not one, or is damaged

A message says what was wrong, what was got and what to do, in one line.
"""

from collections.abc import Iterable


class AntivenomError(Exception):
    """Root of all errors that antivenom raises on purpose; the command prints it without a traceback."""


class SettingsError(AntivenomError, ValueError):
    r"""One or more settings are wrong.

    Args:
        problems: one line each; all that were found, not only the first.

    >>> SettingsError(["attack.rate must be in [0, 1]; got 1.5.", "seed must be a whole number; got 'a'."])
    SettingsError("attack.rate must be in [0, 1]; got 1.5.\nseed must be a whole number; got 'a'.")
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type["SettingsError"], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


class UnknownComponentError(AntivenomError, LookupError):
    """No component of that kind has that name."""


class CodeNotAllowedError(AntivenomError, PermissionError):
    """A spec names code to import; it runs only when whoever runs the spec allows it."""


class DataError(AntivenomError, ValueError):
    """An array or a file is not what it should be."""


class MissingDataError(DataError, FileNotFoundError):
    """A data set is not where it was looked for."""


class UnknownFigureError(AntivenomError, LookupError):
    """A run has no figure and no chart of that name."""


class CapabilityError(AntivenomError, TypeError):
    """A classifier cannot do what a method needs."""


class RunError(AntivenomError):
    """A folder is not a run of antivenom's, or what it holds is damaged."""


class UnknownTermError(AntivenomError):
    """The glossary does not have this term."""
