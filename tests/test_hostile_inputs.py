"""Hostile files are read or refused, without a fault: a small part of `python -m benchmarks.hostile`."""

import warnings

import pytest
from benchmarks.hostile.__main__ import KINDS, attack

pytestmark = pytest.mark.slow  # whole runs in child processes


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_do_no_harm(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts, faults = attack(kind, 12, 7, 1.0)
    assert not faults
    assert sum(counts.values()) >= 1
