"""Hostile files are read or refused, without a fault: a small part of `python -m benchmarks.hostile`."""

import json
import os
from pathlib import Path

import pytest
from benchmarks.hostile.__main__ import KINDS
from benchmarks.hostile.base import Base
from benchmarks.hostile.isolated import Outcome
from benchmarks.hostile.tally import Tally

from tests.helpers.forked import forked

pytestmark = pytest.mark.slow  # whole runs in child processes

# In a process of its own: the benchmark forks, and a fork of a process with threads can wait forever.
CODE = """
import json, warnings
from benchmarks.hostile.__main__ import attack
warnings.simplefilter("ignore")
tally = attack({kind!r}, {count}, 7, 20.0)
print(json.dumps([sum(tally.counts.values()), [str(fault) for fault in tally.faults]]))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_do_no_harm(kind: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = forked(CODE.format(kind=kind, count=12), at=tmp_path, environment={**os.environ, "PYTHONPATH": path})
    assert done.stdout.strip(), done.stderr
    count, faults = json.loads(done.stdout.splitlines()[-1])
    assert not faults
    assert count >= 1


WATCHED = """
import os, sys, tempfile, time
from pathlib import Path
from benchmarks.hostile import isolated

def attempt(number, folder):
    if number == 1:
        time.sleep(600)
    while number == 2:
        pass
    if number == 3:
        os.abort()
    if number == 4:
        bytearray(b"1") * (600 << 20)
    return "read"

isolated.SECONDS = 2
with tempfile.TemporaryDirectory() as root:
    print([outcome.result for outcome in isolated.run(attempt, 0, 6, Path(root), 600)])
"""


def test_the_faults_of_an_input_are_found(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = forked(WATCHED, at=tmp_path, environment={**os.environ, "PYTHONPATH": path})
    assert done.stdout.strip() == "['read', 'hangs', 'hangs', 'ends the process', 'fills memory', 'read']", done.stderr


BLIND = """
from dataclasses import replace
from antivenom.registry import plugins
described = plugins._plugin
plugins._plugin = lambda *given: replace(described(*given), broken=None, summary="no description")
"""


def test_a_list_that_does_not_say_what_is_broken_is_found(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    code = BLIND + CODE.format(kind="plugins", count=60).replace("20.0", "600.0")
    done = forked(code, at=tmp_path, environment={**os.environ, "PYTHONPATH": path})
    assert done.stdout.strip(), done.stderr
    assert "antivenom list does not" in str(json.loads(done.stdout.splitlines()[-1])[1])


def test_a_tally_goes_on_where_it_ended(tmp_path: Path) -> None:
    tally = Tally.load(tmp_path / "counts.json", "store", 3)
    tally.add(Outcome(0, "read", "", 0.5, 7))
    tally.add(Outcome(1, "hangs", "here"))
    tally.save()
    again = Tally.load(tmp_path / "counts.json", "store", 3)
    assert (again.next, again.counts, again.faults) == (2, {"read": 1, "hangs": 1}, [Outcome(1, "hangs", "here")])
    assert (again.faulty, again.slowest, again.largest) == ([1], (0.5, 0), (7, 0))
    with pytest.raises(SystemExit, match="has inputs of the seed 3"):
        Tally.load(tmp_path / "counts.json", "store", 4)


def test_a_file_that_was_written_in_place_is_found_and_restored(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.txt").write_text("good")
    base = Base(tmp_path / "base")
    with pytest.raises(RuntimeError, match="written to in place"), base.copied(tmp_path / "copy") as copy:
        (copy / "a.txt").write_text("odd")
    assert (tmp_path / "base" / "a.txt").read_text() == "good"
