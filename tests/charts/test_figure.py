"""Figures in words: every unit, signs, p-values and intervals."""

from typing import get_args

import pytest

from antivenom.charts import Unit, worded, worded_interval

ZEROS = {
    "share": "0.0 %",
    "points": "0.0 points",
    "count": "0",
    "p_value": "< 0.001",
    "seconds": "0 s",
    "nats": "0",
    "yes_no": "no",
    "none": "0",
}


@pytest.mark.parametrize("unit", get_args(Unit))
def test_zero_has_no_sign(unit: Unit) -> None:
    assert worded(0.0, unit) == worded(-0.0, unit) == ZEROS[unit]


@pytest.mark.parametrize("value", [-0.0004, 0.0004])
def test_what_rounds_to_zero_has_no_sign(value: float) -> None:
    assert worded(value, "points") == "0.0 points"
    assert worded(value, "share") == "0.0 %"
    assert worded(100 * value, "count") == "0.0"


def test_what_does_not_round_to_zero_keeps_its_sign() -> None:
    assert worded(0.0006, "points") == "+0.1 points"
    assert worded(-0.0006, "points") == "-0.1 points"
    assert worded(-1e-9, "none") == "-1e-09"


def test_a_p_value_has_two_digits() -> None:
    assert [worded(value, "p_value") for value in (0.0002575, 0.001, 0.0123, 0.5, 1.0)] == [
        "< 0.001",
        "0.001",
        "0.012",
        "0.5",
        "1",
    ]


def test_an_interval_names_its_unit_once() -> None:
    assert worded_interval(-0.0001, 0.02, "points") == "0.0 to +2.0 points"
    assert worded_interval(0.0001, 0.0002, "p_value") == "< 0.001 to < 0.001"
    assert worded_interval(1, 2000, "count") == "1 to 2,000"
    assert worded_interval(0.1, None, "share") == ""
