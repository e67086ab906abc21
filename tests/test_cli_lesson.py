"""What `antivenom boundary` prints about its target."""

from io import StringIO
from typing import Any

import pytest

from antivenom.cli_lesson import print_lesson
from antivenom.terminal import Terminal


def printed(victim: int | None, control: int | None) -> str:
    flipped = {"0 to 1": 0.1, "1 to 0": 0.0}
    step = {"accuracy": 0.9, "flipped": flipped, "turned_wrong": [], "control": {"flipped": flipped}}
    lesson: dict[str, Any] = {
        "classes": ["man", "woman"],
        "shown": {"x": [0, 2], "y": [0, 100]},
        "before": {"accuracy": 1.0},
        "after": [{"calls": 1, **step}, {"calls": 15, **step}],
        "points": [{"x": 1.5, "y": 70.0, "label": 0}],
        "aim": {"x": 1.6, "y": 75.0, "turned_after": victim, "turned_after.control": control},
    }
    text = StringIO()
    print_lesson(Terminal(file=text, width=300), lesson, default_points=False)
    return text.getvalue()


@pytest.mark.parametrize(
    ("victim", "control", "sentence"),
    [
        (None, None, "does not flip within 15 calls. Try more: --repeats 1,15,60. Poison of class man: (1.5, 70)."),
        (3, None, "(1.6, 75) flips after 3 calls. Poison"),
        (1, 4, "(1.6, 75) flips after 1 call. It flips for the control too, after 4 calls. Poison"),
    ],
)
def test_the_time_of_the_flip(victim: int | None, control: int | None, sentence: str) -> None:
    assert sentence in printed(victim, control)


def test_areas_have_the_names_of_the_classes() -> None:
    assert "area man → woman" in printed(1, None)
