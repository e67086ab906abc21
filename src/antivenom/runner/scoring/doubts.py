"""What a careful reader would doubt about a result, found automatically."""

from collections.abc import Iterator, Mapping

from antivenom.charts import worded
from antivenom.runner.scoring.metrics import Metrics

CHANCE_FACTOR = 1.5
LARGE_DROP = 0.05
CONTROL_SUCCESS = 0.1
MIN_TEST_ROWS = 100


def doubts(
    metrics: Metrics, *, classes: int, test_rows: int, triggered: bool, trained_here: bool = True
) -> Iterator[str]:
    """Each doubt in a sentence.

    Args:
        metrics: as `metrics.json` has them.
        classes: the number of classes.
        test_rows: the size of the test set.
        triggered: whether the attack's goal has a trigger.
        trained_here: whether the models were trained in this run, so that their losses are known.
    """
    mean = {name: entry["mean"] for name, entry in metrics.items()}
    if metrics["model.clean_accuracy"]["n"] == 1:
        more = "Set repeats to 3 or more for an interval." if trained_here else "Train several for an interval."
        yield f"One seed only: another seed may give another result. {more}"
    if test_rows < MIN_TEST_ROWS:
        row = worded(1 / max(1, test_rows), "points", signed=False)
        yield f"The test set has only {test_rows} rows: one row is {row}."
    control = mean["model.clean_accuracy.control"]
    if control is not None and control < CHANCE_FACTOR / classes:
        yield "The control is hardly better than chance: the training fails even without poison."
    for who, key in (("victim", "training.loss"), ("control", "training.loss.control")) if trained_here else ():
        if mean[key] is None:
            yield f"The {who}'s training loss is not a finite number: it diverged. Lower the learning rate."
    if mean["attack.poison_rows"] == 0:
        yield "Nothing was poisoned, so the victim is its own control."
        return
    if mean.get("attack.poison_unchanged"):
        share = worded(mean["attack.poison_unchanged"], "share")
        yield f"{share} of the poison rows are the same as the clean rows they come from."
    yield from _scans(metrics, mean)
    yield from _trigger(metrics, mean) if triggered else _damage(metrics, mean)


def _scans(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    for key, entry in metrics.items():
        kind, _, name = str(entry.get("component", "")).partition(".")
        value = mean[key]
        if kind == "scan" and entry["name"] == "inconclusive" and not entry["control"] and value:
            yield f"{name} is inconclusive for {worded(value, 'share')} of what it tested."


def _trigger(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    success, control = mean["attack.success_rate"], mean["attack.success_rate.control"]
    if mean["attack.trigger_lost"]:
        lost = worded(mean["attack.trigger_lost"], "share")
        yield (
            f"The trigger changes nothing in {lost} of the test rows once they are stored: "
            "it does not survive rounding and clipping."
        )
    if control is not None and control > CONTROL_SUCCESS:
        often = worded(control, "share")
        yield f"The trigger also works on the control, in {often} of attempts: the poison does not cause that."
    if success is not None and control is not None and _overlaps(metrics, "attack.success_rate"):
        yield "The trigger works no better on the victim than on the control: the attack failed."
    drop = mean["model.accuracy_drop"]
    if drop is not None and drop > LARGE_DROP:
        yield f"Clean accuracy drops by {worded(drop, 'points', signed=False)}, which would give this backdoor away."


def _damage(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    drop = metrics["model.accuracy_drop"]
    low, high = drop["low"], drop["high"]
    if low is not None and high is not None and low <= 0 <= high:
        yield "The interval of the accuracy drop contains 0: the attack may have done nothing."
    if mean["attack.success_rate.control"] is not None and _overlaps(metrics, "attack.success_rate"):
        yield "The wanted confusion is no more frequent in the victim than in the control: the attack failed."


def _overlaps(metrics: Metrics, name: str) -> bool:
    """Whether the victim's figure is not clearly above the control's: their intervals meet, or means without one."""
    victim, control = metrics[name], metrics[f"{name}.control"]
    if victim["low"] is None or control["high"] is None:
        return bool(victim["mean"] <= control["mean"])
    return bool(victim["mean"] <= control["high"] or control["mean"] >= victim["low"])
