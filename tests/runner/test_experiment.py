"""The referee: the same numbers each time, a control that differs in the poison alone, and folders that are safe."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch

from antivenom.attacks import BadNets, LabelFlip, RandomNoise
from antivenom.data import Dataset, Poisoned, Splits
from antivenom.errors import AntivenomError, DataError, RunError, SettingsError
from antivenom.models import CNN, MLP, as_classifier
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, Store, Sweep, load_spec
from antivenom.runner.events import Finished
from antivenom.storage.files import LOCK, locked
from antivenom.testing import toy_images
from antivenom.training import EndToEnd
from tests.helpers.toys import small_net

SPLITS = Splits(train=toy_images(120, seed=0), test=toy_images(40, seed=1))
DIGITS = {
    "dataset": {"name": "digits"},
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 1},
}

SAME = ("metrics.json", "repeats.json", "poison.npz", "victim.safetensors", "goal.json", "repeats/1/poison.npz")


def experiment(**changes: Any) -> Experiment:
    """A small one on toys, which takes a fraction of a second."""
    usual = {"dataset": SPLITS, "model": MLP(hidden=(8,)), "attack": BadNets(target=1), "training": EndToEnd(epochs=2)}
    return Experiment(**{**usual, **changes})


def spec(**changes: Any) -> Experiment:
    """One that its folder can make again."""
    made = load_spec({**DIGITS, "attack": {"name": "badnets", "target": 7}, **changes})
    assert isinstance(made, Experiment)
    return made


def listen() -> tuple[list[tuple[str, bool]], Callable[[Any], None]]:
    heard: list[tuple[str, bool]] = []

    def tell(event: Any) -> None:
        if isinstance(event, Finished):
            heard.append((event.stage, event.stored))

    return heard, tell


def stored(made: Experiment, store: Store) -> dict[str, bool]:
    """Which stages of another run come from the store."""
    heard, tell = listen()
    made.run(store=store, on_event=tell)
    return dict(heard)


def figures(result: Result) -> str:
    return json.dumps(result.metrics, sort_keys=True)


def test_two_runs_into_two_empty_stores_give_the_same_bytes(tmp_path: Path) -> None:
    for number in (1, 2):
        spec(repeats=2).run(out=tmp_path / str(number), store=Store(tmp_path / f"store-{number}"))
    for name in SAME:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_another_seed_gives_other_numbers_and_global_streams_count_for_nothing() -> None:
    torch.manual_seed(1)
    first = figures(experiment().run())
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert figures(experiment().run()) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert figures(experiment(seed=1).run()) != first


def test_repeats_differ_and_the_first_is_what_one_repeat_gives() -> None:
    one, two = experiment().run(), experiment(repeats=2).run()
    assert two.repeats[0].values == one.repeats[0].values
    assert two.repeats[1].values != two.repeats[0].values


@pytest.mark.parametrize("attack", [BadNets(target=1), LabelFlip(), RandomNoise(), LabelFlip(pairs=((0, 1),))])
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_the_control_has_as_many_rows_and_sees_no_poison(attack: Any, mode: str) -> None:
    result = experiment(attack=replace(attack, mode=mode)).run()
    poisoned, control = result.poisoned, result.poisoned.control(Rng(0))
    assert len(control) == len(poisoned.data)
    assert control.ids.tolist() == poisoned.data.ids.tolist()
    assert (len(poisoned.data) > 120) == (mode == "append")
    clean = {(row.numpy().tobytes(), int(label)) for row, label in zip(SPLITS.train.x, SPLITS.train.y, strict=True)}
    assert {(row.numpy().tobytes(), int(label)) for row, label in zip(control.x, control.y, strict=True)} <= clean
    assert len(result.repeats[0].losses[0]) == len(result.repeats[0].losses[1]) == 2


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_without_poison_the_victim_is_its_control(mode: Any) -> None:
    result = experiment(attack=BadNets(target=1, rate=0.0, mode=mode)).run()
    victim, control = result.victim.state(), result.control.state()
    assert all(torch.equal(victim[name], control[name]) for name in victim)
    assert result.metrics["model.accuracy_drop"]["mean"] == 0
    assert result.metrics["attack.poison_rows"]["mean"] == 0
    assert any("No row was poisoned" in doubt for doubt in result.doubts)


def test_a_run_without_a_store_keeps_nothing_and_gives_the_same(store: Store, places: Path) -> None:
    assert figures(experiment().run()) == figures(experiment().run(store=store))
    assert not (places / "store").exists()


# What is kept ---------------------------------------------------------------------------------------------------------


def test_a_second_run_computes_nothing_twice(store: Store) -> None:
    first = experiment().run(store=store)
    kept = stored(experiment(), store)
    assert {stage: kept[stage] for stage in ("poison", "fit victim", "fit control")} == dict.fromkeys(
        ("poison", "fit victim", "fit control"), True
    )
    assert figures(experiment().run(store=store)) == figures(first)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"attack": BadNets(target=2)}, {"poison": False, "fit victim": False, "fit control": True}),
        ({"training": EndToEnd(epochs=3)}, {"poison": True, "fit victim": False, "fit control": False}),
        ({"model": MLP(hidden=(9,))}, {"poison": True, "fit victim": False, "fit control": False}),
        ({"seed": 1}, {"poison": False, "fit victim": False, "fit control": False}),
        ({"name": "another"}, {"poison": True, "fit victim": True, "fit control": True}),
        (
            {"dataset": Splits(train=SPLITS.train, test=toy_images(40, seed=2))},
            {"poison": True, "fit victim": True, "fit control": True},
        ),
        (
            {"dataset": Splits(train=toy_images(120, seed=2), test=SPLITS.test)},
            {"poison": False, "fit victim": False, "fit control": False},
        ),
    ],
)
def test_what_a_change_does_not_reach_is_kept(store: Store, changes: dict[str, Any], kept: dict[str, bool]) -> None:
    experiment().run(store=store)
    heard = stored(experiment(**changes), store)
    assert {stage: heard[stage] for stage in kept} == kept


def test_a_damaged_store_costs_time_alone(store: Store) -> None:
    first = experiment().run(store=store)
    for file in store.folder.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    assert figures(experiment().run(store=store)) == figures(first)
    assert stored(experiment(), store)["fit victim"]


def test_a_module_made_in_python_is_a_model_and_is_kept_by_its_state(store: Store) -> None:
    with Rng(0).torch_globally():
        module = small_net((1, 6, 6), 4)
    live = as_classifier(module, input_shape=(1, 6, 6))
    first = experiment(model=live).run(store=store)
    assert stored(experiment(model=as_classifier(module, input_shape=(1, 6, 6))), store)["fit victim"]
    module[1].weight.data.add_(1)
    assert not stored(experiment(model=as_classifier(module, input_shape=(1, 6, 6))), store)["fit victim"]
    assert any("no mean or std was given" in doubt for doubt in first.doubts)


class Own:
    """An attack, and its goal, that are no components: their settings are not known."""

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.needs = frozenset[str]()
        self.appends = False

    def success(self, classifier: Any, test: Dataset) -> float | None:
        return None

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Any = None) -> Poisoned:
        rows = torch.arange(10)
        return Poisoned.replace(data, rows, y=(data.y[rows] + self.shift) % 4, goal=self)


def test_an_attack_that_is_no_component_is_never_taken_for_another(store: Store) -> None:
    one, two = (experiment(attack=Own(shift)).run(store=store) for shift in (1, 2))
    assert not torch.equal(one.poisoned.y, two.poisoned.y)
    assert not stored(experiment(attack=Own(1)), store)["poison"]


def test_a_goal_that_cannot_be_made_again_is_crafted_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from antivenom.runner.executors import stages

    monkeypatch.setattr(stages, "identity", lambda kind, part: {"name": type(part).__name__})
    experiment(attack=Own(1)).run(store=store)
    assert not stored(experiment(attack=Own(1)), store)["poison"]


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attack": BadNets(target=12)}, "attack (badnets) has target 12, but the classes are 0 to 3."),
        ({"attack": BadNets(target=1, count=100)}, "attack (badnets) needs 100 rows; 90 of 120 are eligible."),
        ({"attack": LabelFlip(pairs=((1, 9),))}, "attack (label_flip) has classes [9] in pairs"),
        ({"model": CNN(filters=(2, 2, 2, 2))}, "model (cnn) is too deep for images of 6 × 6"),
        (
            {"model": as_classifier(small_net((1, 5, 5), 4), input_shape=(1, 5, 5))},
            "model: The classifier requires rows of",
        ),
        ({"model": as_classifier(small_net((1, 6, 6), 3), input_shape=(1, 6, 6))}, "and 3 classes; the data has"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        experiment(**changes).run(out=tmp_path / "out", store=Store(tmp_path / "store"))
    assert said in str(caught.value)
    assert list(tmp_path.rglob("*")) == []


def test_all_cells_problems_are_told_before_anything_runs(tmp_path: Path) -> None:
    made = load_spec({**DIGITS, "attack": "badnets", "grid": {"attack.target": [1, 12, 13]}})
    with pytest.raises(SettingsError) as caught:
        made.run(out=tmp_path / "out")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["2-target-12", "3-target-13"]
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for device in ("abacus", "cuda:99"):
        with pytest.raises(AntivenomError, match="is not available"):
            experiment().run(device=device, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# Folders --------------------------------------------------------------------------------------------------------------


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
    with pytest.raises(RunError, match="must be a folder"):
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
    out = copied(run, tmp_path / "out")
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
    out = copied(run, tmp_path / "out")
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


def test_a_run_whose_trigger_and_goal_stand_in_the_users_own_file_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "my_own_attack.py").write_text(MINE)
    (tmp_path / "read.py").write_text(READ_BACK)
    (tmp_path / "spec.yaml").write_text(
        json.dumps({**DIGITS, "attack": {"name": "my_own_attack:Darkened", "trigger": {"width": 2}}})
    )

    def ask(*words: str, folder: Path = tmp_path) -> str:
        done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else done.stderr

    ask("-m", "antivenom", "run", "spec.yaml", "--out", "run", "--allow-code", "--quiet")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "report.html" in ask("-m", "antivenom", "report", str(tmp_path / "run"), folder=elsewhere)
    classes, poison = ask("read.py", "run", "allowed").splitlines()
    assert classes == "10 10"
    assert poison.startswith("Wanted Dark(width=2) ")
    classes, poison = ask("read.py", "run", "refused").splitlines()
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


# Sweeps ---------------------------------------------------------------------------------------------------------------


def test_a_sweep_shares_controls_and_writes_every_cell(tmp_path: Path, store: Store) -> None:
    made = load_spec({**DIGITS, "attack": {"name": "badnets", "target": 7}, "grid": {"attack.rate": [0.05, 0.1]}})
    assert isinstance(made, Sweep)
    heard, tell = listen()
    done = made.run(out=tmp_path / "out", store=store, on_event=tell)
    assert [kept for stage, kept in heard if stage == "fit control"] == [False, True]
    assert [row["attack.rate"] for row in done.rows()] == [0.05, 0.1]
    assert done.to_frame().shape[0] == 2
    table = (tmp_path / "out" / "table.csv").read_text().splitlines()
    assert len(table) == 3
    for name, result in done.results.items():
        cell = tmp_path / "out" / "cells" / name
        assert json.loads((cell / "metrics.json").read_text()) == result.metrics
        assert Result.load(cell).metrics == result.metrics
        assert figures(made.cells[name].run()) == figures(result)
    again = load_spec(tmp_path / "out" / "spec.yaml")
    assert isinstance(again, Sweep)
    assert again.cells == made.cells


# Odd data -------------------------------------------------------------------------------------------------------------


def test_an_empty_test_set_is_refused() -> None:
    none = SPLITS.test.subset(torch.arange(0))
    with pytest.raises(DataError, match="got 120 and 0 rows"):
        Splits(train=SPLITS.train, test=none)


def test_a_folder_takes_one_run_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "out"), pytest.raises(RunError, match="Another run"):
        experiment().run(out=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    experiment().run(out=tmp_path / "out")
    assert not (tmp_path / "out" / LOCK).exists()


def test_poison_that_changes_nothing_is_doubted() -> None:
    doubts = experiment(attack=RandomNoise(rate=0.2, std=0.0)).run().doubts
    assert any("100.0 % of the poison rows are identical to the clean rows" in doubt for doubt in doubts)


def test_a_batch_of_all_rows_may_be_named_by_any_larger_number() -> None:
    losses = [
        experiment(training=EndToEnd(epochs=1, batch_size=size)).run().metrics for size in (10**20, len(SPLITS.train))
    ]
    assert losses[0] == losses[1]


def test_a_training_that_diverges_says_so_and_is_written(tmp_path: Path) -> None:
    training = EndToEnd(epochs=2, optimizer="sgd", learning_rate=1e30)
    result = experiment(training=training).run(out=tmp_path / "out", store=Store(tmp_path / "store"))
    assert any("training diverged" in doubt for doubt in result.doubts)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["training.loss"]["mean"] is None


def test_classes_with_any_names_are_written_and_read(tmp_path: Path) -> None:
    names = ("a/b", "é 漢", "", "model.class_accuracy.x")
    named = Splits(train=replace(SPLITS.train, classes=names), test=replace(SPLITS.test, classes=names))
    result = experiment(dataset=named).run(out=tmp_path / "out")
    held = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert held == result.metrics
    assert {f"model.class_accuracy.{name}".rstrip(".") for name in names} <= set(held)
