"""The headline: the main results of a run in a few sentences."""

from collections.abc import Iterator

from antivenom.charts import worded
from antivenom.data import Dataset, Goal
from antivenom.data.class_order import named_class
from antivenom.goals import TriggeredGoal, attacked_rows, target_classes
from antivenom.runner.scoring.metrics import Metrics

CLASSES_NAMED = 5


def headline(metrics: Metrics, attack: str, goal: Goal | None, test: Dataset) -> str:
    """Return the main result of the attack, and the verdict of every scan.

    Args:
        metrics: the metrics, in the form of `metrics.json`.
        attack: the attack's name.
        goal: the attacker's goal.
        test: the rows to measure on.
    """
    parts = [_attack(metrics, attack, goal, test), *_scans(metrics)]
    return " ".join(parts)


def _attack(metrics: Metrics, attack: str, goal: Goal | None, test: Dataset) -> str:
    def share(key: str) -> str:
        return worded(metrics[key]["mean"], "share")

    poisoned = f"With {share('attack.poison_rate')} of the training set poisoned"
    has_control = metrics["model.clean_accuracy.control"]["mean"] is not None
    control_too = f" (control: {share('model.clean_accuracy.control')})" if has_control else " (no control)"
    accuracy = f"Clean accuracy is {share('model.clean_accuracy')}{control_too}."
    success, drop = metrics["attack.success_rate"]["mean"], metrics["model.accuracy_drop"]["mean"]
    if success is None:
        change = "" if drop is None else f", {_change(drop)}"
        return f"{poisoned} by {attack}{change}. {accuracy}"
    without = f" (control: {share('attack.success_rate.control')})" if has_control else ""
    if isinstance(goal, TriggeredGoal):
        target = targets_in_words(goal, test)
        return (
            f"{poisoned}, the trigger sends {share('attack.success_rate')} of the attacked test rows to {target}"
            f"{without}. {accuracy}"
        )
    if has_control and share("attack.success_rate") == share("attack.success_rate.control"):
        same = (
            f"the attack has no effect: victim and control both make the wanted mistake in {worded(success, 'share')}"
        )
        return f"{poisoned} by {attack}, {same} of attempts. {accuracy}"
    often = f"the attacker succeeds in {worded(success, 'share')} of attempts"
    return f"{poisoned} by {attack}, {often}{without}. {accuracy}"


def _change(drop: float) -> str:
    points = worded(drop, "points", signed=False).removeprefix("-")
    if points == worded(0.0, "points", signed=False):
        return "the model keeps its clean accuracy"
    return f"clean accuracy {'rises' if drop < 0 else 'falls'} by {points}"


def targets_in_words(goal: TriggeredGoal, test: Dataset) -> str:
    """Return the classes that the attacker wants, such as `class dog`, or `class 1 ('2')` if a number is a name."""
    numbers = sorted(set(target_classes(goal, attacked_rows(goal, test)).tolist()))
    names = [named_class(number, test.classes) for number in numbers]
    if len(names) == 1:
        return f"class {names[0]}"
    more = f" and {len(names) - CLASSES_NAMED} more" if len(names) > CLASSES_NAMED else ""
    return f"the target classes ({', '.join(names[:CLASSES_NAMED])}{more})"


def _scans(metrics: Metrics) -> Iterator[str]:
    for key, entry in metrics.items():
        kind, _, name = str(entry.get("component", "")).partition(".")
        if kind != "scan" or entry["name"] != "flagged" or entry["control"] or entry["mean"] is None:
            continue
        count = entry["n"]
        hits, alarms = (round((metrics[each]["mean"] or 0) * count) for each in (key, f"{key}.control"))
        identified = metrics.get(f"scan.{name}.identified", {"mean": None})["mean"]
        known = bool(hits) and identified is not None
        if count == 1:
            which = " and identifies its target" if identified else ", but does not identify its target"
            victim = "flags the victim" if hits else "does not flag the victim"
            control = "flags the control too" if alarms else "does not flag the control"
            yield f"{name} {victim}{which if known else ''}; it {control}."
        else:
            which = f" and identifies its target in {round((identified or 0) * count)}" if known else ""
            yield f"{name} flags the victim in {hits} of {count} repeats{which}; it flags the control in {alarms}."
