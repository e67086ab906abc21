"""Figures as words."""

from typing import Any

from antivenom.report.run import Run


def percent(value: float | None) -> str:
    """A share in percent; a dash where it does not apply.

    >>> percent(0.9934), percent(None)
    ('99.3 %', '–')
    """
    return "–" if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "–" if value is None else f"{100 * value:+.1f} points"


def interval(entry: dict[str, Any], *, share: bool = True) -> str:
    """The bounds of a figure's 95 % interval, or why there are none."""
    if entry["mean"] is None:
        return "does not apply"
    if entry["low"] is None:
        return "one seed, no interval"
    if share:
        return f"95 %: {100 * entry['low']:.1f} to {100 * entry['high']:.1f} %, n = {entry['n']}"
    return f"95 %: {entry['low']:.4g} to {entry['high']:.4g}, n = {entry['n']}"


def number(value: float | None) -> str:
    """A figure in a table."""
    return "–" if value is None else f"{value:.4g}"


def sentence(run: Run) -> str:
    """What came out, in plain words."""
    rate, clean, control = (run.mean(name) for name in ("poison_rate", "clean_accuracy", "control_accuracy"))
    success, without = run.mean("attack_success_rate"), run.mean("control_attack_success_rate")
    known = control is not None
    beside = f", against the control's {percent(control)}" if known else "; no control was given to compare it with"
    accuracy = f"Clean accuracy is {percent(clean)}{beside}."
    poisoned = f"With {percent(rate)} of the training set poisoned"
    if success is None:
        fall = run.mean("accuracy_drop")
        loses = f", the model loses {100 * fall:.1f} points of accuracy" if fall is not None else ""
        return f"{poisoned} by {run.attack}{loses}. {accuracy}"
    attack = run.spec["attack"]
    if "target" in attack:
        aim = (
            f"the trigger sends {percent(success)} of other classes' test rows to class {_class(run, attack['target'])}"
        )
        return f"{poisoned}, {aim}{f'; without poison, {percent(without)}' if known else ''}. {accuracy}"
    aim = f"the wanted confusion happens in {percent(success)} of attempts"
    aim += f"; without poison, in {percent(without)}" if known else ""
    return f"{poisoned} by {run.attack}, {aim}. {accuracy}"


def _class(run: Run, index: int) -> str:
    return run.classes[index] if 0 <= index < len(run.classes) else str(index)
