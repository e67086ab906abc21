"""Grids: every combination once, in order."""

from typing import Any

import pytest
import yaml

from antivenom.errors import MissingDataError, SettingsError
from antivenom.models import CNN, MLP
from antivenom.runner import Experiment, Sweep, dump_spec, load_spec
from antivenom.runner.spec.axes import MAX_CELLS
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
        f"A sweep must have at most {MAX_CELLS:,} cells; got {101**2:,}.",
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


# zip, include, exclude ------------------------------------------------------------------------------------------------

AXES: dict[str, Any] = {"attack.rate": [0.1, 0.2, 0.3], "model": ["cnn", {"name": "mlp", "hidden": [8]}]}


def load(**sections: Any) -> Sweep:
    made = load_spec({**SPEC, **sections})
    assert isinstance(made, Sweep)
    return made


def test_paired_axes_are_multiplied_with_the_grid() -> None:
    made = load(grid={"model": ["cnn", "mlp"]}, zip={"attack.rate": [0.1, 0.2], "seed": [5, 6]})
    seen = [(type(cell.model), cell.attack.rate, cell.seed) for cell in made.cells.values()]
    assert seen == [(model, *pair) for model in (CNN, MLP) for pair in ((0.1, 5), (0.2, 6))]
    assert made.axes["2-cnn-rate-0.2-seed-6"] == {"model": "cnn", "attack.rate": 0.2, "seed": 6}


def test_a_component_in_zip_is_set_before_its_settings_in_the_grid() -> None:
    made = load(grid={"attack.rate": [0.1, 0.2]}, zip={"attack": ["label_flip", "badnets"], "seed": [1, 2]})
    seen = [(type(cell.attack).__name__, cell.attack.rate, cell.seed) for cell in made.cells.values()]
    assert seen == [("LabelFlip", 0.1, 1), ("BadNets", 0.1, 2), ("LabelFlip", 0.2, 1), ("BadNets", 0.2, 2)]


@pytest.mark.parametrize(
    ("sections", "rates"),
    [({"zip": {"attack.rate": [0.1, 0.2], "seed": [1, 2]}}, [0.1, 0.2]), ({"include": [{"attack.rate": 0.4}]}, [0.4])],
)
def test_zip_or_include_alone_is_a_sweep(sections: Any, rates: list[float]) -> None:
    made = load(**sections)
    assert [cell.attack.rate for cell in made.cells.values()] == rates
    again = load_spec(yaml.safe_load(dump_spec(made)))
    assert isinstance(again, Sweep)
    assert again.cells == made.cells


def test_names_stay_when_cells_are_excluded_or_included() -> None:
    whole = load(grid=AXES)
    less = load(grid=AXES, exclude=[{"attack.rate": 0.2, "model": "mlp"}, {"attack.rate": 0.3}])
    more = load(grid=AXES, include=[{"attack.rate": 0.5, "training.epochs": 3}])
    assert [name for name in whole.cells if name in less.cells] == list(less.cells)
    assert list(less.cells) == ["1-cnn-rate-0.1", "2-cnn-rate-0.2", "4-mlp-rate-0.1"]
    assert list(more.cells) == [*whole.cells, "7-rate-0.5-epochs-3"]
    added = more.cells["7-rate-0.5-epochs-3"]
    assert (added.attack.rate, added.training, more.axes["7-rate-0.5-epochs-3"]) == (
        0.5,
        EndToEnd(epochs=3),
        {"attack.rate": 0.5, "training.epochs": 3},
    )


def test_exclude_names_components_by_name_or_by_settings() -> None:
    axes = {"model": ["cnn", {"name": "mlp", "hidden": [8]}, {"name": "mlp", "hidden": [4]}], "seed": [1, 2]}
    assert len(load(grid=axes, exclude=[{"model": "mlp"}]).cells) == 2
    assert len(load(grid=axes, exclude=[{"model": {"name": "mlp", "hidden": [4]}, "seed": 1}]).cells) == 5
    assert len(load(grid=axes, exclude=[{"model": {"name": "cnn"}}]).cells) == 4


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"attack.rate": 0.4}, "exclude[0] matches no cell. attack.rate has the values 0.1, 0.2, 0.3."),
        ({"seed": 1}, "exclude[0]: seed is not an axis. The axes are: model, attack.rate."),
    ],
)
def test_an_exclude_that_matches_nothing_is_refused(entry: Any, said: str) -> None:
    assert problems({**SPEC, "grid": AXES, "exclude": [entry]}) == (said,)


def test_an_exclude_of_a_pair_that_does_not_occur_is_refused() -> None:
    (said,) = problems({**SPEC, "zip": {"attack.rate": [0.1, 0.2], "seed": [1, 2]}, "exclude": [
        {"attack.rate": 0.1, "seed": 2}]})  # fmt: skip
    assert said == (
        "exclude[0] matches no cell. attack.rate has the values 0.1, 0.2. seed has the values 1, 2. "
        "The values of zip occur only in pairs."
    )


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"zip": {"seed": [1, 2], "attack.rate": [0.1]}}, "zip must have the same number of values"),
        ({"zip": 3}, "zip must map keys to lists"),
        ({"include": {"seed": 1}}, "include must be a list of mappings"),
        ({"include": [{}]}, "include must be a list of mappings"),
        ({"grid": {"seed": [1]}, "exclude": [3]}, "exclude must be a list of mappings"),
        ({"exclude": [{"seed": 1}]}, "A sweep requires cells"),
        ({"include": []}, "A sweep requires cells"),
        ({"grid": {"seed": [1]}, "zip": {"seed": [1]}}, "seed is in both grid and zip"),
        ({"grid": {"seed": [1, 2]}, "exclude": [{"seed": 1}, {"seed": 2}]}, "exclude removes every cell"),
        ({"include": [{"seed": 1}], "exclude": [{"seed": 1}]}, "seed is not an axis. It requires axes"),
    ],
)
def test_a_section_of_another_form_is_refused(sections: Any, said: str) -> None:
    assert any(said in problem for problem in problems({**SPEC, **sections}))


def test_problems_of_all_sections_are_told_at_once() -> None:
    told = problems({**SPEC, "grid": 3, "zip": {"seed": [1], "repeats": [1, 2]}, "include": 4, "exclude": 5})
    assert [problem.split()[0] for problem in told] == ["grid", "include", "exclude", "zip"]
    told = problems({**SPEC, "grid": {"attack.rate": [0.1, 7]}, "include": [{"x": 1}], "exclude": [{"seed": 3}]})
    assert len(told) == 3


@pytest.mark.parametrize(
    "sections",
    [
        {"grid": {"seed": [1, 2, 1]}},
        {"grid": {"seed": [1, 2]}, "include": [{"seed": 2}]},
        {"include": [{"attack.rate": 0.2, "seed": 1}, {"seed": 1, "attack.rate": 0.2}]},
    ],
)
def test_two_cells_with_the_same_settings_are_refused(sections: Any) -> None:
    (said,) = problems({**SPEC, **sections})
    assert "have the same settings. Remove one of them." in said


def test_the_cells_of_an_estimator_with_a_mapping_are_compared_too() -> None:
    model = {"name": "estimator", "class_name": "DecisionTreeClassifier", "settings": {"max_depth": 3}}
    spec = {"training": "own_fit", "attack": "label_flip", "grid": {"model": [model, model]}}
    assert any("have the same settings" in problem for problem in problems(spec))


def test_overrides_set_axes_and_entries() -> None:
    spec = {**SPEC, "grid": {"attack.rate": [0.1]}, "include": [{"seed": 4}]}
    made = load_spec(spec, overrides=["grid.attack.rate=[0.2, 0.3]", "zip.seed=[1]", "include.0.seed=9"])
    assert isinstance(made, Sweep)
    assert [cell.seed for cell in made.cells.values()] == [1, 1, 9]
    assert [cell.attack.rate for cell in made.cells.values()][:2] == [0.2, 0.3]
    one = load_spec(spec, overrides=["grid.attack.rate=null", "include=null", "attack.rate=0.4"])
    assert isinstance(one, Experiment)
    assert one.attack.rate == 0.4


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("attack.rate=0.3", "attack.rate cannot be set: the grid sets attack.rate. Add --set grid=null before it."),
        ("include.3.seed=1", "'include.3.seed' cannot be set: include has 1 entry, numbered 0; got 3."),
        ("include.seed=1", "'include.seed' cannot be set. Use include=[{KEY: VALUE}], or include.NUMBER.KEY=VALUE."),
        ("grid.attack.rate=3", "grid must map keys to lists of values, such as {attack.rate: [0.1, 0.2]}."),
    ],
)
def test_overrides_that_cannot_be_set_are_refused(override: str, said: str) -> None:
    spec = {**SPEC, "grid": {"attack.rate": [0.1]}, "include": [{"seed": 4}]}
    assert problems(spec, overrides=[override]) == (said,)


def test_an_override_that_every_included_cell_sets_is_refused() -> None:
    assert problems({**SPEC, "include": [{"seed": 4}, {"seed": 5}]}, overrides=["seed=1"]) == (
        "seed cannot be set: include sets seed. Add --set include=null before it.",
    )
    made = load_spec({**SPEC, "include": [{"seed": 4}, {"attack.rate": 0.3}]}, overrides=["seed=1"])
    assert isinstance(made, Sweep)
    assert [cell.seed for cell in made.cells.values()] == [4, 1]
