"""Poison that is crafted within an experiment: surrogates, files of poison, detectors, and the report of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from antivenom.attacks import BadNets, LabelFlip, LossPoison
from antivenom.attacks.crafting import Crafted
from antivenom.charts.packing import pack
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.errors import SettingsError
from antivenom.models import MLP
from antivenom.report import write_report
from antivenom.runner import Result, Store
from antivenom.runner.events import Finished, Planned
from antivenom.settings import component
from antivenom.surrogates.trained import Trained
from tests.helpers.crafting import QUICK, SPLITS, experiment, finished
from tests.helpers.faulty import FaultyDetector, FaultyFilter


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


@component
class Signed:
    """The brightness of the brightest corner, with a sign."""

    sign: int
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Tensor, classifier: object, *, rng: object, clean: object) -> Tensor:
        return self.sign * x[..., -3:, -3:].flatten(1).mean(1)


# Detectors ------------------------------------------------------------------------------------------------------------


def test_too_few_clean_rows_are_doubted() -> None:
    result, _ = finished(experiment(defences=(LossMonitor(),), trusted=0.2))
    assert any(
        "a false-alarm rate of 1.0 % requires 99 clean rows, and the defender has 40" in one for one in result.doubts
    )
    assert result.metrics["detector.loss_monitor.tpr"]["mean"] == 0
    assert any("has 80 trusted rows; 40 are for its own model, 40 remain." in one for one in result.doubts)


def test_a_filter_with_too_few_rows_is_doubted() -> None:
    settings = {"attack": LabelFlip(), "defences": (FaultyFilter(false_rejection_rate=0.05),)}
    result, _ = finished(experiment(**settings, trusted=0.09))
    sentence = (
        "FaultyFilter cannot reject any input: a false-rejection rate of 5.0 % requires 19 rows to set the threshold, "
        "and there are 18. Increase trusted, or false_rejection_rate."
    )
    assert any(one.endswith(sentence) for one in result.doubts)
    assert "its own model" not in " ".join(result.doubts)
    enough, _ = finished(experiment(**settings, trusted=0.095))
    assert not any("cannot reject" in one for one in enough.doubts)


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
    assert "by round of crafting" in page
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


@pytest.mark.parametrize("sign", [-1, 0])
def test_scores_that_are_reversed_or_all_the_same_are_doubted(sign: int) -> None:
    defences = (Signed(sign=sign), FaultyDetector(fault="finds nothing"))
    result, _ = finished(experiment(attack=BadNets(target=1), defences=defences))
    doubts = " ".join(result.doubts)
    assert ("poisoned inputs have lower scores than clean ones. Is the score reversed?" in doubts) == (sign == -1)
    assert ("Signed gave the same score to all " in doubts) == (sign == 0)
    assert "FaultyDetector gave the same score to all 240 rows (0), so it separates nothing." in doubts


def test_what_a_filter_costs_and_separates_is_in_the_summary() -> None:
    result, _ = finished(experiment(attack=BadNets(target=1), defences=(FaultyFilter(),)))
    shown = [entry["name"] for entry in result.metrics.values() if entry["headline"] and not entry["control"]]
    assert shown[-6:] == [
        "auroc",
        "tpr",
        "fpr",
        "attack_success_rate_with_filter",
        "coverage",
        "clean_accuracy_with_filter",
    ]
