"""What poisoning did to the features: victim against control, layer by layer."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bezoar.analysis import drift, probe_layers, similarity, studied_layers
from bezoar.data import Dataset, Poisoned
from bezoar.experiment.defend import Found
from bezoar.goals.backdoor import Backdoor
from bezoar.models import Classifier
from bezoar.rng import Rng

Analysis = Literal["similarity", "probes", "drift"]
PLACED = 2000
"""So many poisoned rows, at most, are placed between class centroids."""


def study(
    wanted: Sequence[Analysis], victim: Classifier, control: Classifier, poisoned: Poisoned, test: Dataset, rng: Rng
) -> Found:
    """The figures of each analysis, by layer, on the same clean test rows.

    `cka.LAYER`; `probe.LAYER` and `control_probe.LAYER`; `moved.LAYER` and `control_moved.LAYER`, how far poisoned rows
    have gone from their true class's centroid to the one that the attacker wants.
    """
    values: dict[str, float | None] = {}
    arrays: dict[str, NDArray[np.generic]] = {}
    both = {"": victim, "control_": control}
    if "similarity" in wanted:
        found = similarity(victim, control, test)
        values |= {f"cka.{name}": value for name, value in found.same.items()}
        arrays["similarity_matrix"] = found.matrix.numpy()
        arrays["similarity_victim"] = np.array(found.layers)
        arrays["similarity_control"] = np.array(found.others)
    if "probes" in wanted:
        for prefix, one in both.items():
            read = probe_layers(one, test, rng=rng.child("probes"))
            values |= {f"{prefix}probe.{name}": value for name, value in read.items()}
    if "drift" in wanted:
        rows, towards = placed(poisoned, test)
        for prefix, one in both.items():
            gone = drift(one, test, rows, towards)
            figures = zip(gone.layers, gone.moved.tolist(), strict=True)
            values |= {f"{prefix}moved.{name}": None if math.isnan(value) else value for name, value in figures}
    arrays["studied_layers"] = np.array(studied_layers(victim))
    return Found(values, arrays)


def placed(poisoned: Poisoned, test: Dataset) -> tuple[Dataset, Tensor]:
    """Rows with their true labels, and the class that each is pulled to.

    Test rows with the trigger, where there is one; else the attacker's own rows whose labels are not those of the rows
    they were made from.
    """
    goal = poisoned.goal
    if isinstance(goal, Backdoor):
        attacked = goal.victims(test)
        few = goal.triggered(attacked.subset(torch.arange(min(len(attacked), PLACED), device=test.device)))
        return few, torch.full_like(few.y, goal.target)
    known = poisoned.origin >= 0
    true = torch.where(known, poisoned.base.y[poisoned.origin.clamp_min(0)], poisoned.y)
    lying = torch.nonzero(true != poisoned.y).flatten()[:PLACED]
    rows = replace(poisoned.base, x=poisoned.x[lying], y=true[lying], ids=poisoned.ids[lying])
    return rows, poisoned.y[lying]
