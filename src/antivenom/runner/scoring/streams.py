"""The referee of defences that look back along a stream."""

import numpy as np
import torch
from torch import Tensor

from antivenom.data import Dataset, Goal
from antivenom.defences import StreamDefence
from antivenom.metrics import accuracy
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.runner.scoring.detectors import Found
from antivenom.shapes import Chosen

NEAR = 100
"""A window is right if it begins within so many rows of the first of the attacker's."""


def look_back(
    defences: dict[str, StreamDefence],
    paths: tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]],
    attacked: Chosen,
    goal: Goal,
    test: Dataset,
    clean: Dataset,
    rng: Rng,
) -> Found:
    """What each defence says of the victim's stream, and of the control's, held against the truth.

    `defence.NAME.alarm` and `.false_alarm`, on the control's stream, are 1 or 0; `.right` is 1 where the window begins
    near the attacker's first row; `.regained` is the accuracy of the checkpoint gone back to, less the victim's;
    `.success_left` is the attack's success on it; `.clean_rows_lost` is the share of the stream's clean rows that it
    never saw.

    Args:
        defences: by name.
        paths: victim's and control's checkpoints.
        attacked: whether each row of the stream, in its order, is the attacker's (n).
        goal: what the attacker wants.
        test: rows to measure on.
        clean: the defender's.
        rng: each defence draws from a child of it.
    """
    values: dict[str, float | None] = {}
    windows, signals = [], []
    came = torch.nonzero(attacked).flatten()
    for name, defence in defences.items():
        said, twin = (defence.blame(path, clean, rng=rng.child(name)) for path in paths)
        back, last = said.back, paths[0][-1]
        lost = int((~attacked[back.rows :]).sum()) / max(1, int((~attacked).sum()))
        right = None
        if len(came):
            right = float(said.window is not None and abs(said.window[0] - int(came[0])) <= NEAR)
        values |= {
            f"defence.{name}.alarm": float(said.window is not None),
            f"defence.{name}.false_alarm": float(twin.window is not None),
            f"defence.{name}.right": right,
            f"defence.{name}.regained": accuracy(back.classifier, test) - accuracy(last.classifier, test),
            f"defence.{name}.success_left": goal.success(back.classifier, test),
            f"defence.{name}.clean_rows_lost": lost,
        }
        windows.append(said.window or (-1, -1))
        signals.append(torch.stack([said.signal, twin.signal]).cpu())
    rows: Tensor = torch.tensor([each.rows for each in paths[0]])
    return Found(
        values,
        {
            "blame_names": np.array(list(defences)),
            "blame_rows": rows.numpy(),
            "blame_signals": torch.stack(signals).numpy(),
            "blame_windows": np.array(windows),
        },
    )
