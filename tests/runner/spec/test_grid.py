"""Grids: every combination once, in order."""

from typing import Any

import pytest
import yaml

from antivenom.errors import MissingDataError, SettingsError
from antivenom.models import CNN, MLP
from antivenom.runner import Experiment, Sweep, dump_spec, load_spec
from antivenom.runner.spec.grid import MAX_CELLS
from antivenom.training import EndToEnd

SPEC: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}}


def problems(spec: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_spec(spec, **more)
    return caught.value.problems


def sweep(grid: Any, **more: Any) -> Sweep:
    made = load_spec({**SPEC, **more, "grid": grid})
    assert isinstance(made, Sweep)
    return made


def test_a_grid_is_every_combination_once_in_order() -> None:
    made = sweep({"attack.rate": [0.1, 0.2, 0.3], "model": ["cnn", {"name": "mlp", "hidden": [8]}]})
    seen = [(cell.model, cell.attack.rate) for cell in made.cells.values()]
    assert seen == [(model, rate) for model in (CNN(), MLP(hidden=(8,))) for rate in (0.1, 0.2, 0.3)]
    assert len(made.cells) == len(set(made.cells)) == len(made.axes) == 6
    assert list(made.cells) == sorted(made.cells)
    assert next(iter(made.axes.values())) == {"model": "cnn", "attack.rate": 0.1}


def test_a_component_of_a_grid_is_set_before_its_settings() -> None:
    made = sweep({"attack.rate": [0.2], "attack": ["label_flip", "badnets"]})
    assert [type(cell.attack).__name__ for cell in made.cells.values()] == ["LabelFlip", "BadNets"]
    assert {cell.attack.rate for cell in made.cells.values()} == {0.2}


def test_cells_do_not_share_what_the_grid_puts_into_them() -> None:
    made = sweep({"attack": [{"name": "badnets", "target": 1}], "attack.rate": [0.1, 0.2]})
    assert [cell.attack.rate for cell in made.cells.values()] == [0.1, 0.2]


@pytest.mark.parametrize(
    "grid", [3, [], {}, {"seed": 1}, {"seed": []}, {"seed": [1], "repeats": "x"}, {1: [2]}, "seed"]
)
def test_a_grid_maps_keys_to_lists(grid: Any) -> None:
    assert problems({**SPEC, "grid": grid}) == (
        "grid must map keys to lists of values, such as {attack.rate: [0.1, 0.2]}.",
    )


def test_no_grid_is_an_experiment() -> None:
    assert isinstance(load_spec({**SPEC, "grid": None}), Experiment)


def test_a_grid_has_a_limit() -> None:
    side = list(range(1, 102))
    assert problems({**SPEC, "grid": {"seed": side, "repeats": side}}) == (
        f"grid must have at most {MAX_CELLS} cells; got {101**2}.",
    )


def test_all_problems_of_all_cells_are_told_once() -> None:
    told = problems({**SPEC, "repeats": 0, "grid": {"attack.rate": [0.1, 2, 3], "model": ["cnn", "x"], "sede": [1]}})
    assert sorted(told) == sorted(set(told))
    for said in (
        "repeats must",
        "null; got 2.",
        "null; got 3.",
        "Unknown model 'x'",
        "sede is",
    ):
        assert sum(said in problem for problem in told) == 1, said


def test_a_grid_with_missing_files_and_no_other_problem_is_missing_data() -> None:
    spec = {"dataset": "mnist", "attack": {"name": "badnets"}, "grid": {"attack.rate": [0.1, 0.2]}}
    with pytest.raises(MissingDataError, match="are missing"):
        load_spec(spec)
    with pytest.raises(SettingsError, match="are missing"):
        load_spec({**spec, "repeats": 0})


def test_a_sweep_dumps_as_it_was_read() -> None:
    made = sweep({"attack.rate": [0.1, 5e-5], "model": ["cnn", {"name": "mlp"}]}, name="1e-3")
    again = load_spec(yaml.safe_load(dump_spec(made)))
    assert isinstance(again, Sweep)
    assert again.cells == made.cells
    assert again.axes == made.axes


def test_overrides_reach_every_cell() -> None:
    made = load_spec({**SPEC, "grid": {"seed": [1, 2]}}, overrides=["training.name=end_to_end", "training.epochs=3"])
    assert isinstance(made, Sweep)
    assert {cell.training for cell in made.cells.values()} == {EndToEnd(epochs=3)}


def test_a_grid_over_lists_of_components_shows_what_differs() -> None:
    cells = [[{"name": "loss_monitor", "false_alarm_rate": rate}, "neural_cleanse"] for rate in (0.1, 0.2)]
    sweep = load_spec({"attack": "label_flip", "grid": {"defences": cells}})
    assert list(sweep.cells) == ["1-false-alarm-rate-0.1", "2-false-alarm-rate-0.2"]
