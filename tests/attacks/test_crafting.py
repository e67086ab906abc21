"""Poison that is crafted within an experiment: surrogates, files of poison, detectors, and the report of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from antivenom.attacks import BadNets, GenerativePoison, GradientPoison, LabelFlip, LossPoison, PoisonFile
from antivenom.attacks.crafting import Crafted
from antivenom.charts.packing import pack
from antivenom.data import Splits
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.errors import SettingsError
from antivenom.models import MLP
from antivenom.report import write_report
from antivenom.runner import Experiment, Result, Store
from antivenom.runner.craft import craft
from antivenom.runner.events import Finished, Planned
from antivenom.surrogates.trained import Trained
from antivenom.testing import check_component, toy_images
from antivenom.training import EndToEnd

QUICK = EndToEnd(epochs=2, learning_rate=5e-3, batch_size=32)
SPLITS = Splits(train=toy_images(240), test=toy_images(400, seed=1))


def experiment(**settings: object) -> Experiment:
    made = {"dataset": SPLITS, "model": MLP(hidden=(8,)), "training": QUICK, "attack": GradientPoison(rounds=3)}
    return Experiment(**{**made, **settings})


def finished(of: Experiment, store: Store | None = None) -> tuple[Result, list[Finished]]:
    heard: list[Finished] = []
    result = of.run(store=store, on_event=lambda event: heard.append(event) if isinstance(event, Finished) else None)
    return result, heard


def test_an_attack_that_needs_a_surrogate_gets_one_of_its_own() -> None:
    result, heard = finished(experiment())
    assert [event.stage for event in heard].count("fit surrogate") == 1
    assert len(result.poisoned.rows) == 24
    _, heard = finished(experiment(attack=LabelFlip()))
    assert "fit surrogate" not in [event.stage for event in heard]


@pytest.mark.slow
def test_another_surrogate_makes_other_poison_and_the_same_one_is_not_trained_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, _ = finished(experiment(), store)
    again, heard = finished(experiment(attack=LossPoison()), store)
    assert {event.stage: event.stored for event in heard}["fit surrogate"]
    assert again.poisoned.appended
    same, heard = finished(experiment(), store)
    assert all(event.stored for event in heard if event.stage in ("poison", "fit surrogate", "fit victim"))
    assert torch.equal(first.poisoned.x, same.poisoned.x)
    for surrogate in (Trained(model=MLP(hidden=(4,))), Trained(training=replace(QUICK, epochs=1)), Trained(share=0.5)):
        other, _ = finished(experiment(surrogate=surrogate), store)
        assert not torch.equal(first.poisoned.x, other.poisoned.x)


def test_all_trainings_are_announced() -> None:
    told: list[object] = []
    experiment(defences=(LossMonitor(),)).run(on_event=told.append)
    planned = next(event for event in told if isinstance(event, Planned))
    assert (planned.victims, planned.controls, planned.surrogates, planned.defenders) == (1, 1, 1, 1)
    assert sum(isinstance(event, Finished) and event.stage.startswith("fit") for event in told) == 4


def test_training_on_fewer_rows() -> None:
    result, _ = finished(experiment(train_rows=100, attack=LabelFlip(rate=0.2)))
    assert len(result.poisoned.base) == 100
    assert len(result.poisoned.rows) == 20
    with pytest.raises(SettingsError, match="train_rows must be at most 240"):
        experiment(train_rows=999).run()


# Files of poison ------------------------------------------------------------------------------------------------------


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


# Detectors ------------------------------------------------------------------------------------------------------------


def test_a_detector_is_scored_against_the_truth() -> None:
    training = EndToEnd(epochs=10, learning_rate=1e-2, batch_size=16)
    of = experiment(attack=LabelFlip(rate=0.2), training=training, defences=(LossMonitor(false_alarm_rate=0.05),))
    result, _ = finished(replace(of, trusted=0.5))
    mean = {name.rpartition(".")[2]: entry["mean"] for name, entry in result.metrics.items() if "detector" in name}
    assert mean.keys() == {"auroc", "tpr_at_1_percent_fpr", "tpr", "fpr"}
    assert mean["auroc"] > 0.8
    assert mean["tpr"] > 0.4
    assert mean["fpr"] < 0.15
    assert int(result.repeats[0].confusion[0].sum()) == 200  # nothing is measured on the defender's half


def test_a_detector_of_nothing_finds_nothing() -> None:
    """The twin: backdoored rows that a wrong model cannot tell, and no poison at all."""
    none, _ = finished(experiment(attack=LabelFlip(rate=0.0), defences=(LossMonitor(),)))
    assert none.metrics["detector.loss_monitor.auroc"]["mean"] is None
    noise, _ = finished(experiment(attack=BadNets(rate=0.2), defences=(Blind(),)))
    area = noise.metrics[f"detector.{__name__}:Blind.auroc"]["mean"]
    assert area is not None
    assert 0.3 < area < 0.7


def test_too_few_clean_rows_are_doubted() -> None:
    result, _ = finished(experiment(defences=(LossMonitor(),), trusted=0.2))
    assert any(
        "a false-alarm rate of 1.0 % requires 99 clean rows, and the defender has 40" in one for one in result.doubts
    )
    assert result.metrics["detector.loss_monitor.tpr"]["mean"] == 0


class Blind(LossMonitor):
    """Scores rows by chance."""

    def score(self, data, classifier, *, rng, clean=None):  # type: ignore[no-untyped-def]
        return rng.keys(data.ids).float()


def test_the_checks_of_detectors_can_fail() -> None:
    with pytest.raises(AssertionError, match="AUROC on wrong labels"):
        check_component(Blind())


def test_the_same_defence_again_is_named_by_its_setting() -> None:
    made = experiment(defences=(LossMonitor(), LossMonitor(false_alarm_rate=0.1), LossMonitor(false_alarm_rate=0.2)))
    assert list(made.detectors) == [f"loss_monitor(false_alarm_rate={rate})" for rate in (0.01, 0.1, 0.2)]
    assert made.detectors["loss_monitor(false_alarm_rate=0.1)"].false_alarm_rate == 0.1


# The report -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rounds_and_detection_are_drawn_and_come_back(tmp_path: Path) -> None:
    spec = {
        "model": {"name": "mlp", "hidden": [8]},
        "attack": {"name": "gradient_poison", "count": 12, "rounds": 4, "keep_rounds": True},
        "training": {"name": "end_to_end", "epochs": 2},
        "defences": ["loss_monitor"],
        "trusted": 0.5,
    }
    from antivenom.runner import load_spec

    result = load_spec(spec).run(out=tmp_path / "run", store=Store(tmp_path / "store"))
    again = load_spec(spec).run(store=Store(tmp_path / "store"))  # type: ignore[union-attr]
    page = write_report(tmp_path / "run").read_text()
    for name in ("attack.gradient_poison.accuracy_by_round", "detector.loss_monitor.scores"):
        assert (tmp_path / "run" / "figures" / f"{name}.png").is_file()
    assert "by round of its crafting" in page
    assert "AUROC" in page
    loaded = Result.load(tmp_path / "run")
    for other in (loaded, again):
        assert torch.equal(other.poisoned.rounds, result.poisoned.rounds)  # type: ignore[union-attr]
        assert pack(other.charts)[0] == pack(result.charts)[0]  # type: ignore[union-attr]
        for mine, its in zip(pack(result.charts)[1].values(), pack(other.charts)[1].values(), strict=True):  # type: ignore[union-attr]
            assert np.array_equal(mine, its, equal_nan=True)
    curves = result.charts["attack.gradient_poison.accuracy_by_round"].series  # type: ignore[union-attr]
    assert [len(curve.y) for curve in curves] == [5] * 9, "8 poisons and their mean"
    assert all(((curve.y >= 0) & (curve.y <= 100)).all() for curve in curves)


def test_what_leaves_nothing_to_count_or_to_measure_is_told() -> None:
    all_of_it, _ = finished(experiment(attack=LabelFlip(rate=1.0), defences=(LossMonitor(),)))
    assert all_of_it.metrics["detector.loss_monitor.fpr"]["mean"] is None
    for trusted in (0.0001, 0.9999):
        with pytest.raises(SettingsError, match="to measure on"):
            experiment(defences=(LossMonitor(),), trusted=trusted).run()


def test_a_move_that_is_no_number_is_refused() -> None:
    crafted = Crafted(SPLITS.train, torch.arange(3))
    with pytest.raises(SettingsError, match="is not finite"):
        crafted.move(torch.full_like(crafted.base, torch.nan))
    crafted.move(torch.full_like(crafted.base, torch.inf))  # clipped
    assert (crafted.stored() == 255).all()
