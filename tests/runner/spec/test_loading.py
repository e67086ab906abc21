"""From a spec to experiments and back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import yaml

from antivenom.attacks import BadNets
from antivenom.data import Splits
from antivenom.errors import MissingDataError, SettingsError
from antivenom.models import CNN
from antivenom.registry import entries
from antivenom.runner import Experiment, dump_spec, load_spec
from antivenom.testing import toy_images, try_out

SPEC: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}}
LATER = ("surrogate", "train_rows", "defences", "trusted", "repairs", "analysis", "trackers", "resources")


FILES = {"poison_file": {"path": str(Path(__file__))}}
"""The settings of components that read a file: one that exists."""


def problems(spec: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_spec(spec, **more)
    return caught.value.problems


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
    for name in entries(kind):
        part = {kind.removesuffix("s"): replace(try_out(kind, name), **FILES.get(name, {}))}
        made = Experiment(**{"attack": BadNets(target=7), "name": "1e-3", **part})
        text = dump_spec(made)
        assert load_spec(yaml.safe_load(text), allow_code=True) == made
        assert dump_spec(load_spec(yaml.safe_load(text), allow_code=True)) == text


def test_what_is_dumped_names_every_setting(tmp_path: Path) -> None:
    made = Experiment(attack=BadNets(target=7))
    (tmp_path / "spec.yaml").write_text(dump_spec(made))
    held = yaml.safe_load((tmp_path / "spec.yaml").read_text())
    assert set(held) == {"name", "dataset", "model", "attack", "training", "seed", "repeats", "interval", *LATER}
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


def test_settings_from_numpy_are_settings() -> None:
    assert load_spec({"attack": {"name": "badnets", "rate": np.float64(0.5), "target": np.int64(1)}}).attack.rate == 0.5


def test_a_lacking_ability_is_named_as_in_needs_and_at_its_place() -> None:
    spec = {
        "model": {"name": "estimator", "class_name": "SGDClassifier"},
        "attack": "badnets",
        "training": "own_fit",
        "repairs": ["fine_pruning"],
    }
    spec["defences"] = ["nearest_neighbours", "blame"]
    with pytest.raises(SettingsError) as caught:
        load_spec(spec).run(progress=False)
    assert [line for line in caught.value.problems if line.startswith("defences[1]: blame requires a stream")]
    with pytest.raises(SettingsError) as caught:
        load_spec({**spec, "defences": [], "analysis": ["embedding", "similarity"]}).run(progress=False)
    lacking = "similarity requires features, which the model SGDClassifier does not provide."
    assert f"analysis[1]: {lacking}" in caught.value.problems


@pytest.mark.parametrize(
    ("key", "words"),
    [("filters", "Filters"), ("detectors", "Detectors"), ("scans", "Scans"), ("stream_defences", "Stream defences")],
)
def test_a_sort_of_defence_is_no_setting(key: str, words: str) -> None:
    found = problems({**SPEC, key: ["loss_monitor"]})
    assert found == (f"{key} is not a setting. {words} go under `defences`.",)
