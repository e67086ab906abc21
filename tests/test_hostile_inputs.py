"""Hostile files are read or refused, without a fault: a small part of `python -m benchmarks.hostile`."""

import json
import os
from pathlib import Path

import pytest
from benchmarks.hostile.__main__ import KINDS

from tests.helpers.forked import forked

pytestmark = pytest.mark.slow  # whole runs in child processes

# In a process of its own: the benchmark forks, and a fork of a process with threads can wait forever.
CODE = """
import json, warnings
from benchmarks.hostile.__main__ import attack
warnings.simplefilter("ignore")
counts, faults = attack({kind!r}, 12, 7, 20.0)
print(json.dumps([sum(counts.values()), [str(fault) for fault in faults]]))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_do_no_harm(kind: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = forked(CODE.format(kind=kind), at=tmp_path, environment={**os.environ, "PYTHONPATH": path})
    assert done.stdout.strip(), done.stderr
    count, faults = json.loads(done.stdout.splitlines()[-1])
    assert not faults
    assert count >= 1
