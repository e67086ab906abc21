"""The attack's protocol, and how many rows an attack may take, which all attacks settle in the same way."""

from typing import Annotated, Literal, Protocol, runtime_checkable

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset, Goal, Poisoned
from antivenom.errors import SettingsError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Positions

Mode = Literal["replace", "append"]
"""Whether the attacker's rows take the place of others or come after them."""

OptionalRate = Annotated[float, Interval(ge=0, le=1)] | None
OptionalCount = Annotated[int, Interval(ge=0)] | None


@runtime_checkable
class Attack(Protocol):
    """A way to poison data: a component, such as `BadNets`.

    An attack may also have `problems(data)`, which yields what is wrong with its settings for that data, in sentences
    that start with a verb; the referee asks it before anything runs.
    """

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with the attacker's rows in it; `data` itself is untouched.

        Raises:
            SettingsError: the settings do not fit the data.
        """


def settle_rate(attack: object, default: float = 0.1) -> None:
    """Hold `rate` against `count`: one of them is given, or `rate` takes its default.

    Raises:
        SettingsError: both are given, or a rate of 1 where rows are appended.
    """
    rate, count, mode = (getattr(attack, name) for name in ("rate", "count", "mode"))
    name = type(attack).__name__
    if rate is not None and count is not None:
        raise SettingsError([f"{name}.rate and count say the same thing; give one. Got {rate} and {count}."])
    if rate is None and count is None:
        object.__setattr__(attack, "rate", default)
    if mode == "append" and rate == 1:
        raise SettingsError([f"{name}.rate must be below 1 where rows are appended; got 1."])


def how_many(data: Dataset, rate: float | None, count: int | None, mode: Mode) -> int:
    """How many rows the attacker contributes; `rate` is their share of the final training set.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> how_many(train, 0.1, None, "replace"), how_many(train, 0.1, None, "append")
    (135, 150)
    """
    if count is not None or rate is None:
        return count or 0
    share = rate if mode == "replace" else rate / (1 - rate)
    return round(share * len(data))


def shortage(eligible: Chosen, wanted: int) -> str | None:
    """What to say where fewer rows are eligible than wanted."""
    there = int(eligible.sum())
    if there >= wanted:
        return None
    return f"wants {wanted} rows, but only {there} of {len(eligible)} are eligible. Lower its rate or count."


def choose(data: Dataset, eligible: Chosen, wanted: int, rng: Rng) -> Positions:
    """Positions of `wanted` eligible rows, drawn by id: a higher rate takes the same rows and more.

    Raises:
        SettingsError: too few rows are eligible.
    """
    if short := shortage(eligible, wanted):
        raise SettingsError([f"The attack {short}"])
    order = rng.order(data.ids)
    return torch.sort(order[eligible[order]][:wanted]).values


def everything(data: Dataset) -> Chosen:
    """Every row is eligible."""
    return torch.ones(len(data), dtype=torch.bool, device=data.device)


def contribute(
    data: Dataset,
    rows: Positions,
    *,
    x: Tensor | None,
    y: Tensor | None,
    goal: Goal,
    mode: Mode,
    rounds: Tensor | None = None,
) -> Poisoned:
    """The rows made from `rows`, in their place or appended."""
    if mode == "replace":
        return Poisoned.replace(data, rows, x=x, y=y, goal=goal, rounds=rounds)
    return Poisoned.append(
        data,
        x=data.x[rows] if x is None else x,
        y=data.y[rows] if y is None else y,
        goal=goal,
        origin=rows,
        rounds=rounds,
    )
