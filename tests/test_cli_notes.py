"""Doubts on the terminal."""

from io import StringIO

from antivenom.cli_notes import print_doubts
from antivenom.terminal import Terminal


def test_a_doubt_names_its_cells_unless_all_have_it() -> None:
    text = StringIO()
    cells = {f"rate={number}": ["of all"] + ["of one"] * (number == 2) for number in range(3)}
    print_doubts(Terminal(file=text, width=200), cells)
    assert text.getvalue().splitlines() == ["? of all", "? of one (rate=2)"]
