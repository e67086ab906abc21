"""Everything that is printed: text from outside does not control the terminal, and every encoding can show it."""

import io
import os
import re
from pathlib import Path

import pytest
from rich.table import Table

from antivenom.cli_listing import print_listing
from antivenom.terminal import OutputError, Stream, Terminal, printable, problem, styled

HOSTILE = [
    "\x1b[2Jx",
    "\x1b]0;title\x07",
    "a\rb",
    "a\bb",
    "\x9b31m",
    "\u202eabc",
    "\u2066abc",
    "\x7f",
    "\ud800",
    "\udcff",
]


def encoded(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")


def bytes_of(file: io.TextIOWrapper) -> bytes:
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_shown_as_escapes_wherever_it_is_printed(text: str, encoding: str) -> None:
    file = encoded(encoding)
    console = Terminal(file=file, width=60)
    table = Table("name → value", title=text)
    table.add_row(text)
    for each in (text, styled(text), problem(text), table):
        console.print(each)
    console.line_of((text, "bold"), "→")
    print_listing(console, ("name", "a"), [(text, styled(text))])
    shown = bytes_of(file).decode(encoding)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e-\u202e\u2066-\u2069]", shown)
    assert shown.count(printable(text)) >= 8


def test_our_own_styles_stay_beside_escaped_text() -> None:
    file = io.StringIO()
    Terminal(file=file, force_terminal=True, color_system="standard", legacy_windows=False).print(problem("a\x1b[31mb"))
    assert file.getvalue() == "\x1b[31m✗\x1b[0m a\\x1b[31mb\n"


@pytest.mark.parametrize("text", ["run[new]", "run[/red]", "[bold]x", ":smile:", "\\[a]", "https://a/[b]"])
def test_text_is_not_markup(text: str) -> None:
    file = io.StringIO()
    console = Terminal(file=file, width=60)
    console.print(text)
    console.line_of(text)
    console.print(Table(text))
    assert file.getvalue().count(text) == 3


def test_ascii_terminals_get_ascii_borders_and_replacements() -> None:
    file = encoded("ascii")
    console = Terminal(file=file, width=40)
    console.print(Table("→", title="…"))
    console.print("✗ a – b")
    shown = bytes_of(file).decode("ascii")
    assert "+--" in shown
    assert "| -> |" in shown
    assert "x a - b" in shown


def test_a_narrow_terminal_gets_all_text() -> None:
    file = io.StringIO()
    rows = [("a_long_name_of_a_row", "the description of this row", "0.123456789")]
    print_listing(Terminal(file=file, width=20), ("name", "description", "value"), rows)
    assert "…" not in file.getvalue()
    assert " ".join(file.getvalue().split()) == (
        "a_long_name_of_a_row description: the description of this row value: 0.123456789"
    )


def test_output_that_cannot_be_written_is_one_error_and_then_dropped() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    file = Path("/dev/full").open("w")  # noqa: SIM115 - its end is an error of its own
    console = Terminal(file=file)
    with pytest.raises(OutputError, match="No space left on device"):
        console.print("a")
    console.print("b")
    os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())  # its end writes the buffer again
    file.close()


def test_the_stream_below_is_neither_closed_nor_flushed_when_ours_is_discarded() -> None:
    flushed = []

    class Below(io.StringIO):
        def flush(self) -> None:
            flushed.append(self)

    below = Below()
    stream = Stream(file=below)
    flushed.clear()
    stream.close()
    del stream
    assert flushed == []
    assert not below.closed
