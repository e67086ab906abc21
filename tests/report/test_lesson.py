"""The lesson's page, to its digits."""

import json
import math
from pathlib import Path

import pytest

from antivenom import load_spec
from antivenom.report.lesson import write_lesson
from antivenom.runner.lesson import lesson_points, lesson_source, lesson_spec
from tests.helpers.lessons import spec


@pytest.mark.slow
def test_the_lesson_to_its_digits(tmp_path: Path) -> None:
    made = lesson_spec(source=lesson_source(), points=lesson_points(), labels=(1,), calls=15)
    load_spec(made).run(out=tmp_path, device="cpu")
    told = write_lesson(tmp_path, [1, 5, 15])
    assert [f"{each:.3f}" for each in told["before"]["poison"]] == ["0.679", "0.636", "0.592", "0.546", "0.500"]
    ends = [told["before"], *told["after"]]
    heights = [each["boundary"]["-2"] for each in ends]
    assert all(len(each) == 1 for each in heights)
    grid = [math.floor(each[0] / 0.01) * 0.01 for each in heights]  # the row of the grid below the boundary
    assert [f"{each:.2f}" for each in grid] == ["-0.14", "-0.18", "-0.41", "-0.99"]
    assert [each["accuracy"] for each in ends] == [0.97, 0.97, 0.97, 0.96]
    assert [f"{100 * each['flipped']['0 to 1']:.2f}" for each in told["after"]] == ["0.26", "2.03", "6.54"]
    turned = told["after"][2]["turned_wrong"]
    assert [each["class"] for each in turned] == [0, 0], "points of class 0 that the model now takes for class 1"
    assert json.loads((tmp_path / "boundary.json").read_text()) == told


@pytest.mark.slow
def test_old_steps_do_not_stay(tmp_path: Path) -> None:
    made = {**spec(calls=3), "name": "it"}
    load_spec(made).run(out=tmp_path)
    for counts in ([1, 2], [3]):
        write_lesson(tmp_path, counts)
    assert sorted(each.name for each in (tmp_path / "figures").glob("*after*.png")) == ["3-after-3.png"]
