"""Folders of runs: whose they are, and one run at a time."""

from pathlib import Path

import pytest

from antivenom.errors import RunError
from antivenom.runner import Sweep, load_spec
from antivenom.storage.files import LOCK, locked
from tests.helpers.small_experiment import DIGITS, experiment

STRANGERS = {
    "a text": {"notes.txt": "mine"},
    "somebody's spec.yaml": {"spec.yaml": "attack: badnets", "figures/mine.png": "mine", "cells/a": "mine"},
    "a spec.yaml of other bytes": {"spec.yaml": "\xff", "report.html": "mine"},
    "a hidden file": {".git/config": "mine"},
}


@pytest.mark.parametrize("held", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_strangers_folder_is_refused_and_left_alone(tmp_path: Path, held: dict[str, str]) -> None:
    for name, text in held.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode("latin1"))
    with pytest.raises(RunError, match="is not a run of antivenom"):
        experiment().run(out=tmp_path)
    found = {str(file.relative_to(tmp_path)): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {name: text.encode("latin1") for name, text in held.items()}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(RunError, match="cannot be created: File exists"):
        experiment().run(out=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_run_of_another_spec_replaces_the_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    experiment(repeats=2).run(out=tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert (tmp_path / "out" / "repeats" / "1").is_dir()
    experiment().run(out=tmp_path / "out")
    assert not (tmp_path / "out" / "repeats").exists()
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_name_that_is_a_path_writes_nowhere_else(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    experiment(name="../../x").run(out=out)
    made = load_spec({**DIGITS, "attack": "badnets", "grid": {"name": ["../../x", "/tmp/x"]}})
    assert isinstance(made, Sweep)
    made.run(out=tmp_path / "deep" / "grid")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["grid", "out"]
    assert len(list((tmp_path / "deep" / "grid" / "cells").iterdir())) == 2


def test_a_folder_takes_one_run_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "out"), pytest.raises(RunError, match="Another run"):
        experiment().run(out=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    experiment().run(out=tmp_path / "out")
    assert not (tmp_path / "out" / LOCK).exists()
