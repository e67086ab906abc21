"""Converting results of stages to tensors and plain values for the store, and back."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from antivenom.charts import Chart, Figure
from antivenom.charts.packing import pack, unpack
from antivenom.data import Dataset, Poisoned, Splits
from antivenom.defences import RecoveredTriggers, Subject, Verdict
from antivenom.errors import DataError
from antivenom.goals import TriggeredGoal, attacked_rows, target_classes, triggered_rows
from antivenom.models import Checkpoint, Classifier
from antivenom.models.restoring import restored
from antivenom.runner.scoring.pair import Fitted
from antivenom.settings import build, describe

Packed = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors by name, and a mapping that JSON can represent."""

VERDICT_TENSORS = ("statistic", "p_value", "flagged", "inconclusive")
VERDICT_SENTENCES = ("untested", "assumptions", "doubts")
TRIGGER_TENSORS = ("targets", "masks", "patterns", "success")


def pack_splits(splits: Splits) -> Packed:
    """Pack both splits of a data set."""
    tensors = {
        f"{name}.{part}": tensor
        for name, data in (("train", splits.train), ("test", splits.test))
        for part, tensor in (("x", data.x), ("y", data.y), ("ids", data.ids))
    }
    about = {"classes": splits.train.classes, "bounds": splits.train.bounds}
    assumptions = [splits.train.assumptions, splits.test.assumptions]
    return tensors, {**about, "assumptions": assumptions, "columns": [splits.train.columns, splits.test.columns]}


def unpack_splits(tensors: dict[str, Tensor], about: dict[str, Any]) -> Splits:
    """Return the splits that `pack_splits` packed."""
    bounds = None if about["bounds"] is None else (float(about["bounds"][0]), float(about["bounds"][1]))
    words = [*about["classes"], *(word for words in (*about["assumptions"], *about["columns"]) for word in words)]
    if not all(isinstance(word, str) for word in words):
        raise DataError("The names of the classes and columns, and the assumptions, must be text.")
    train, test = (
        Dataset(
            x=tensors[f"{name}.x"],
            y=tensors[f"{name}.y"],
            ids=tensors[f"{name}.ids"],
            classes=tuple(about["classes"]),
            bounds=bounds,
            assumptions=tuple(assumptions),
            columns=tuple(columns),
        )
        for name, assumptions, columns in zip(("train", "test"), about["assumptions"], about["columns"], strict=True)
    )
    return Splits(train=train, test=test)


def pack_poisoned(poisoned: Poisoned) -> Packed:
    """Pack the attacker's rows, their goal, and the figures and charts of the attack."""
    tensors = {"rows": poisoned.rows, "x": poisoned.x, "y": poisoned.y}
    tensors |= {"role": poisoned.role, "origin": poisoned.origin}
    if poisoned.rounds is not None:
        tensors["rounds"] = poisoned.rounds
    arrays, about = pack_evidence(poisoned.figures, poisoned.charts)
    return {**tensors, **arrays}, {"goal": describe("goals", poisoned.goal), "evidence": about}


def unpack_poisoned(tensors: dict[str, Tensor], about: dict[str, Any], train: Dataset) -> Poisoned:
    """Return the poisoned data that `pack_poisoned` packed, on the training data that it was made for."""
    figures, charts = unpack_evidence(tensors, about["evidence"])
    goal = build("goals", about["goal"], path="goal", allow_code="imported")
    if isinstance(goal, TriggeredGoal):  # a goal that does not fit the data raises an error
        first = train.subset(torch.arange(min(1, len(train)), device=train.device))
        target_classes(goal, triggered_rows(goal, first))
        attacked_rows(goal, first)
    moved = {name: tensor.to(train.device) for name, tensor in tensors.items() if not name.startswith("chart ")}
    return Poisoned(
        base=train,
        rows=moved["rows"],
        x=moved["x"],
        y=moved["y"],
        role=moved["role"],
        origin=moved["origin"],
        rounds=moved.get("rounds"),
        goal=goal,
        figures=figures,
        charts=charts,
    )


def pack_fitted(fitted: Fitted) -> Packed:
    """Pack a classifier's weights, its checkpoints, and the figures and charts of its training."""
    tensors = {f"final {name}": value for name, value in fitted.classifier.state().items()}
    for place, one in enumerate(fitted.checkpoints):
        tensors |= {f"{place} {name}": value for name, value in one.classifier.state().items()}
    arrays, about = pack_evidence(fitted.figures, fitted.charts)
    losses, rows = [repr(one) for one in fitted.losses], [one.rows for one in fitted.checkpoints]
    return {**tensors, **arrays}, {"losses": losses, "rows": rows, "evidence": about}


def unpack_fitted(tensors: dict[str, Tensor], about: dict[str, Any], blank: Classifier) -> Fitted:
    """Return what `pack_fitted` packed; `blank` is a classifier of the same architecture."""
    figures, charts = unpack_evidence(tensors, about["evidence"])
    states: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        which, _, name = key.partition(" ")
        states.setdefault(which, {})[name] = value
    checkpoints = tuple(
        Checkpoint(int(rows), restored(blank, states[str(place)])) for place, rows in enumerate(about["rows"])
    )
    losses = tuple(map(float, about["losses"]))
    return Fitted(restored(blank, states["final"]), losses, checkpoints, figures, charts)


def pack_verdict(verdict: Verdict) -> Packed:
    """Pack a verdict with its triggers and its evidence."""
    tensors = {name: getattr(verdict, name) for name in VERDICT_TENSORS}
    tensors |= {f"detail {name}": tensor for name, tensor in verdict.details.items()}
    if verdict.threshold is not None:
        tensors["threshold"] = verdict.threshold
    if verdict.triggers is not None:
        tensors |= {f"trigger {name}": getattr(verdict.triggers, name) for name in TRIGGER_TENSORS}
    arrays, evidence = pack_evidence(verdict.figures, verdict.evidence)
    about = {
        "subjects": [[subject.target, subject.source] for subject in verdict.subjects],
        "false_alarm_rate": repr(verdict.false_alarm_rate),
        **{name: list(getattr(verdict, name)) for name in VERDICT_SENTENCES},
        "evidence": evidence,
    }
    return {**{name: tensor.contiguous() for name, tensor in tensors.items()}, **arrays}, about


def unpack_verdict(tensors: dict[str, Tensor], about: dict[str, Any]) -> Verdict:
    """Return the verdict that `pack_verdict` packed."""
    figures, charts = unpack_evidence(tensors, about["evidence"])
    triggers = None
    if "trigger masks" in tensors:
        parts = {name: tensors[f"trigger {name}"] for name in TRIGGER_TENSORS}
        triggers = RecoveredTriggers(**parts)
    details = {key.removeprefix("detail "): value for key, value in tensors.items() if key.startswith("detail ")}
    return Verdict(
        subjects=tuple(Subject(target=target, source=source) for target, source in about["subjects"]),
        statistic=tensors["statistic"],
        p_value=tensors["p_value"],
        flagged=tensors["flagged"],
        inconclusive=tensors["inconclusive"],
        false_alarm_rate=float(about["false_alarm_rate"]),
        **{name: tuple(about[name]) for name in VERDICT_SENTENCES},
        triggers=triggers,
        threshold=tensors.get("threshold"),
        details=details,
        figures=figures,
        evidence=charts,
    )


def pack_evidence(figures: Iterable[Figure], charts: Iterable[Chart]) -> Packed:
    """Pack figures and charts. The arrays of charts become tensors whose names begin with `chart `."""
    structure, arrays = pack({chart.name: chart for chart in charts})
    tensors = {f"chart {name}": torch.from_numpy(array.copy()) for name, array in arrays.items()}
    plain = [
        {
            "name": each.name,
            "value": None if each.value is None else repr(each.value),
            "unit": each.unit,
            "better": each.better,
            "subject": each.subject,
            "control": each.control,
            "headline": each.headline,
        }
        for each in figures
    ]
    return tensors, {"figures": plain, "charts": structure}


def unpack_evidence(tensors: dict[str, Tensor], about: dict[str, Any]) -> tuple[tuple[Figure, ...], tuple[Chart, ...]]:
    """Return the figures and charts that `pack_evidence` packed."""
    arrays = {name.removeprefix("chart "): t.numpy() for name, t in tensors.items() if name.startswith("chart ")}
    figures = tuple(
        Figure(**{**each, "value": None if each["value"] is None else float(each["value"])})
        for each in about["figures"]
    )
    return figures, tuple(unpack(about["charts"], arrays).values())
