"""What attacks on a victim's training step share: whom they harm, by which step, with which labels."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeVar

import torch

from antivenom.attacks._one_step import Objective
from antivenom.attacks._victim_step import VictimStep
from antivenom.attacks.budget import PoisonBudget, unknown_classes
from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, NonNegative, Positive, component
from antivenom.shapes import Inputs, Labels

T = TypeVar("T", bound="VictimStepAttack")
LabelRule = Literal["next", "fixed", "worst"]


@component
class VictimStepAttack(PoisonBudget):
    """Poison for one step of gradient descent, which a victim takes on each row.

    Args:
        normals: the number of clean rows whose loss is to rise, drawn from the data.
        victim_learning_rate: the victim's step.
        bias_rate_factor: biases are stepped at so many times that rate; the original's victim doubles it.
        label: the poison's label: the `next` class, `fixed` to `target`, or the `worst`, whose flip harms most.
        target: the label for `fixed`.
        keep_rounds: whether the poison after every round is history, and charts by round are made.
    """

    needs = frozenset({"surrogate", "gradients"})

    normals: AtLeastOne = 10
    victim_learning_rate: Positive = 0.05
    bias_rate_factor: NonNegative = 2.0
    label: LabelRule = "next"
    target: Count | None = None
    keep_rounds: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.label == "fixed") != (self.target is not None):
            got = f"{self.label!r} and {self.target}"
            raise SettingsError([f"{type(self).__name__}.target goes with label 'fixed'; got {got}."])

    @property
    def victim_step(self) -> VictimStep:
        """The step that the poison is made for."""
        return VictimStep(self.victim_learning_rate, self.bias_rate_factor)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        yield from unknown_classes(data, target=self.target)
        if self.normals > len(data):
            yield f"needs {self.normals} normal rows; the data has {len(data)}."
        if len(data.classes) < 2:
            yield "needs at least two classes."
        yield from super().problems(data)

    def keeping_rounds(self: T) -> T:
        """The same attack, which keeps the poison after every round."""
        return replace(self, keep_rounds=True)

    def normal_rows(self, data: Dataset, rng: Rng) -> Dataset:
        """The clean rows whose loss is to rise."""
        return data.subset(rng.child("normals").order(data.ids)[: self.normals])

    def labels(self, base: Inputs, true: Labels, classes: int, objective: Objective | None) -> Labels:
        """The poison's labels (m); for the `worst`, by the objective that each flip of a base row alone has."""
        if self.label == "next" or not len(true):
            return (true + 1) % classes
        if self.label == "fixed":
            return torch.full_like(true, self.target or 0)
        assert objective is not None
        harm = torch.stack([objective.values(base, torch.full_like(true, label)) for label in range(classes)], 1)
        return harm.scatter(1, true.unsqueeze(1), -torch.inf).argmax(1)
