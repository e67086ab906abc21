"""Printing what a run assumed, and its doubts."""

from collections.abc import Iterable, Mapping, Sequence

from rich.text import Text

from antivenom.terminal import Terminal, styled

CELLS_NAMED = 6


def print_assumptions(console: Terminal, sentences: Iterable[str]) -> None:
    """Print each different assumption as one line."""
    from antivenom.runner.progress import format_assumption  # noqa: PLC0415 - loads torch

    for sentence in dict.fromkeys(sentences):
        console.line_of((format_assumption(sentence), "dim"))


def doubt_line(text: str) -> Text:
    """Return the line about a doubt."""
    return styled(("?", "yellow"), f" {text}")


def print_doubts(console: Terminal, doubts: Mapping[str, Sequence[str]]) -> None:
    """Print each different doubt once, with the cells that have it unless all cells do.

    Args:
        console: where to print.
        doubts: the doubts of each cell, by its name.
    """
    shared: dict[str, list[str]] = {}
    for name, lines in doubts.items():
        for doubt in lines:
            shared.setdefault(doubt, []).append(name)
    for doubt, names in shared.items():
        listed = ", ".join(names[:CELLS_NAMED]) + (f" and {len(names) - CELLS_NAMED} more" * (len(names) > CELLS_NAMED))
        where = f" ({listed})" if len(names) < len(doubts) else ""
        console.print(doubt_line(doubt + where))
