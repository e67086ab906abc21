"""Poison from a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antivenom.attacks import GenerativePoison, GradientPoison, LabelFlip, PoisonFile
from antivenom.data import Dataset
from antivenom.data.formats import rounds
from antivenom.errors import DataError, SettingsError
from antivenom.models import ModuleClassifier
from antivenom.rng import Rng
from antivenom.runner import Store
from antivenom.runner.craft import craft
from tests.helpers.crafting import SPLITS, experiment, finished


def test_any_round_of_a_file_comes_back_as_it_was(data: Dataset, trained: ModuleClassifier, tmp_path: Any) -> None:
    made = GradientPoison(count=20, keep_rounds=True).poison(data, rng=Rng(0), surrogate=trained)
    assert made.rounds is not None
    file = tmp_path / "gradient_attack_toys.npz"
    np.savez(file, **rounds.arrays(made.rounds, made.y, data))
    for number in (0, 2, -1):
        x, y = rounds.read(file, data, number)
        assert torch.equal(x, made.rounds[:, number])
        assert torch.equal(y, made.y)
    again = PoisonFile(path=str(file), count=20, mode="append").poison(data, rng=Rng(0))
    assert torch.equal(again.x, made.x)
    fewer = PoisonFile(path=str(file), count=5).poison(data, rng=Rng(0))
    assert len(fewer.rows) == 5


X, Y = np.zeros((6, 2, 1, 6, 6), np.float32), np.zeros((6, 2), np.int64)


WRONG: dict[str, tuple[Any, Any, str]] = {
    "label 10": (X, np.full((6, 2), 10), "labels must be from 0 to 3; row 0 has 10"),
    "half a label": (X, np.full((6, 2), 0.5), "row 0 has 0.5"),
    "values out of range": (X + 1.5, Y, r"must be within \(0.0, 1.0\); got 1.5"),
    "no numbers": (X * np.nan, Y, "must contain finite numbers"),
    "text": (X, np.full((6, 2), "a"), "Y must contain real numbers"),
    "objects": (X, np.full((6, 2), None), "Python objects"),
    "another shape": (np.zeros((6, 2, 1, 5, 5), np.float32), Y, "as the data has"),
    "labels by row alone": (X, Y[:, 0], "Y \\(n, rounds\\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_of_poison_is_refused(name: str, data: Dataset, tmp_path: Any) -> None:
    x, y, words = WRONG[name]
    np.savez(tmp_path / "poison.npz", X=x, Y=y, allow_pickle=True)
    with pytest.raises(DataError, match=words):
        rounds.read(tmp_path / "poison.npz", data, -1)
    problems = list(PoisonFile(path=str(tmp_path / "poison.npz"), count=1).problems(data))
    assert len(problems) == 1


def test_rounds_and_rows_that_a_file_has_not_are_refused(data: Dataset, tmp_path: Any) -> None:
    np.savez(tmp_path / "poison.npz", X=X, Y=Y)
    with pytest.raises(DataError, match="does not have round 2; its rounds are 0 to 1"):
        rounds.read(tmp_path / "poison.npz", data, 2)
    with pytest.raises(SettingsError, match="needs 7 rows"):
        PoisonFile(path=str(tmp_path / "poison.npz"), count=7).poison(data, rng=Rng(0))


@pytest.mark.parametrize(
    ("attack", "rounds", "name"),
    [
        (GradientPoison(count=30, rounds=3), 3, "gradient_attack_live.npz"),
        (GenerativePoison(count=30, rounds=2, hidden=(8,), pretraining=10), 2, "generative_attack_live.npz"),
        (LabelFlip(count=30), 1, "label_flip_attack_live.npz"),
    ],
)
def test_crafted_poison_comes_back_from_its_file(attack: object, rounds: int, name: str, tmp_path: Path) -> None:
    done = craft(experiment(attack=attack), tmp_path / "out")
    assert done.file == tmp_path / "out" / name
    with np.load(done.file) as held:
        assert held["X"].shape == (30, rounds, 1, 6, 6)
        assert held["Y"].shape == (30, rounds)
        assert held["X"].dtype == np.float32
    injected, _ = finished(experiment(attack=PoisonFile(path=str(done.file), count=30, mode="append")))
    assert torch.equal(injected.poisoned.x, done.poisoned.x)
    assert torch.equal(injected.poisoned.y, done.poisoned.y)
    if done.generator is not None:
        reused = GenerativePoison(count=10, generator=str(done.generator))
        assert len(finished(experiment(attack=reused))[0].poisoned.rows) == 10


def test_a_run_of_the_same_attack_contributes_what_was_crafted(tmp_path: Path) -> None:
    attack = GradientPoison(count=30, rounds=3)
    assert torch.equal(
        craft(experiment(attack=attack), tmp_path).poisoned.x, experiment(attack=attack).run().poisoned.x
    )


def test_another_file_of_the_same_name_is_not_mistaken_for_it(tmp_path: Path) -> None:
    store, file = Store(tmp_path / "store"), tmp_path / "poison.npz"
    for value in (0.0, 1.0):
        np.savez(file, X=np.full((5, 1, 1, 6, 6), value, np.float32), Y=np.zeros((5, 1), np.int64))
        made, _ = finished(experiment(attack=PoisonFile(path=str(file), count=5)), store)
        assert float(SPLITS.train.decode(made.poisoned.x).mean()) == value


def test_nothing_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="contributes no rows"):
        craft(experiment(attack=GradientPoison(count=0)), tmp_path)
