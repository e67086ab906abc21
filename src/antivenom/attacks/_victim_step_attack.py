"""The base class of attacks that target one training step: the normal rows, the step and the labels."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeVar

import torch

from antivenom.attacks.budget import PoisonBudget, unknown_classes
from antivenom.attacks.one_step import Objective
from antivenom.attacks.victim_step import VictimStep
from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, ClassNumber, NonNegative, Positive, component
from antivenom.shapes import Inputs, Labels

T = TypeVar("T", bound="VictimStepAttack")
LabelRule = Literal["next", "fixed", "worst"]


@component
class VictimStepAttack(PoisonBudget):
    """Base class: poison that is crafted for one step of gradient descent, which the victim takes on each row.

    Args:
        normals: the number of normal rows: clean rows, drawn from the data, whose loss the attacker wants to raise.
        victim_learning_rate: the learning rate of the victim's step.
        bias_rate_factor: the learning rate of biases, as a multiple of `victim_learning_rate`. The victim in the
            paper's own code uses 2.
        label: the label of the poison: the `next` class, `fixed` to `target`, or the `worst`, which does most harm.
        target: the label if `label` is `fixed`.
        keep_rounds: whether to keep the poison of every round and to draw charts by round.
    """

    needs = frozenset({"surrogate", "gradients"})

    normals: AtLeastOne = 10
    victim_learning_rate: Positive = 0.05
    bias_rate_factor: NonNegative = 2.0
    label: LabelRule = "next"
    target: ClassNumber | None = None
    keep_rounds: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.label == "fixed") != (self.target is not None):
            got = f"label {self.label!r} and target {self.target}"
            raise SettingsError(
                [f"{type(self).__name__}.target must be set if and only if label is 'fixed'; got {got}."]
            )

    @property
    def victim_step(self) -> VictimStep:
        """The training step for which the poison is crafted."""
        return VictimStep(self.victim_learning_rate, self.bias_rate_factor)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data."""
        yield from unknown_classes(data, target=self.target)
        if self.normals > len(data):
            yield f"needs {self.normals} normal rows; the data has {len(data)} rows. Lower normals."
        if len(data.classes) < 2:
            yield f"needs at least 2 classes; the data has {len(data.classes)}."
        yield from super().problems(data)

    def keeping_rounds(self: T) -> T:
        """Return the same attack with `keep_rounds` set."""
        return replace(self, keep_rounds=True)

    def normal_rows(self, data: Dataset, rng: Rng) -> Dataset:
        """Return the normal rows: the clean rows whose loss the attacker wants to raise."""
        return data.subset(rng.child("normals").order(data.ids)[: self.normals])

    def labels(self, base: Inputs, true: Labels, classes: int, objective: Objective | None) -> Labels:
        """Return the labels of the poison (m). `worst` compares the objective of each label for each base row."""
        if self.label == "next" or not len(true):
            return (true + 1) % classes
        if self.label == "fixed":
            return torch.full_like(true, self.target or 0)
        assert objective is not None
        harm = torch.stack([objective.values(base, torch.full_like(true, label)) for label in range(classes)], 1)
        return harm.scatter(1, true.unsqueeze(1), -torch.inf).argmax(1)
