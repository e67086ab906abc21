"""From a spec to experiments and back."""

import copy
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import yaml

from antivenom.attacks import BadNets
from antivenom.data import Splits
from antivenom.errors import MissingDataError, SettingsError
from antivenom.models import CNN, MLP
from antivenom.registry import entries
from antivenom.runner import Experiment, Sweep, dump_spec, load_spec
from antivenom.runner.spec.grid import MAX_CELLS
from antivenom.testing import toy_images
from antivenom.training import EndToEnd

SPEC: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}}
LATER = ("surrogate", "train_rows", "defences", "trusted", "repairs", "analysis")
REQUIRED: dict[str, dict[str, Any]] = {
    "module": {"factory": "tests.helpers.toys:small_net"},
    "poison_file": {"path": str(Path(__file__))},
    "aimed_chaff": {"at": (0.0, 1.0)},
}


def problems(spec: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_spec(spec, **more)
    return caught.value.problems


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 0.1),
        (["attack.rate=0.05"], 0.05),
        (["attack.rate=5e-2"], 0.05),
        (["attack.rate=0.05", "attack.rate=0.2"], 0.2),
        ([" attack.rate =0.2"], 0.2),
        (["attack={name: badnets, rate: 0.3}"], 0.3),
        (["attack=label_flip", "attack.rate=0.4"], 0.4),
        (["attack.rate=null"], 0.1),
    ],
)
def test_overrides_go_in_order_and_the_later_wins(overrides: list[str], expected: float) -> None:
    before = copy.deepcopy(SPEC)
    assert load_spec(SPEC, overrides=overrides).attack.rate == expected
    assert before == SPEC, "the caller's mapping was written to"


def test_an_override_of_a_component_that_is_given_by_name_makes_a_mapping() -> None:
    made = load_spec({"attack": "badnets", "model": "mlp"}, overrides=["model.hidden=[3, 4]", "attack.source=2"])
    assert (made.model, made.attack) == (MLP(hidden=(3, 4)), BadNets(source=2))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("attack.rate", "An override must be key=value; got 'attack.rate'."),
        ("=1", "An override must be key=value; got '=1'."),
        ("", "An override must be key=value"),
        ("attack.rate=[", "the value of attack.rate, line 1"),
        ("attack.rate=!!int 1", "tags"),
        (
            "attack.target.deep=1",
            "'attack.target.deep' cannot be set: attack.target is 7, which does not have settings.",
        ),
        ("attack..rate=1", "attack. is not a setting"),
        ("sed=1", "sed is not a setting. Did you mean 'seed'?"),
        ("seed=x", "seed must be a whole number"),
        ("seed=1.5", "seed must be a whole number"),
        ("seed=", "seed must be a whole number"),
    ],
)
def test_a_wrong_override_is_refused(override: str, said: str) -> None:
    assert said in problems(SPEC, overrides=[override])[0]


def test_all_problems_of_a_spec_are_told_at_once(tmp_path: Path) -> None:
    spec = {
        "attak": "badnets",
        "attack": {"name": "badnets", "rate": 2, "trigger": {"name": "patch", "size": 0}},
        "dataset": {"name": "npz", "path": str(tmp_path / "absent.npz")},
        "model": "cnnn",
        "repeats": 0,
    }
    told = problems(spec)
    for said in (
        "attak is",
        "attack.rate must",
        "attack.trigger.size must",
        "model: Unknown",
        "repeats must",
        "absent.npz is missing",
    ):
        assert sum(said in problem for problem in told) == 1, said
    assert len(told) == 6


def test_missing_data_alone_is_missing_data(tmp_path: Path) -> None:
    for dataset in ("mnist", {"name": "npz", "path": str(tmp_path / "absent.npz")}):
        with pytest.raises(MissingDataError, match=r"(is|are) missing"):
            load_spec({**SPEC, "dataset": dataset})


@pytest.mark.parametrize("kind", ["attacks", "models", "trainings"])
def test_what_is_dumped_loads_as_the_same_experiment(kind: str) -> None:
    for name, entry in entries(kind).items():
        part = {kind.removesuffix("s"): entry.load()(**REQUIRED.get(name, {}))}
        made = Experiment(**{"attack": BadNets(target=7), "name": "1e-3", **part})
        text = dump_spec(made)
        assert load_spec(yaml.safe_load(text), allow_code=True) == made
        assert dump_spec(load_spec(yaml.safe_load(text), allow_code=True)) == text


def test_what_is_dumped_names_every_setting(tmp_path: Path) -> None:
    made = Experiment(attack=BadNets(target=7))
    (tmp_path / "spec.yaml").write_text(dump_spec(made))
    held = yaml.safe_load((tmp_path / "spec.yaml").read_text())
    assert set(held) == {"name", "dataset", "model", "attack", "training", "seed", "repeats", *LATER}
    assert set(held["attack"]) == {"name", *BadNets.__dataclass_fields__}
    assert load_spec(tmp_path / "spec.yaml") == made
    assert load_spec(str(tmp_path / "spec.yaml")) == made


def test_what_only_python_has_dumps_and_says_so_when_loaded() -> None:
    made = Experiment(attack=BadNets(target=1), dataset=Splits(train=toy_images(), test=toy_images()))
    assert any("got an object made in Python" in problem for problem in problems(yaml.safe_load(dump_spec(made))))


def test_a_name_is_text_and_no_path() -> None:
    for name in ("../../x", "/etc/passwd", "a\nb", "", "1e-3", "null"):
        made = load_spec({**SPEC, "name": name})
        assert load_spec(yaml.safe_load(dump_spec(made))).name == name


@pytest.mark.parametrize("attack", [BadNets, "badnets", None, 3, CNN()])
def test_an_attack_in_python_is_an_attack(attack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the type
    with pytest.raises(SettingsError, match=r"Experiment\.attack must be an attack, with a method poison"):
        Experiment(attack=attack)


# Grids --------------------------------------------------------------------------------------------------------------


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


def test_names_of_cells_are_names_of_folders() -> None:
    made = sweep({"name": ["../../x", "/etc", "a" * 300, "..", "é ß", "CON"], "seed": [0, 1]})
    assert len(set(made.cells)) == 12
    for name in made.cells:
        assert Path(name).name == name
        assert len(name) < 100
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        assert not name.startswith(".")


def test_twelve_cells_sort_by_name_as_they_run() -> None:
    made = sweep({"seed": list(range(12))})
    assert list(made.cells) == sorted(made.cells)
    assert [cell.seed for cell in made.cells.values()] == list(range(12))


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


def test_settings_from_numpy_are_settings() -> None:
    assert load_spec({"attack": {"name": "badnets", "rate": np.float64(0.5), "target": np.int64(1)}}).attack.rate == 0.5


def test_a_number_picks_from_a_list() -> None:
    spec = {"attack": "label_flip", "analysis": ["similarity", "probes"], "model": {"name": "mlp", "hidden": [4, 5]}}
    made = load_spec(spec, overrides=["analysis.1.width=7", "model.hidden.0=9"])
    assert made.analysis[1].width == 7
    assert made.model.hidden == (9, 5)
    for key in ("analysis.2.steps", "analysis.x", "analysis.-1.steps", "analysis.٣"):
        with pytest.raises(SettingsError, match=r"is a list: .* from 0 to 1"):
            load_spec(spec, overrides=[f"{key}=1"])
