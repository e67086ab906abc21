"""Tables of text for the terminal. A narrow terminal gets a list in their place, so that nothing is cut."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from antivenom.terminal import Terminal, styled

NARROW = 60
"""Terminals with fewer columns get a list."""

Row = Sequence[str | Text]


def print_listing(console: Terminal, columns: Sequence[str], rows: Sequence[Row], *, title: str = "") -> None:
    """Print rows of text as a table without borders, or as a list if the terminal is narrow.

    Args:
        console: where to print.
        columns: the names of the columns. The first column has the names of the rows.
        rows: the rows.
        title: the title; none if empty.
    """
    console.print(_list(columns, rows, title) if console.width < NARROW else _table(columns, rows, title))


def _table(columns: Sequence[str], rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, style="" if number else "bold", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _list(columns: Sequence[str], rows: Sequence[Row], title: str) -> Group:
    """Return each row as its name and a line for each other column."""
    lines = [styled(title)] if title else []
    for name, *others in rows:
        lines.append(styled((str(name), "bold")))
        lines += [
            styled(f"  {column}: ").append_text(_text(cell)) for column, cell in zip(columns[1:], others, strict=True)
        ]
    return Group(*lines)


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else styled(cell)
