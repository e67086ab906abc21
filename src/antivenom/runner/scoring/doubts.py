"""Doubts: reasons why a careful reader would not trust a result, written automatically."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from antivenom.charts import worded
from antivenom.models.values import DRAWS_NEW
from antivenom.runner.scoring.metrics import Metrics
from antivenom.settings.accuracy import accuracy_doubt

CHANCE_FACTOR = 1.5
LARGE_DROP = 0.05
CONTROL_SUCCESS = 0.1
MIN_TEST_ROWS = 100
CHANCE_AUROC = 0.5
LOW_AUROC = 0.4
"""With one repeat there is no interval. An AUROC below this is then far below chance."""
NO_MORE = "makes the wanted mistake no more often"
INPUTS = {"filter": "poisoned inputs", "detector": "poisoned rows"}


def doubts(
    metrics: Metrics,
    *,
    classes: int,
    test_rows: int,
    triggered: bool,
    trained_here: bool = True,
    assumptions: Sequence[str] = (),
) -> Iterator[str]:
    """Yield each doubt as one or two sentences.

    Args:
        metrics: the metrics, in the form of `metrics.json`.
        classes: the number of classes.
        test_rows: the number of test rows.
        triggered: whether the attack's goal has a trigger.
        trained_here: whether the models were trained in this run, so that their losses are known.
        assumptions: what is assumed about the model; one of them may say why a training fails.
    """
    mean = {name: entry["mean"] for name, entry in metrics.items()}
    if metrics["model.clean_accuracy"]["n"] == 1:
        more = "Set repeats to 3 or more" if trained_here else "Train models with several seeds"
        yield f"There is only one seed, and another seed may give another result. {more} to get intervals."
    if test_rows < MIN_TEST_ROWS:
        row = worded(1 / max(1, test_rows), "points", signed=False)
        rows = "1 row" if test_rows == 1 else f"{test_rows} rows"
        yield f"The test set has only {rows}: one row changes the accuracy by {row}."
    yield from _training_failed(mean, classes, assumptions) if trained_here else _rarely_right(mean, classes, test_rows)
    for who, key in (("victim", "training.loss"), ("control", "training.loss.control")) if trained_here else ():
        if mean[key] is None:
            yield f"The {who}'s training diverged: its loss is not a finite number. Lower the learning rate."
    yield from _not_finite(metrics)
    if mean["attack.poison_rows"] == 0:
        yield "No row was poisoned, so victim and control are the same."
        return
    if mean.get("attack.poison_unchanged"):
        share = worded(mean["attack.poison_unchanged"], "share")
        yield f"{share} of the poison rows are identical to the clean rows that they were made from."
    yield from _scans(metrics, mean)
    yield from _scores(metrics)
    yield from _trigger(metrics, mean) if triggered else _damage(metrics, mean)


def _training_failed(mean: Mapping[str, float | None], classes: int, assumptions: Sequence[str]) -> Iterator[str]:
    """Yield a doubt if the control is hardly better than guessing, with the likely cause if an assumption states it."""
    control = mean["model.clean_accuracy.control"]
    if control is not None and control < CHANCE_FACTOR / classes:
        cause = DRAWS_NEW if any(each.startswith(DRAWS_NEW) for each in assumptions) else ""
        failed = "the training fails even without poison."
        yield f"The control is hardly better than guessing: {failed} {cause}".rstrip()


def _rarely_right(mean: Mapping[str, float | None], classes: int, test_rows: int) -> Iterator[str]:
    """Yield a doubt if a model that was trained elsewhere is rarely right without poison.

    Poison may be the reason for the victim's errors, so the control is judged, and the victim only without one.
    """
    control = mean["model.clean_accuracy.control"]
    who, share = ("The model", mean["model.clean_accuracy"]) if control is None else ("The control", control)
    if share is not None:
        right = round(share * test_rows)
        yield from filter(None, [accuracy_doubt(right, test_rows, classes, who, "the clean test rows")])


def _not_finite(metrics: Metrics) -> Iterator[str]:
    """Yield a doubt for each model whose scores are not finite for some test rows."""
    for who, key in (("victim", "model.not_finite"), ("control", "model.not_finite.control")):
        entry = metrics.get(key, {"mean": None, "n": 0})
        if entry["mean"] or (entry["mean"] is None and entry["n"]):  # no mean: only some repeats diverged
            rows = "some" if entry["mean"] is None else worded(entry["mean"], "share") + " of the"
            yield (
                f"The {who}'s scores are not finite for {rows} test rows: it has diverged. These rows count as wrong, "
                "and never as a success of the attack."
            )


def _scores(metrics: Metrics) -> Iterator[str]:
    """Yield a doubt for each detector and filter that scores poison lower than clean rows."""
    for entry in metrics.values():
        kind, _, name = str(entry.get("component", "")).partition(".")
        if kind not in INPUTS or entry["name"] != "auroc" or entry["mean"] is None:
            continue
        high = entry["high"]
        if (high is not None and high < CHANCE_AUROC) or (high is None and entry["mean"] < LOW_AUROC):
            area = worded(entry["mean"], "share")
            lower = f"{INPUTS[kind]} have lower scores than clean ones. Is the score reversed?"
            yield f"{name} has an AUROC of {area}: {lower}"


def same_scores(kind: str, scores: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield a doubt for each detector or filter that gave the same score to all rows.

    Args:
        kind: `detector` or `filter`.
        scores: the scores (n) by name.
    """
    for name, each in scores.items():
        if len(each) > 1 and bool((each == each[0]).all()):
            rows = "inputs" if kind == "filter" else "rows"
            value = f"{float(each[0]):.4g}"
            yield f"{name} gave the same score to all {len(each)} {rows} ({value}), so it separates nothing."


def _scans(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    for key, entry in metrics.items():
        kind, _, name = str(entry.get("component", "")).partition(".")
        value = mean[key]
        if kind == "scan" and entry["name"] == "inconclusive" and not entry["control"] and value:
            yield f"{name} is inconclusive for {worded(value, 'share')} of its tests."


def _trigger(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    success, control = mean["attack.success_rate"], mean["attack.success_rate.control"]
    if mean["attack.trigger_lost"]:
        lost = worded(mean["attack.trigger_lost"], "share")
        yield (
            f"The trigger does not change {lost} of the attacked test rows: "
            "after rounding and clipping they are the same as before."
        )
    if control is not None and control > CONTROL_SUCCESS:
        often = worded(control, "share")
        yield f"The trigger also works on the control, in {often} of attempts. The poison is not the reason for these."
    if success is not None and control is not None and _overlaps(metrics, "attack.success_rate"):
        yield "The trigger does not work clearly better on the victim than on the control: the attack failed."
    drop = mean["model.accuracy_drop"]
    if drop is not None and drop > LARGE_DROP:
        points = worded(drop, "points", signed=False)
        yield f"Clean accuracy falls by {points}, so the model's owner would probably notice the attack."


def _damage(metrics: Metrics, mean: Mapping[str, float | None]) -> Iterator[str]:
    drop = metrics["model.accuracy_drop"]
    low, high = drop["low"], drop["high"]
    if low is not None and high is not None and low <= 0 <= high:
        yield "The interval of the accuracy drop contains 0: the attack may have had no effect."
    success, control = mean["attack.success_rate"], mean["attack.success_rate.control"]
    if success is not None and control is not None and _overlaps(metrics, "attack.success_rate"):
        often = "does not make the wanted mistake clearly more often" if success > control else NO_MORE
        yield f"The victim {often} than the control: the attack failed."


def _overlaps(metrics: Metrics, name: str) -> bool:
    """Return true unless the victim's figure is clearly above the control's, by their intervals, or else by means."""
    victim, control = metrics[name], metrics[f"{name}.control"]
    if victim["low"] is None or control["high"] is None:
        return bool(victim["mean"] <= control["mean"])
    return bool(victim["mean"] <= control["high"] or control["mean"] >= victim["low"])
