"""Each doubt arises where it should, and nowhere else."""

import re
from typing import Any

import pytest

from antivenom.runner.scoring.doubts import doubts


def figure(mean: float | None, low: float | None = None, high: float | None = None, n: int = 3) -> dict[str, Any]:
    return {"mean": mean, "n": n, "low": low, "high": high}


FINE = {
    "model.clean_accuracy": figure(0.95, 0.94, 0.96),
    "model.clean_accuracy.control": figure(0.96, 0.95, 0.97),
    "model.accuracy_drop": figure(0.01, 0.005, 0.015),
    "attack.success_rate": figure(0.99, 0.98, 1.0),
    "attack.success_rate.control": figure(0.01, 0.0, 0.02),
    "attack.poison_rows": figure(100),
    "attack.trigger_lost": figure(0.0),
    "training.loss": figure(0.1),
    "training.loss.control": figure(0.1),
}
NONE = figure(None)
INCONCLUSIVE = {**figure(0.2), "component": "scan.scan_it", "name": "inconclusive", "control": False}
NO_RATE = {"attack.success_rate": NONE, "attack.success_rate.control": NONE, "attack.trigger_lost": NONE}


def found(changes: dict[str, Any], **more: Any) -> list[str]:
    told = {"classes": 10, "test_rows": 1000, "triggered": True, **more}
    return list(doubts({**FINE, **changes}, **told))


def test_a_sound_result_leaves_no_doubt() -> None:
    assert found({}) == []
    assert found({}, triggered=False) == []
    assert found(NO_RATE, triggered=False) == []


@pytest.mark.parametrize(
    ("said", "changes", "more"),
    [
        ("only one seed", {"model.clean_accuracy": figure(0.95, n=1)}, {}),
        ("The test set has only 99 rows: one row changes the accuracy by 1.0 points", {}, {"test_rows": 99}),
        ("The test set has only 0 rows", {}, {"test_rows": 0}),
        ("hardly better than guessing", {"model.clean_accuracy.control": figure(0.14)}, {}),
        ("hardly better than guessing", {"model.clean_accuracy.control": figure(0.4)}, {"classes": 3}),
        ("The victim's training diverged", {"training.loss": NONE}, {}),
        ("The control's training diverged", {"training.loss.control": NONE}, {}),
        ("No row was poisoned", {"attack.poison_rows": figure(0)}, {}),
        ("No row was poisoned", {"attack.poison_rows": figure(0), **NO_RATE}, {"triggered": False}),
        ("The trigger does not change 12.5 % of the attacked test rows", {"attack.trigger_lost": figure(0.125)}, {}),
        ("scan_it is inconclusive for 20.0 %", {"scan.scan_it.inconclusive": INCONCLUSIVE}, {}),
        ("also works on the control, in 30.0 %", {"attack.success_rate.control": figure(0.3, 0.2, 0.4)}, {}),
        ("not work clearly better on the victim", {"attack.success_rate": figure(0.05, 0.0, 0.1)}, {}),
        ("not work clearly better on the victim", {"attack.success_rate": figure(0.015, 0.01, 0.9)}, {}),
        (
            "not work clearly better on the victim",
            {"attack.success_rate": figure(0.1), "attack.success_rate.control": figure(0.1)},
            {},
        ),
        ("Clean accuracy falls by 6.0 points", {"model.accuracy_drop": figure(0.06, 0.05, 0.07)}, {}),
        (
            "The interval of the accuracy drop contains 0",
            {"model.accuracy_drop": figure(0.01, -0.01, 0.03)},
            {"triggered": False},
        ),
        (
            "The victim makes the wanted mistake no more often than the control",
            {"attack.success_rate": figure(1.0), "attack.success_rate.control": figure(1.0)},
            {"triggered": False},
        ),
        (
            "The victim does not make the wanted mistake clearly more often than the control",
            {"attack.success_rate": figure(0.05, 0.0, 0.1), "attack.success_rate.control": figure(0.04, 0.0, 0.08)},
            {"triggered": False},
        ),
    ],
)
def test_a_doubt_arises_alone(said: str, changes: dict[str, Any], more: dict[str, Any]) -> None:
    (doubt,) = found(changes, **more)
    assert said in doubt


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {"test_rows": 100}),
        ({"model.clean_accuracy.control": figure(0.15)}, {}),
        ({"model.clean_accuracy.control": NONE}, {}),
        ({"attack.success_rate.control": figure(0.1, 0.05, 0.12)}, {}),
        ({"attack.success_rate": figure(0.2), "attack.success_rate.control": figure(0.1)}, {}),
        (NO_RATE, {}),
        ({"model.accuracy_drop": figure(0.05, 0.04, 0.06)}, {}),
        ({"model.accuracy_drop": figure(-0.3, -0.4, -0.2)}, {}),
        ({"model.accuracy_drop": figure(0.3, 0.2, 0.4)}, {"triggered": False}),
        ({"model.accuracy_drop": figure(0.01)}, {"triggered": False}),
    ],
)
def test_what_is_at_the_edge_or_does_not_apply_raises_no_doubt(changes: dict[str, Any], more: dict[str, Any]) -> None:
    assert found(changes, **more) == []


def test_several_doubts_are_all_told() -> None:
    changes = {"model.clean_accuracy": figure(0.5, n=1), "training.loss": NONE, "attack.trigger_lost": figure(1.0)}
    assert len(found(changes, test_rows=10)) == 4


def test_values_are_worded() -> None:
    changes = {"attack.trigger_lost": figure(0.2300000001), "model.accuracy_drop": figure(0.0700000001, 0.06, 0.08)}
    text = " ".join(found({**changes, "attack.success_rate.control": figure(0.1234567, 0.1, 0.2)}, test_rows=3))
    assert all(words in text for words in ("23.0 % of", "7.0 points", "12.3 % of", "33.3 points"))
    assert not re.search(r"\d\.\d\d", text)


def test_a_model_from_elsewhere_that_is_rarely_right_has_a_doubt_about_its_rows() -> None:
    poor = {"model.clean_accuracy": figure(0.13)}
    here = {"trained_here": False}
    (doubt,) = found({**poor, "model.clean_accuracy.control": NONE, "model.accuracy_drop": NONE}, **here)
    assert doubt.startswith("The model is right on 13 % of the clean test rows")
    (doubt,) = found({"model.clean_accuracy.control": figure(0.2)}, **here)
    assert doubt.startswith("The control is right on 20 % of the clean test rows")
    assert found({**poor, "model.accuracy_drop": figure(0.01)}, **here) == []  # the poison may be the reason
