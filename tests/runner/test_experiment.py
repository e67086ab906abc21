"""The referee: the same numbers each time, a control that differs in the poison alone, and folders that are safe."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from antivenom.attacks import BadNets, LabelFlip, RandomNoise
from antivenom.data import Dataset, Poisoned, Splits
from antivenom.errors import AntivenomError, DataError, SettingsError
from antivenom.models import CNN, MLP, as_classifier
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, Store, Sweep, load_spec
from antivenom.runner.events import Finished
from antivenom.testing import toy_images
from antivenom.training import EndToEnd
from tests.helpers.small_experiment import DIGITS, SPLITS, experiment
from tests.helpers.toys import small_net

SAME = ("metrics.json", "repeats.json", "poison.npz", "victim.safetensors", "goal.json", "repeats/1/poison.npz")


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
    for file in Path(store.address).rglob("*.safetensors"):
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
    assert any("no mean or std was given" in doubt for doubt in first.assumptions)


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
