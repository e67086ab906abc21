"""The command, as a user meets it; in its own process where streams, signals and imports matter."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from tests.helpers.command import own_process, same_process
from tests.helpers.forked import forked

pytestmark = pytest.mark.slow  # a process for every test, and torch in most of them

QUICK = """
name: quick
model: {name: mlp, hidden: [8]}
attack: {name: badnets, target: 7}
training: {name: end_to_end, epochs: 2}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(QUICK)
    return tmp_path


def files_of(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_version_is_the_installed_one(tmp_path: Path) -> None:
    done = own_process("--version", at=tmp_path)
    assert done.stdout.strip() == f"antivenom {version('antivenom')}"
    assert done.returncode == 0


def test_run_writes_a_run_and_prints_where_the_report_is(place: Path) -> None:
    done = same_process("run", "spec.yaml", "--out", "out", at=place)
    assert done.returncode == 0, done.stderr
    assert "out/report.html" in done.stdout
    assert "2 trainings: 1 victim and 1 control" in done.stderr
    expected = {"spec.yaml", "manifest.json", "metrics.json", "poison.npz", "goal.json", "report.html"}
    assert expected | {"victim.safetensors", "control.safetensors"} <= files_of(place / "out")


def test_json_is_all_that_stdout_holds(place: Path) -> None:
    done = own_process("run", "spec.yaml", "--json", "--set", "attack.rate=0.2", at=place)
    metrics = json.loads(done.stdout)
    assert metrics == json.loads((place / "runs/quick/metrics.json").read_text())
    assert metrics["attack.poison_rate"]["mean"] == pytest.approx(0.2, abs=1e-3)


def test_the_spec_that_a_run_writes_gives_the_same_numbers(place: Path) -> None:
    same_process("run", "spec.yaml", "--out", "first", at=place)
    again = same_process("run", "first/spec.yaml", "--out", "second", at=place, ANTIVENOM_STORE=str(place / "other"))
    assert again.returncode == 0, again.stderr
    for name in ("metrics.json", "poison.npz", "victim.safetensors", "spec.yaml"):
        assert (place / "first" / name).read_bytes() == (place / "second" / name).read_bytes(), name


def test_a_grid_says_beforehand_what_it_costs_and_writes_a_table(place: Path) -> None:
    (place / "grid.yaml").write_text(QUICK + "repeats: 2\ngrid: {attack.rate: [0.1, 0.2], model: [mlp, {name: cnn}]}\n")
    done = same_process("run", "grid.yaml", "--out", "out", at=place)
    assert done.returncode == 0, done.stderr
    assert "4 cells, 16 trainings: 8 victims and 8 controls" in done.stderr
    assert len((place / "out/table.csv").read_text().splitlines()) == 5
    assert len(list((place / "out/cells").iterdir())) == 4
    assert len(list((place / "store").rglob("fit-*"))) == 12


def test_several_workers_require_a_grid(place: Path) -> None:
    done = same_process("run", "spec.yaml", "--workers", "2", at=place)
    assert done.returncode == 2
    assert "--workers 2 requires a spec with a grid" in done.stderr
    assert not (place / "runs").exists()


BAD_SPECS = {
    "a near miss": ("attack: {name: badnets, rat: 0.1}", ["attack.rat is not a setting. Did you mean 'rate'?"]),
    "a wrong type": ("attack: {name: badnets, rate: much}", ["attack.rate must be a number in [0, 1] or null"]),
    "out of range": ("attack: {name: badnets, rate: 2}", ["attack.rate must be in [0, 1]"]),
    "all at once": (
        "attack: {name: badnet}\nseed: -1\nmodel: {name: cnn, filters: []}\ntraning: {}",
        ["Did you mean 'badnets'?", "seed must be at least 0", "Did you mean 'training'?"],
    ),
    "missing data": ("attack: badnets\ndataset: mnist", ["train-images-idx3-ubyte", "$ANTIVENOM_DATA"]),
    "missing data beside other faults": ("attack: badnet\ndataset: mnist", ["badnets", "train-images-idx3-ubyte"]),
    "an object in YAML": ("attack: !!python/object/apply:os.system ['true']", ["line 1"]),
    "an alias": ("a: &x [1]\nattack: *x", ["aliases"]),
    "not a mapping": ("- 1\n- 2", ["must contain settings"]),
    "no attack": ("name: nothing", ["attack is missing"]),
    "a class that is not there": ("attack: {name: badnets, target: 10}", ["target 10", "0 to 9"]),
    "too large a rate": ("attack: {name: badnets, rate: 1.0}", ["eligible"]),
    "code": ("attack: badnets\nmodel: {name: module, factory: 'os:getcwd'}", ["--allow-code"]),
    "a grid with a fault": ("attack: badnets\ngrid: {attack.rate: [0.1, 3]}", ["attack.rate must be in [0, 1]"]),
    "a crop as wide as the image": (
        "attack: badnets\ntraining: {name: end_to_end, crop: 8}",
        ["training (end_to_end) requires crop below 8"],
    ),
    "a network that no memory holds": (
        "attack: badnets\nmodel: {name: mlp, hidden: [99999999999]}",
        ["cannot be built"],
    ),
    "an empty file": ("", ["must contain settings"]),
}


@pytest.mark.parametrize("name", BAD_SPECS)
def test_a_bad_spec_gets_its_problems_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    text, expected = BAD_SPECS[name]
    (tmp_path / "spec.yaml").write_text(text)
    done = same_process("run", "spec.yaml", "--out", "out", at=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for words in expected:
        assert words in done.stderr
    assert not (tmp_path / "out").exists()
    assert not done.stdout


def test_damaged_data_gets_one_message(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object), y=np.zeros(1))
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{name}-ubyte").write_bytes(b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + b"\0" * 5)
    for dataset, words in (("{name: npz, path: objects.npz}", "Python objects"), ("mnist", "at offset 21")):
        (tmp_path / "spec.yaml").write_text(f"attack: badnets\ndataset: {dataset}\n")
        done = same_process("run", "spec.yaml", "--out", "out", at=tmp_path)
        assert (done.returncode, done.stderr.count("✗")) == (2, 1), done.stderr
        assert words in done.stderr
        assert not (tmp_path / "out").exists()


def test_a_strangers_folder_is_refused(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "thesis.txt").write_text("mine")
    done = same_process("run", "spec.yaml", "--out", "out", at=place)
    assert done.returncode == 2
    assert "is not a run of antivenom" in done.stderr
    assert files_of(place / "out") == {"thesis.txt"}


def test_a_folder_that_cannot_be_written_is_one_message(place: Path) -> None:
    (place / "file").write_text("")
    done = same_process("run", "spec.yaml", "--out", "file/out", at=place)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_a_store_that_is_no_folder_is_one_message(place: Path) -> None:
    (place / "file").write_text("mine")
    for arguments in (["run", "spec.yaml"], ["store", "size"]):
        done = same_process(*arguments, at=place, ANTIVENOM_STORE=str(place / "file"))
        assert done.returncode == 2
        assert "Set $ANTIVENOM_STORE to a" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_setting_of_a_default_component_needs_no_name(place: Path) -> None:
    (place / "short.yaml").write_text("attack: badnets")
    sets = ["--set", "training.epochs=1", "--set", "model.filters=[2]"]
    done = same_process("run", "short.yaml", "--out", "out", *sets, at=place)
    assert done.returncode == 0, done.stderr
    assert "epochs: 1" in (place / "out/spec.yaml").read_text()


def test_code_runs_only_when_allowed(place: Path) -> None:
    (place / "nets.py").write_text(
        "from torch import nn\ndef make(classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))\n"
    )
    named = ["--set", "model={name: module, factory: 'nets:make'}"]
    assert own_process("run", "spec.yaml", *named, at=place).returncode == 2
    done = own_process("run", "spec.yaml", *named, "--allow-code", at=place)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "attack"], ["list", "attacks"], ["show", "badnets"], ["--help"]]
)
def test_looking_around(arguments: list[str], tmp_path: Path) -> None:
    done = same_process(*arguments, at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "badnets" in done.stdout or "poison" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "atacks"], "Did you mean 'attacks'?"),
        (["show", "badnet"], "Did you mean 'badnets'?"),
        (["run", "no_such.yaml"], "No spec file and no example"),
        (["run", "digits_badnet"], "Did you mean 'digits_badnets'?"),
        (["run", "spec.yaml", "--set", "rate"], "key=value"),
        (["run", "spec.yaml", "--device", "cuda:99"], "is not available"),
        (["run", "spec.yaml", "--device", "abacus"], "is not available"),
        (["run", "spec.yaml", "--device", "mps"], "Choose one of: auto, cpu"),
        (["run", "spec.yaml", "--device", "cpu:7"], "is not available"),
        (["run", ""], "Give the path of a spec"),
        (["run", "."], "Give the path of a spec"),
        (["run", "label_flip_rates", "--set", "attack.rate=0.5"], "--set grid=null"),
    ],
)
def test_a_wrong_word_gets_the_right_one(arguments: list[str], words: str, place: Path) -> None:
    done = same_process(*arguments, at=place)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_default_that_is_a_component_is_shown_by_its_name(tmp_path: Path) -> None:
    assert "end_to_end" in same_process("show", "online", at=tmp_path).stdout.partition("Settings")[2]


def test_the_store_says_its_size_and_is_emptied(place: Path) -> None:
    same_process("run", "spec.yaml", at=place)
    assert same_process("store", "size", at=place).stdout.startswith("4 stages")
    assert same_process("store", "clean", at=place).stdout.startswith("Removed 4 stages")
    assert same_process("store", "size", at=place).stdout.startswith("0 stages")


KILLER = """
import os, signal, sys
from antivenom.runner.executors import stages
from antivenom.runner.spec import settings as experiment
import antivenom.runner.events as events
import antivenom.runner.progress, antivenom.cli, antivenom.report
at = {stage!r}
tell = antivenom.runner.progress.Lines.on_event
def deadly(self, event):
    now = isinstance(event, events.Trained) if at.startswith("fit") else isinstance(event, events.Started)
    if now and event.stage == at:
        os.kill(os.getpid(), signal.SIGKILL)
    tell(self, event)
antivenom.runner.progress.Lines.on_event = deadly
if at == "report":
    antivenom.report.write_report = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["antivenom", "run", "spec.yaml", "--out", "out"]
antivenom.cli.main()
"""


def test_a_run_killed_at_any_stage_goes_on_and_recomputes_that_stage_alone(place: Path) -> None:
    kept = {"prepare": 0, "poison": 1, "fit victim": 2, "fit control": 3, "measure": 4, "report": 4}
    same_process("run", "spec.yaml", "--out", "whole", at=place, ANTIVENOM_STORE=str(place / "whole-store"))
    for stage, before in kept.items():
        shutil.rmtree(place / "store", ignore_errors=True)
        shutil.rmtree(place / "out", ignore_errors=True)
        environment = {**os.environ, "ANTIVENOM_STORE": str(place / "store")}
        killed = forked(KILLER.format(stage=stage), at=place, environment=environment)
        assert killed.returncode == -signal.SIGKILL, (stage, killed.stderr)
        assert len(list((place / "store").rglob("*.safetensors"))) == before, stage
        done = same_process("run", "spec.yaml", "--out", "out", at=place)
        assert done.returncode == 0, (stage, done.stderr)
        manifest = json.loads((place / "out" / "manifest.json").read_text())
        stored = {entry["stage"]: entry["stored"] for entry in manifest["stages"]}
        order = ["prepare", "poison", "fit victim", "fit control"]
        assert [stored[name] for name in order] == [index < before for index in range(4)], stage
        for name in ("metrics.json", "poison.npz"):
            assert (place / "out" / name).read_bytes() == (place / "whole" / name).read_bytes(), (stage, name)


def test_an_edited_attack_is_not_served_from_the_store(place: Path) -> None:
    import antivenom as package

    copied = place / "package" / "antivenom"
    shutil.copytree(Path(package.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    path = {"PYTHONPATH": str(copied.parent)}

    def poisoned_rows() -> list[int]:
        done = own_process("run", "spec.yaml", "--out", "out", at=place, **path)
        assert done.returncode == 0, done.stderr
        with np.load(place / "out" / "poison.npz") as arrays:
            return [int(label) for label in np.unique(arrays["y"])]

    assert poisoned_rows() == [7]
    edited = copied / "attacks" / "badnets.py"
    edited.write_text(edited.read_text().replace("torch.full_like(rows, self.target)", "torch.full_like(rows, 3)"))
    assert poisoned_rows() == [3]


def test_an_interrupted_run_says_how_to_go_on(place: Path) -> None:
    (place / "long.yaml").write_text(QUICK.replace("epochs: 2", "epochs: 100000"))
    command = [sys.executable, "-m", "antivenom", "run", "long.yaml", "--out", "out"]
    environment = {**os.environ, "ANTIVENOM_STORE": str(place / "store"), "COLUMNS": "200"}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    running = subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        while not list((place / "store").rglob("poison-*")):
            assert running.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=600)
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert "To continue, run" in said
    assert "Traceback" not in said


def test_the_demo_runs(tmp_path: Path) -> None:
    """With one repeat on few rows; `scripts/check-wheel` runs all of it."""
    text = (files("antivenom.examples") / "demo.yaml").read_text()
    (tmp_path / "demo.yaml").write_text(re.sub("repeats: .*", "repeats: 1\ntrain_rows: 300", text))
    with mock.patch("antivenom.cli.find_spec", return_value=tmp_path / "demo.yaml"):
        done = same_process("demo", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/demo/report.html").is_file()
    assert "badnets-cnn" in done.stdout


def test_a_mistake_in_a_component_is_one_line_and_a_traceback_if_asked_for(place: Path) -> None:
    (place / "mistaken.py").write_text(
        "from antivenom.settings import component\n\n\n@component\nclass F:\n    false_rejection_rate: float = 0.1\n\n"
        "    def suspicion(self, x, classifier, *, rng, clean):\n        return [0.5] * len(x)\n"
    )
    command = ("run", "spec.yaml", "--allow-code", "--quiet", "--set", "defences=['mistaken:F']")
    done = same_process(*command, at=place)
    assert done.returncode == 2
    assert done.stderr.strip() == "✗ mistaken:F.suspicion must return a tensor of float numbers; got a list."
    traced = same_process(*command, at=place, ANTIVENOM_DEBUG="1")
    assert traced.returncode == 2
    assert "Traceback" in traced.stderr
    assert "ComponentError: mistaken:F.suspicion must return" in traced.stderr
