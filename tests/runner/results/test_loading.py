"""Results from folders: the same as they were written, and one error for a damaged one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch

from antivenom.data import Splits
from antivenom.errors import RunError
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, load_spec
from antivenom.testing import toy_images
from tests.helpers.command import own_process
from tests.helpers.forked import forked
from tests.helpers.run_folders import without_checksums
from tests.helpers.small_experiment import DIGITS, SPLITS, experiment


def spec(**changes: Any) -> Experiment:
    """One that its folder can make again."""
    made = load_spec({**DIGITS, "attack": {"name": "badnets", "target": 7}, **changes})
    assert isinstance(made, Experiment)
    return made


def figures(result: Result) -> str:
    return json.dumps(result.metrics, sort_keys=True)


def test_a_result_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    attack = {"name": "badnets", "target": 7, "mode": "append"}
    result = spec(attack=attack, repeats=2).run(out=tmp_path / "out")
    again = Result.load(tmp_path / "out")
    assert (again.spec, again.metrics, again.doubts) == (result.spec, result.metrics, result.doubts)
    assert len(again.repeats) == 2
    for one, other in zip(result.repeats, again.repeats, strict=True):
        assert (one.values, one.losses) == (other.values, other.losses)
        assert np.array_equal(one.confusion, other.confusion)
        assert one.poisoned.data.fingerprint == other.poisoned.data.fingerprint
        assert torch.equal(one.poisoned.roles, other.poisoned.roles)
        assert one.poisoned.control(Rng(0)).fingerprint == other.poisoned.control(Rng(0)).fingerprint
        assert one.poisoned.goal == other.poisoned.goal
        test = one.poisoned.base
        assert torch.equal(one.victim.scores(test.inputs()), other.victim.scores(test.inputs()))
        assert torch.equal(one.control.scores(test.inputs()), other.control.scores(test.inputs()))
    assert list(again.charts) == list(result.charts)
    assert all(again.charts[key].to_png() == chart.to_png() for key, chart in result.charts.items())
    assert again.to_frame().shape == result.to_frame().shape
    assert (tmp_path / "out" / "metrics.json").read_bytes() == (
        again.save(tmp_path / "b") / "metrics.json"
    ).read_bytes()


def test_what_a_run_wrote_runs_again_to_the_same_numbers(tmp_path: Path) -> None:
    result = spec(name="1e-3").run(out=tmp_path / "out")
    again = load_spec(tmp_path / "out" / "spec.yaml")
    assert isinstance(again, Experiment)
    assert figures(again.run()) == figures(result)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no spec": lambda out: (out / "spec.yaml").unlink(),
    "a broken spec": lambda out: (out / "spec.yaml").write_text("attack: ["),
    "a grid": lambda out: (out / "spec.yaml").write_text("attack: badnets\ngrid: {seed: [1, 2]}"),
    "no manifest": lambda out: (out / "manifest.json").unlink(),
    "an empty manifest": lambda out: (out / "manifest.json").write_text("{}"),
    "a manifest that is a list": lambda out: (out / "manifest.json").write_text("[]"),
    "no figures": lambda out: (out / "metrics.json").unlink(),
    "repeats that are a number": lambda out: (out / "repeats.json").write_text("3"),
    "more repeats than there are": lambda out: (out / "repeats.json").write_text("[{}, {}, {}]"),
    "no victim": lambda out: (out / "victim.safetensors").unlink(),
    "half a victim": lambda out: (out / "victim.safetensors").write_bytes(b"\0" * 40),
    "another network's victim": lambda out: (out / "spec.yaml").write_text(
        (out / "spec.yaml").read_text().replace("  - 8\n", "  - 9\n")
    ),
    "a goal that is none": lambda out: (out / "goal.json").write_text("[]"),
    "a goal that names code": lambda out: (out / "goal.json").write_text('{"name": "os:abort"}'),
    "poison that is none": lambda out: (out / "poison.npz").write_bytes(b"PK"),
    "details that are none": lambda out: (out / "details.npz").write_bytes(b""),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run that the tests below copy."""
    out = tmp_path_factory.mktemp("run") / "out"
    spec().run(out=out)
    return out


def copied(run: Path, to: Path) -> Path:
    to.mkdir()
    for file in run.iterdir():
        if file.is_file():
            (to / file.name).write_bytes(file.read_bytes())
    return to


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_run_is_one_error(run: Path, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    out = without_checksums(copied(run, tmp_path / "out"))
    damage(out)
    with pytest.raises(RunError):  # models and poison are read when they are asked for
        again = Result.load(out)
        for part in ("victim", "control", "poisoned"):
            getattr(again, part)


@pytest.mark.parametrize(
    "changes",
    [
        {"x": lambda x: x[:-1]},
        {"x": lambda x: x[..., :-1]},
        {"x": lambda x: x.astype(np.float64)},
        {"y": lambda y: y + 10},
        {"y": lambda y: y * np.nan},
        {"ids": np.zeros_like},
        {"role": lambda role: role[:1]},
        {"origin_ids": lambda ids: ids[:1]},
    ],
)
def test_poison_that_does_not_fit_the_data_is_one_error(
    run: Path, tmp_path: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = without_checksums(copied(run, tmp_path / "out"))
    with np.load(out / "poison.npz") as held:
        arrays = dict(held)
    np.savez(
        out / "poison.npz", **{name: changes.get(name, lambda same: same)(array) for name, array in arrays.items()}
    )
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the shapes
    with pytest.raises(RunError):
        _ = Result.load(out).poisoned


def test_a_run_of_what_only_python_had_says_so(tmp_path: Path) -> None:
    experiment().run(out=tmp_path / "out")
    again = Result.load(tmp_path / "out")
    assert again.metrics["attack.success_rate"]["n"] == 1
    assert again.victim.classes == again.control.classes == 4
    with pytest.raises(RunError, match="got an object made in Python"):
        _ = again.poisoned


MINE = '''
from typing import Annotated

from antivenom.attacks import PoisonBudget
from antivenom.goals import Backdoor
from antivenom.settings import Component, component
from antivenom.triggers import Trigger


@component
class Dark:
    """The first columns are dark."""

    width: int = 3

    def apply(self, x, bounds):
        """Rows with the trigger."""
        x = x.clone()
        x[..., : self.width] = bounds[0]
        return x


@component
class Wanted(Backdoor):
    """A backdoor of a class of its own."""


@component
class Darkened(PoisonBudget):
    """A trigger and a goal from this file."""

    trigger: Annotated[Trigger, Component("triggers")] = Dark()

    def poison(self, data, *, rng, surrogate=None):
        """The data with darkened rows."""
        goal, rows = Wanted(trigger=self.trigger, target=0), self.choose(data, rng)
        chosen = data.subset(rows)
        return self.contribute(data, rows, x=goal.triggered(chosen).x, y=goal.wanted(chosen), goal=goal)
'''


READ_BACK = """
import sys
from antivenom import Result
run, allow_code = sys.argv[1], sys.argv[2] == "allowed"
again = Result.load(run, allow_code=allow_code)
print(again.victim.classes, again.control.classes)
try:
    print(type(again.poisoned.goal).__name__, again.poisoned.goal.trigger, again.poisoned.data.fingerprint)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_a_run_whose_trigger_and_goal_stand_in_the_users_own_file_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "my_own_attack.py").write_text(MINE)
    (tmp_path / "spec.yaml").write_text(
        json.dumps({**DIGITS, "attack": {"name": "my_own_attack:Darkened", "trigger": {"width": 2}}})
    )

    def ask(*words: str) -> str:
        done = forked(f"import sys; sys.argv[:] = {['read.py', *words]}\n{READ_BACK}", at=tmp_path)
        return done.stdout if done.returncode == 0 else done.stderr

    own_process("run", "spec.yaml", "--out", "run", "--allow-code", "--quiet", at=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "report.html" in own_process("report", str(tmp_path / "run"), at=elsewhere).stdout
    classes, poison = ask("run", "allowed").splitlines()
    assert classes == "10 10"
    assert poison.startswith("Wanted Dark(width=2) ")
    classes, poison = ask("run", "refused").splitlines()
    assert classes == "10 10"
    assert poison.startswith("RunError ")
    assert "names code ('my_own_attack:Darkened'), which is not allowed to run." in poison
    assert "allow_code=True" in poison


def test_a_run_is_read_back_without_its_data_set(tmp_path: Path) -> None:
    data = toy_images(160, seed=0)
    file = tmp_path / "data.npz"
    np.savez(file, x=data.x.numpy(), y=data.y.numpy())
    ran = spec(dataset={"name": "npz", "path": str(file)}, attack={"name": "badnets", "target": 1}).run(
        out=tmp_path / "run"
    )
    file.unlink()
    again = Result.load(tmp_path / "run")
    assert (again.metrics, again.headline, again.doubts) == (ran.metrics, ran.headline, ran.doubts)
    assert torch.equal(again.victim.scores(data.inputs()), ran.victim.scores(data.inputs()))
    assert torch.equal(again.control.scores(data.inputs()), ran.control.scores(data.inputs()))
    assert write_report(tmp_path / "run").is_file()
    with pytest.raises(RunError, match=r"The poison of .* cannot be read: .*data\.npz is missing\."):
        _ = again.poisoned


def test_classes_with_any_names_are_written_and_read(tmp_path: Path) -> None:
    names = ("a/b", "é 漢", "", "model.class_accuracy.x")
    named = Splits(train=replace(SPLITS.train, classes=names), test=replace(SPLITS.test, classes=names))
    result = experiment(dataset=named).run(out=tmp_path / "out")
    held = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert held == result.metrics
    assert {f"model.class_accuracy.{name}".rstrip(".") for name in names} <= set(held)
