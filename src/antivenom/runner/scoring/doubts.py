"""What a careful reader would doubt about a result, found automatically."""

from collections.abc import Iterator, Mapping
from typing import Any

from antivenom.defences._outliers import FEWEST

CHANCE_MARGIN = 1.5
LARGE_FALL = 0.05
CONTROL_SUCCESS = 0.1
FEW_ROWS = 100

Metrics = Mapping[str, Mapping[str, Any]]


def doubts(
    metrics: Metrics, *, classes: int, test_rows: int, backdoor: bool, trained_here: bool = True
) -> Iterator[str]:
    """Each doubt in a sentence.

    Args:
        metrics: as `metrics.json` holds them.
        classes: the number of classes.
        test_rows: the size of the test set.
        backdoor: whether the attack's goal is a backdoor.
        trained_here: whether antivenom trained the models, and knows how their loss went.
    """
    mean = {name: entry["mean"] for name, entry in metrics.items()}
    if metrics["clean_accuracy"]["n"] == 1:
        more = "Set repeats to 3 or more for an interval." if trained_here else "Train several for an interval."
        yield f"One seed only: another seed may give another result. {more}"
    if test_rows < FEW_ROWS:
        yield f"The test set has {test_rows} rows only: one row is {100 / max(1, test_rows):.1f} points."
    if mean["control_accuracy"] is not None and mean["control_accuracy"] < CHANCE_MARGIN / classes:
        yield "The control is hardly better than chance: the training fails even without poison."
    for who in ("victim", "control") if trained_here else ():
        if mean[f"{who}_loss"] is None:
            yield f"The {who}'s training loss is not a finite number: it diverged. Lower the learning rate."
    if mean["poison_rows"] == 0:
        yield "Nothing was poisoned, so the victim is its own control."
        return
    if mean.get("poison_unchanged"):
        yield f"{mean['poison_unchanged']:.1%} of the attacker's rows are no other than the clean rows they come from."
    yield from _scans(mean, classes)
    yield from _backdoor(metrics, mean) if backdoor else _damage(metrics, mean)


def _scans(mean: Mapping[str, float | None], classes: int) -> Iterator[str]:
    for key, value in mean.items():
        if key.startswith("defence.") and key.endswith(".inconclusive") and value:
            name = key.split(".")[1]
            why = "no trigger worked there. Raise its steps" if classes >= FEWEST else "there are too few to compare"
            yield f"{name} is inconclusive for {value:.1%} of the classes: {why}."


def _backdoor(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    success, control, fall = (
        mean[name] for name in ("attack_success_rate", "control_attack_success_rate", "accuracy_drop")
    )
    if mean["trigger_lost"]:
        yield (
            f"The trigger changes nothing in {mean['trigger_lost']:.1%} of the test rows once they are stored: "
            "it does not survive rounding and clipping."
        )
    if control is not None and control > CONTROL_SUCCESS:
        yield f"The trigger also works on the control, in {control:.1%} of attempts: that is not the poison's doing."
    if success is not None and control is not None and _overlap(metrics, "attack_success_rate"):
        yield "The trigger works no better on the victim than on the control: the attack failed."
    if fall is not None and fall > LARGE_FALL:
        yield f"Clean accuracy fell by {100 * fall:.1f} points, which would give this backdoor away."


def _damage(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    fall = metrics["accuracy_drop"]
    low, high = fall["low"], fall["high"]
    if low is not None and high is not None and low <= 0 <= high:
        yield "The interval of the fall in accuracy contains 0: the attack may have done nothing."
    if mean["control_attack_success_rate"] is not None and _overlap(metrics, "attack_success_rate"):
        yield "The wanted confusion is no more frequent in the victim than in the control: the attack failed."


def _overlap(metrics: Metrics, name: str) -> bool:
    """Whether the victim's figure is not clearly above the control's: intervals that meet, or means without one."""
    victim, control = metrics[name], metrics[f"control_{name}"]
    if victim["low"] is None or control["high"] is None:
        return bool(victim["mean"] <= control["mean"])
    return bool(victim["mean"] <= control["high"] or control["mean"] >= victim["low"])
