"""Random forms of known data and networks are read right, or refused: a small part of `python -m benchmarks.doors`."""

import warnings
from pathlib import Path

import pytest
from benchmarks.doors import DOORS, attempt


@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_wrong_in_silence(door: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = [attempt(door, number, 7, tmp_path) for number in range(60)]
    assert not [each for each in outcomes if each.result in ("wrong", "traceback")]
    assert sum(each.result == "right" for each in outcomes) >= 15
