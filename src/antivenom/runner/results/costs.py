"""The costs of cells: the wall time of their stages by kind."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antivenom.errors import RunError
from antivenom.settings import short

MAX_STAGES = 1_000_000


@dataclass(frozen=True)
class Cost:
    """The cost of several stages.

    Args:
        seconds: the wall time of all of them, including reading from the store.
        stages: the number of stages.
        stored: the number of stages that were read from the store.
    """

    seconds: float = 0.0
    stages: int = 0
    stored: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.seconds + other.seconds, self.stages + other.stages, self.stored + other.stored)

    @property
    def stored_share(self) -> float | None:
        """The share of the stages that were read from the store; None without stages."""
        return self.stored / self.stages if self.stages else None


def costs_of(about: Mapping[str, Any], file: Path) -> dict[str, Cost]:
    """Return the cost of each kind of stage, such as `fit`, in the order in which the kinds first ran.

    Args:
        about: the manifest of a run. Without `stages`, there are no costs.
        file: its path, for messages.

    Raises:
        RunError: `stages` is damaged.

    >>> stages = [{"stage": f"fit {who}", "seconds": 1.5, "stored": who == "control"} for who in ("victim", "control")]
    >>> costs_of({"stages": stages}, Path("manifest.json"))
    {'fit': Cost(seconds=3.0, stages=2, stored=1)}
    """
    stages = about.get("stages", [])
    if not isinstance(stages, list) or len(stages) > MAX_STAGES:
        raise RunError(f"{file}: stages must be a list; got {short(stages)}.")
    costs: dict[str, Cost] = {}
    for stage in stages:
        kind, seconds = _checked(stage, file)
        costs[kind] = costs.get(kind, Cost()) + Cost(seconds, 1, int(stage.get("stored") is True))
    return costs


def total_of(costs: Mapping[str, Cost]) -> Cost:
    """Return the sum of all costs."""
    return sum(costs.values(), Cost())


def cost_rows(rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Cost]]]) -> Iterator[dict[str, Any]]:
    """Yield the row of each cell in `costs.csv`: seconds, stages and stored stages of each kind and in total.

    Args:
        rows: the first columns and the costs of each cell.
    """
    kinds = list(dict.fromkeys(kind for _, costs in rows for kind in costs))
    for first, costs in rows:
        row = dict(first)
        for kind in kinds:
            row |= _columns(f"{kind}.", costs.get(kind, Cost()))
        yield row | _columns("", total_of(costs))


def _columns(prefix: str, cost: Cost) -> dict[str, Any]:
    return {
        f"{prefix}seconds": round(cost.seconds, 3),
        f"{prefix}stages": cost.stages,
        f"{prefix}stored": cost.stored,
    }


def _checked(stage: object, file: Path) -> tuple[str, float]:
    """Return the kind of a stage, which is its first word, and its seconds."""
    if isinstance(stage, dict):
        name, seconds = stage.get("stage"), stage.get("seconds")
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if isinstance(name, str) and is_number and 0 <= float(seconds or 0) < math.inf:
            return name.partition(" ")[0], float(seconds or 0)
    raise RunError(f"{file}: a stage must have a name and its seconds; got {short(stage)}.")
