"""Scoring stream defences."""

from collections.abc import Mapping

import torch

from antivenom.calling import guarded
from antivenom.charts import Axis, Chart, Evidence, Figure, Lines, Series, column, pair, worded
from antivenom.charts.parts import Role
from antivenom.data import CLEAN, POISON, Dataset, Goal
from antivenom.defences import StreamDefence, StreamVerdict
from antivenom.goals import success_of
from antivenom.metrics import accuracy
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.shapes import Roles

ROLES: tuple[Role, Role] = ("victim", "control")
NEAR_ROWS = 100
"""A window is right if it begins at most this number of rows before or after the first poison."""

Checkpoints = tuple[Checkpoint, ...]


def score_stream_defences(
    defences: Mapping[str, StreamDefence],
    paths: tuple[Checkpoints, Checkpoints],
    roles: Roles,
    goal: Goal,
    test: Dataset,
    clean: Dataset,
    rng: Rng,
) -> Evidence:
    """Run all stream defences, and return their figures and charts.

    Args:
        defences: the stream defences by name.
        paths: the checkpoints of victim and control.
        roles: the role of each row of the stream, in its order (n).
        goal: the attacker's goal.
        test: the rows to measure on.
        clean: the defender's clean rows.
        rng: each defence uses a child of it.
    """
    evidence = Evidence()
    for name, defence in defences.items():
        blame = guarded(defence, StreamDefence.blame, StreamVerdict)
        victim, control = (blame(path, clean, rng=rng.child(name)) for path in paths)
        figures = (*_figures(victim, control, paths[0], roles, goal, test), *victim.figures)
        chart = _signals(name, victim, control, paths[0], roles)
        evidence |= Evidence.of(f"stream_defence.{name}", figures, (chart, *victim.charts))
    return evidence


def _figures(
    victim: StreamVerdict, control: StreamVerdict, path: Checkpoints, roles: Roles, goal: Goal, test: Dataset
) -> tuple[Figure, ...]:
    back, last = victim.last_good, path[-1]
    poison, clean = torch.nonzero(roles == POISON).flatten(), roles == CLEAN
    lost = int(clean[back.rows :].sum()) / max(1, int(clean.sum()))
    identified = None
    if len(poison):
        identified = float(victim.window is not None and abs(victim.window[0] - int(poison[0])) <= NEAR_ROWS)
    alarms = (float(each.window is not None) for each in (victim, control))
    gain = accuracy(back.classifier, test) - accuracy(last.classifier, test)
    return (
        *pair("alarm", *alarms, unit="yes_no", headline=True),
        Figure(name="identified", value=identified, unit="yes_no", better="high", headline=True),
        Figure(name="accuracy_gain", value=gain, unit="points", better="high", headline=True),
        Figure(name="attack_success_rate", value=success_of(goal, back.classifier, test), better="low"),
        Figure(name="clean_rows_lost", value=lost, better="low"),
    )


def _signals(name: str, victim: StreamVerdict, control: StreamVerdict, path: Checkpoints, roles: Roles) -> Chart:
    """Return a chart of the signals of victim and control, the blamed window, and the positions of the poison."""
    rows = column([each.rows for each in path])
    series = [
        Series(label=who, x=rows[: len(each.signal)], y=column(each.signal), role=who, marks=True)
        for who, each in zip(ROLES, (victim, control), strict=True)
    ]
    poison = torch.nonzero(roles == POISON).flatten()
    blamed = "no rows" if victim.window is None else f"rows {victim.window[0]} to {victim.window[1]}"
    first = "" if not len(poison) else f"; the first poison is row {worded(int(poison[0]), 'count')}"
    return Lines(
        name="signal",
        x=Axis(label="rows learned from"),
        y=Axis(label=f"{name}: signal"),
        series=tuple(series),
        spans=None if victim.window is None else column([victim.window]),
        span_label="blamed",
        ticks=column(poison) if len(poison) else None,
        tick_label="poison",
        caption=f"The signal along the stream in the first repeat. {name} blames {blamed}{first}.",
        alt=f"The signal along the stream. {name} blames {blamed}{first}.",
    )
