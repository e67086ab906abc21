"""All exceptions that antivenom raises itself.

    AntivenomError
    ├── SettingsError        settings are wrong (also a ValueError); `problems` lists all of them
    │   └── ProbabilityOutputsError  a module returns probabilities in place of logits
    ├── UnknownComponentError  no component has that name (also a LookupError)
    ├── CodeNotAllowedError  a spec names code, which was not allowed to run (also a PermissionError)
    ├── DataError            an array or a file has a wrong format (also a ValueError)
    │   └── MissingDataError   a file of a data set is missing (also a FileNotFoundError)
    ├── CapabilityError      a classifier lacks an ability that a method requires (also a TypeError)
    ├── ComponentError       a method of a component raises an exception, or returns a wrong result (also a TypeError)
    ├── UnknownFigureError   a run has no figure or chart with that name (also a LookupError)
    ├── UnknownTermError     the glossary does not have that term
    └── RunError             a folder is not a run, or is damaged
        └── WriteError         a file cannot be written, for example because the disk is full

A message states in one line what was wrong, what was received, and what to do.
"""

import os
from collections.abc import Iterable

MAX_PROBLEMS = 50
"""The largest number of problems that one error lists."""

ADVICE = "Set ANTIVENOM_DEBUG=1 to see the traceback."
"""The last sentence of an error about the code of a component."""

MAX_LINE = 2000
"""The largest length of a problem, in characters."""


class AntivenomError(Exception):
    """The base class of all exceptions of antivenom. The command prints them without a traceback."""


class SettingsError(AntivenomError, ValueError):
    r"""One or more settings are wrong.

    Args:
        problems: all problems, one line each.

    Attributes:
        problems: all problems.
        shown: the lines of the message: the first `MAX_PROBLEMS` problems, and the start of very long ones.

    >>> SettingsError(["attack.rate must be in [0, 1]; got 1.5.", "seed must be a whole number; got 'a'."])
    SettingsError("attack.rate must be in [0, 1]; got 1.5.\nseed must be a whole number; got 'a'.")
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        shown = self.problems[:MAX_PROBLEMS]
        if len(shown) < len(self.problems):
            shown = (*shown, f"… and {len(self.problems) - MAX_PROBLEMS:,} more problems.")
        self.shown = tuple(line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…" for line in shown)
        super().__init__("\n".join(self.shown))

    def __reduce__(self) -> tuple[type["SettingsError"], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


class ProbabilityOutputsError(SettingsError):
    """The outputs of a module are probabilities, but they were declared as logits."""


class UnknownComponentError(AntivenomError, LookupError):
    """No component of this kind has that name."""


class CodeNotAllowedError(AntivenomError, PermissionError):
    """A spec names code to import. The user must allow it to run."""


class DataError(AntivenomError, ValueError):
    """An array or a file has a wrong format or wrong values."""


class MissingDataError(DataError, FileNotFoundError):
    """A file of a data set is missing."""


class UnknownFigureError(AntivenomError, LookupError):
    """A run has no figure or chart with that name."""


class CapabilityError(AntivenomError, TypeError):
    """A classifier lacks an ability that a method requires."""


class ComponentError(AntivenomError, TypeError):
    """A method of a component has wrong parameters, raises an exception, or returns a wrong result."""


class RunError(AntivenomError):
    """A folder is not a run of antivenom, or its files are damaged."""


class CellsFailedError(RunError):
    """Cells of a sweep failed. The others were written."""


class WriteError(RunError):
    """A file cannot be written: the disk is full, the folder is read-only, or its name is not possible."""


class UnknownTermError(AntivenomError):
    """The glossary does not have that term."""


def in_words(error: BaseException) -> str:
    """Return the type of an exception of other people's code, and the first line of its message, in characters that
    can be printed. Such an exception may be unable to make its message.

    >>> in_words(ZeroDivisionError("division by zero."))
    'ZeroDivisionError: division by zero'
    """
    try:
        line = next((each.strip() for each in str(error).splitlines() if each.strip()), "")
    except Exception:  # noqa: BLE001 - its `__str__` may raise anything
        line = ""
    printable = "".join(each if each.isprintable() else "?" for each in line[:MAX_LINE]).rstrip(".")
    return f"{type(error).__name__}: {printable}" if printable else type(error).__name__


def debugging() -> bool:
    """True if the variable `ANTIVENOM_DEBUG` asks for the traceback of every error."""
    return os.environ.get("ANTIVENOM_DEBUG", "").lower() not in ("", "0", "false", "no")
