"""The end of every command: a message for each error, the exit status, and a log file for an unexpected error."""

import errno
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import platformdirs
import typer
from rich.text import Text

from antivenom.errors import AntivenomError, SettingsError, debugging
from antivenom.stopping import Stopped, stopped_by_signals
from antivenom.terminal import OutputError, err_console, finish_streams, prepare_streams, problem, styled

(UsageError,) = typer.BadParameter.__bases__
"""A wrong option or argument."""
WRONG, UNEXPECTED, SIGNAL = 2, 70, 128
"""Exit statuses: a wrong input, a defect of the program (`EX_SOFTWARE`), and 128 plus the number of a signal."""
PREFIX = "Value error, "
"""What pydantic writes before the message of our own errors, when the command reads an option."""
PIPE = 13
"""The number of the signal SIGPIPE, which ends other programs when the reader of their output has ended."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a full disk."""
NO_MEMORY = "The memory is not sufficient. Use fewer rows, a smaller model, a smaller batch_size or fewer workers."
ALLOCATORS = ("DefaultCPUAllocator", "out of memory")
"""Words of torch's errors about memory, which are `RuntimeError`s."""


def exit_status_of(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit status. Whatever it raises becomes a message on stderr.

    Args:
        command: runs the command, and returns its exit status or None.
    """
    prepare_streams()
    received: list[int] = []
    try:
        with stopped_by_signals(received.append):
            status = _printed(command)
            finish_streams()
        return status
    except (Stopped, KeyboardInterrupt) as stop:  # also while a message is printed
        return _stopped(stop)
    except OutputError as error:
        if received:  # the terminal was closed
            return SIGNAL + received[0]
        return SIGNAL + PIPE if error.closed else _unwritten(error)


def _printed(command: Callable[[], int | None]) -> int:
    """Run a command. Print its error, and return its exit status."""
    try:
        return command() or 0
    except OutputError:
        raise
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except OSError as error:
        if error.errno in FULL and error.filename is None:  # of a library that prints; files have a `WriteError`
            raise OutputError(os.strerror(error.errno), closed=False) from error
        return _reported(error)
    except Exception as error:  # noqa: BLE001 - the only place where all errors end: each is printed, none is lost
        return _reported(error)


def _reported(error: Exception) -> int:
    """Print an error, and return its exit status."""
    if debugging():
        err_console.print("".join(traceback.format_exception(error)), soft_wrap=True)
    status, lines = _explained(error)
    for line in lines:
        err_console.print(line, soft_wrap=True)
    return status


def _explained(error: Exception) -> tuple[int, list[Text]]:
    """Return the exit status and the lines about an error."""
    if isinstance(error, UsageError):
        return WRONG, list(_usage(error))
    if isinstance(error, SettingsError):
        return WRONG, [problem(each) for each in error.shown]
    if isinstance(error, AntivenomError):
        return WRONG, [problem(str(error))]
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in ALLOCATORS)
    ):
        return WRONG, [problem(NO_MEMORY)]
    return UNEXPECTED, list(_unexpected(error))


def _usage(error: Exception) -> Iterator[Text]:
    """Yield the lines about a wrong option or argument. Without any argument, the help is already printed."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return
    context = getattr(error, "ctx", None)  # None if the command itself is unknown
    if context is not None:
        yield styled(context.get_usage())
    message = str(error.format_message())  # type: ignore[attr-defined]
    yield problem(message.replace(PREFIX, "", 1))
    if context is not None:
        yield styled(f"`{context.command_path} --help` shows the options and arguments.")


def _unexpected(error: Exception) -> Iterator[Text]:
    """Yield the lines about an unexpected error, whose traceback goes to a file."""
    reason = " ".join(str(error).split())
    shown = reason if len(reason) <= 300 else reason[:299] + "…"
    yield problem(f"Unexpected error: {type(error).__name__}" + f": {shown}" * bool(shown))
    log = _write_log(error)
    if log is None:
        yield styled("".join(traceback.format_exception(error)))
        yield styled("No log file could be written. To report this error, open an issue with the text above.")
    else:
        yield styled(f"The traceback is in {log}")
        yield styled("To report this error, open an issue with that file. It can contain paths and settings of yours.")


def _write_log(error: Exception) -> Path | None:
    """Write the traceback of an error to a new file that only the user can read. Return None if that fails."""
    about = f"antivenom {version('antivenom')}, Python {platform.python_version()}, {platform.platform()}"
    text = f"{about}\n{sys.argv}\n\n{''.join(traceback.format_exception(error))}"
    folders: tuple[Callable[[], Path], ...] = (_cache, lambda: Path(tempfile.gettempdir()))
    for folder in folders:
        try:
            place = folder()
            place.mkdir(parents=True, exist_ok=True)
            handle, file = tempfile.mkstemp(".log", time.strftime("antivenom-%Y-%m-%d-%H%M%S-"), place)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as opened:
                opened.write(text)
        except (OSError, RuntimeError):  # the folder cannot be written, or the user has no home folder
            continue
        return Path(file)
    return None


def _cache() -> Path:
    return platformdirs.user_cache_path("antivenom") / "errors"


def _stopped(stop: Stopped | KeyboardInterrupt) -> int:
    """Print that the command was stopped, unless a signal asks a server to end, and return the exit status."""
    number = getattr(stop, "number", int(signal.SIGINT))
    advice = getattr(stop, "advice", "")
    if not advice and number != signal.SIGINT:
        return SIGNAL + number
    try:
        err_console.print(styled("\nStopped." + f" {advice}" * bool(advice)), soft_wrap=True)
    except OutputError:  # the terminal is closed
        return SIGNAL + number
    return SIGNAL + number


def _unwritten(error: OutputError) -> int:
    """Print that the output cannot be written, if stderr can be, and return the exit status."""
    try:
        err_console.print(problem(str(error)), soft_wrap=True)
    except OutputError:
        return WRONG
    return WRONG
