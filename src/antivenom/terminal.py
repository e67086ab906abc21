"""Printing to the terminal. The command and the progress of a run print through this module only.

Text from outside (paths, names in files, messages) is shown as it is, but no character of it controls the terminal. A
character that the terminal's encoding does not have is replaced.
"""

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

ASCII = {
    "✗": "x", "✓": "+", "–": "-", "—": "-", "…": "...", "→": "->", "←": "<-", "×": "x", "·": ".", "•": "*", "−": "-",
    "≤": "<=", "≥": ">=", "≈": "~", "±": "+/-", "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\ufffd": "?",
}  # fmt: skip
"""Characters of our own texts, and their replacements for an encoding that does not have them."""

ERRORS = "antivenom.replace"
"""The name of the error handler that encodes a text for a terminal. `prepare_streams` registers it."""

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""Characters that control a terminal, change the direction of text or are invisible, and halves of characters."""


class OutputError(Exception):
    """The output cannot be written. It is raised once for a stream; then the text for the stream is dropped.

    Args:
        reason: the reason, in words.
        closed: whether the reader of the output has ended, as `head` does. Then the command ends without a message.
    """

    def __init__(self, reason: str, *, closed: bool) -> None:
        super().__init__(f"The output cannot be written: {reason}.")
        self.closed = closed


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Return a text that a terminal shows literally. Tabs and ends of lines stay.

    Args:
        text: any text, also with lone surrogates (a file name that is not UTF-8 has them).
        encoding: the encoding of the terminal.

    >>> printable("a\x1b[2J\rb")
    'a\\x1b[2J\\x0db'
    >>> printable("é → \u4e2d", "latin-1")
    'é -> \\u4e2d'
    """
    text = _CONTROLS.sub(lambda match: _escaped(match.group()), text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        codecs.register_error(ERRORS, _replaced)
        return text.encode(encoding, ERRORS).decode(encoding)
    except LookupError:  # a stream that names an encoding that Python does not know
        return text
    return text


def styled(*parts: str | tuple[str, str]) -> Text:
    r"""Return a text with our own styles. A part is a text, or a text and its style.

    >>> styled(("✗", "red"), " run[new]\x07").plain
    '✗ run[new]\\x07'
    """
    return Text.assemble(
        *(printable(part) if isinstance(part, str) else (printable(part[0]), part[1]) for part in parts)
    )


def problem(text: str) -> Text:
    """Return the line about a problem."""
    return styled(("✗", "red"), f" {text}")


class Terminal(Console):
    """A console that prints text literally: without markup, emoji codes and highlighting.

    Args:
        stderr: print to stderr instead of stdout.
        file: print to this file instead.
        options: other arguments of rich's `Console`.
    """

    def __init__(self, *, stderr: bool = False, file: IO[str] | None = None, **options: Any) -> None:
        self.stream = Stream(stderr=stderr, file=file)
        options = {"markup": False, "emoji": False, "highlight": False, **options}
        super().__init__(file=self.stream, stderr=stderr, **options)  # type: ignore[arg-type]

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text of a table or of a line, before its width is measured."""
        return super().render_str(printable(text, self.encoding), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of anything that is printed."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, self.encoding), segment.style)

    def on_broken_pipe(self) -> None:
        """Leave the end of the output to the caller. `Stream` raises another exception."""

    def line_of(self, *parts: str | tuple[str, str]) -> None:
        """Print one line with our own styles, which the terminal wraps, so that a path can be copied."""
        self.print(styled(*parts), soft_wrap=True)

    def json(self, content: object, *, sort_keys: bool = False) -> None:
        """Print JSON in ASCII characters, without styles."""
        self.stream.write(json.dumps(content, indent=2, sort_keys=sort_keys) + "\n")
        self.stream.flush()


class Stream(io.TextIOBase):
    """The current stdout or stderr. After an error, all further text is dropped.

    Raises:
        OutputError: the stream cannot be written: its reader has ended, or a disk is full.
    """

    def __init__(self, *, stderr: bool = False, file: IO[str] | None = None) -> None:
        self._stderr, self._file = stderr, file
        self._failed_on: IO[str] | None = None

    @property
    def target(self) -> IO[str] | None:
        """The stream below, without rich's redirection during a progress bar; None if the stream is closed."""
        current = self._file or (sys.stderr if self._stderr else sys.stdout)
        return getattr(current, "rich_proxied_file", current)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self.target, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        target = self.target
        return target is not None and not target.closed and target.isatty()

    def fileno(self) -> int:
        """Return the number of the stream."""
        if self.target is None:
            raise io.UnsupportedOperation("The stream is closed.")
        return self.target.fileno()

    def write(self, text: str) -> int:
        """Write a text."""
        self._attempt("write", text)
        return len(text)

    def flush(self) -> None:
        """Write what is in the buffer."""
        self._attempt("flush")

    def close(self) -> None:
        """Do nothing, also when Python ends and closes what is left: the stream below belongs to the process."""

    def _attempt(self, method: str, *arguments: str) -> None:
        target = self.target
        if target is None or target is self._failed_on or target.closed:
            return
        try:
            getattr(target, method)(*arguments)
        except OSError as error:
            self._failed_on = target
            _drop_buffer(target)
            raise OutputError(error.strerror or str(error), closed=isinstance(error, BrokenPipeError)) from error


def prepare_streams() -> None:
    """Let stdout and stderr replace characters that their encoding does not have, in the output of every library."""
    codecs.register_error(ERRORS, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # its file was exchanged, as `os.dup2` does; our own consoles work as well
                stream.reconfigure(errors=ERRORS)


def finish_streams() -> None:
    """Write what the buffers of stdout and stderr contain.

    Raises:
        OutputError: a stream cannot be written.
    """
    for console in (out_console, err_console):
        console.stream.flush()


def _drop_buffer(stream: IO[str]) -> None:
    """Let a stream that cannot be written forget its buffer: Python writes the buffer again when the process ends."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        if number in (1, 2):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


def _escaped(characters: str) -> str:
    r"""Return characters as escapes. The bytes of a file name that is not UTF-8 are `\x80` to `\xff`."""
    codes = (ord(each) for each in characters)
    codes = (code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code for code in codes)
    return "".join(
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}" for code in codes
    )


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(ASCII.get(each) or _escaped(each) for each in missing), error.end


out_console = Terminal()
err_console = Terminal(stderr=True)
