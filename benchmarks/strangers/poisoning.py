"""The poison of a network: the choice of trigger, target and rate, and the changed training rows."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.strangers.kinds import CHANNELS, CLASSES, KINDS, SIDE
from benchmarks.strangers.rows import Rows
from benchmarks.strangers.triggers import stamped

Poison = dict[str, Any]
"""A poison as plain values: `kind`, `rate`, `cover`, and `backdoors`, each with `target`, `source` and `trigger`."""
CLEAN_ROLE, POISON_ROLE, COVER_ROLE = 0, 1, 2


def drawn_poison(kind_name: str, data: str, seed: int) -> Poison:
    """Return a random poison of a kind.

    Args:
        kind_name: the name of the kind.
        data: the name of the data set.
        seed: the seed of all choices.
    """
    kind, draw = KINDS[kind_name], np.random.default_rng(seed)
    classes = [int(each) for each in draw.permutation(CLASSES)]
    backdoors = [
        {
            "target": classes[2 * number],
            "source": classes[2 * number + 1] if kind.rows == "source" else None,
            "trigger": kind.trigger(draw, CHANNELS[data], SIDE[data]),
        }
        for number in range(kind.backdoors)
    ]
    low, high = np.log(kind.first_rates(data))
    rate = round(float(np.exp(draw.uniform(low, high))), 4)
    return {"kind": kind_name, "rate": rate, "cover": kind.cover, "backdoors": backdoors}


def with_rate(poison: Poison, factor: float) -> Poison:
    """Return a poison with a higher rate, up to the largest rate of its kind."""
    return {**poison, "rate": round(min(KINDS[poison["kind"]].max_rate, poison["rate"] * factor), 4)}


def poisoned(rows: Rows, poison: Poison, seed: int) -> tuple[Rows, Tensor]:
    """Return the training rows with the poison, and the role of each row (n,): clean, poisoned or cover.

    The rows keep their order and number. The poisoned rows of several backdoors are different rows. If fewer rows can
    be poisoned than the rate requires, all of them are.
    """
    kind, random = KINDS[poison["kind"]], torch.Generator().manual_seed(seed)
    x, y, roles = rows.x.clone(), rows.y.clone(), torch.zeros(len(rows.y), dtype=torch.int64)
    count = max(1, round(poison["rate"] * len(y) / len(poison["backdoors"])))
    for backdoor in poison["backdoors"]:
        target, trigger = backdoor["target"], backdoor["trigger"]
        chosen = _taken((roles == CLEAN_ROLE) & _eligible(rows.y, kind.rows, backdoor), count, random)
        roles[chosen] = POISON_ROLE
        x[chosen] = stamped(trigger, rows.x[chosen], seed=seed, use="poison")
        y[chosen] = target
        if poison["cover"]:
            others = rows.y != (target if backdoor["source"] is None else backdoor["source"])
            cover = _taken((roles == CLEAN_ROLE) & others, round(count * poison["cover"]), random)
            roles[cover] = COVER_ROLE
            x[cover] = stamped(trigger, rows.x[cover], seed=seed + 1, use="cover")
    return Rows(x, y), roles


def _eligible(y: Tensor, rows: str, backdoor: dict[str, Any]) -> Tensor:
    source, target = backdoor["source"], int(backdoor["target"])
    if rows == "source":
        return torch.eq(y, source)
    return torch.eq(y, target) if rows == "target" else torch.ne(y, target)


def _taken(eligible: Tensor, count: int, random: torch.Generator) -> Tensor:
    positions = eligible.nonzero()[:, 0]
    return positions[torch.randperm(len(positions), generator=random)[:count]]
