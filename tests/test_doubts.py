"""Each doubt arises where it should, and nowhere else."""

from typing import Any

import pytest

from antivenom.runner.scoring.doubts import doubts


def figure(mean: float | None, low: float | None = None, high: float | None = None, n: int = 3) -> dict[str, Any]:
    return {"mean": mean, "n": n, "low": low, "high": high}


FINE = {
    "clean_accuracy": figure(0.95, 0.94, 0.96),
    "control_accuracy": figure(0.96, 0.95, 0.97),
    "accuracy_drop": figure(0.01, 0.005, 0.015),
    "attack_success_rate": figure(0.99, 0.98, 1.0),
    "control_attack_success_rate": figure(0.01, 0.0, 0.02),
    "poison_rows": figure(100),
    "trigger_lost": figure(0.0),
    "victim_loss": figure(0.1),
    "control_loss": figure(0.1),
}
NONE = figure(None)
NO_RATE = {"attack_success_rate": NONE, "control_attack_success_rate": NONE, "trigger_lost": NONE}


def found(changes: dict[str, Any], **more: Any) -> list[str]:
    told = {"classes": 10, "test_rows": 1000, "backdoor": True, **more}
    return list(doubts({**FINE, **changes}, **told))


def test_a_sound_result_leaves_no_doubt() -> None:
    assert found({}) == []
    assert found({}, backdoor=False) == []
    assert found(NO_RATE, backdoor=False) == []


@pytest.mark.parametrize(
    ("said", "changes", "more"),
    [
        ("One seed only", {"clean_accuracy": figure(0.95, n=1)}, {}),
        ("The test set has 99 rows only: one row is 1.0 points", {}, {"test_rows": 99}),
        ("The test set has 0 rows only", {}, {"test_rows": 0}),
        ("hardly better than chance", {"control_accuracy": figure(0.14)}, {}),
        ("hardly better than chance", {"control_accuracy": figure(0.4)}, {"classes": 3}),
        ("The victim's training loss", {"victim_loss": NONE}, {}),
        ("The control's training loss", {"control_loss": NONE}, {}),
        ("Nothing was poisoned", {"poison_rows": figure(0)}, {}),
        ("Nothing was poisoned", {"poison_rows": figure(0), **NO_RATE}, {"backdoor": False}),
        ("The trigger changes nothing in 12.5% of the test rows", {"trigger_lost": figure(0.125)}, {}),
        ("too few to compare", {"defence.scan_it.inconclusive": figure(1.0)}, {"classes": 3}),
        ("scan_it is inconclusive for 20.0% of the classes", {"defence.scan_it.inconclusive": figure(0.2)}, {}),
        ("also works on the control, in 30.0%", {"control_attack_success_rate": figure(0.3, 0.2, 0.4)}, {}),
        ("no better on the victim", {"attack_success_rate": figure(0.05, 0.0, 0.1)}, {}),
        ("no better on the victim", {"attack_success_rate": figure(0.015, 0.01, 0.9)}, {}),
        (
            "no better on the victim",
            {"attack_success_rate": figure(0.1), "control_attack_success_rate": figure(0.1)},
            {},
        ),
        ("Clean accuracy fell by 6.0 points", {"accuracy_drop": figure(0.06, 0.05, 0.07)}, {}),
        (
            "The interval of the fall in accuracy contains 0",
            {"accuracy_drop": figure(0.01, -0.01, 0.03)},
            {"backdoor": False},
        ),
        (
            "no more frequent in the victim",
            {"attack_success_rate": figure(0.05, 0.0, 0.1), "control_attack_success_rate": figure(0.04, 0.0, 0.08)},
            {"backdoor": False},
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
        ({"control_accuracy": figure(0.15)}, {}),
        ({"control_accuracy": NONE}, {}),
        ({"control_attack_success_rate": figure(0.1, 0.05, 0.12)}, {}),
        ({"attack_success_rate": figure(0.2), "control_attack_success_rate": figure(0.1)}, {}),
        (NO_RATE, {}),
        ({"accuracy_drop": figure(0.05, 0.04, 0.06)}, {}),
        ({"accuracy_drop": figure(-0.3, -0.4, -0.2)}, {}),
        ({"accuracy_drop": figure(0.3, 0.2, 0.4)}, {"backdoor": False}),
        ({"accuracy_drop": figure(0.01)}, {"backdoor": False}),
    ],
)
def test_what_is_at_the_edge_or_does_not_apply_raises_no_doubt(changes: dict[str, Any], more: dict[str, Any]) -> None:
    assert found(changes, **more) == []


def test_several_doubts_are_all_told() -> None:
    changes = {"clean_accuracy": figure(0.5, n=1), "victim_loss": NONE, "trigger_lost": figure(1.0)}
    assert len(found(changes, test_rows=10)) == 4
