"""The generative method."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from bezoar.attacks._attack import (
    Mode,
    OptionalCount,
    OptionalRate,
    choose,
    contribute,
    everything,
    how_many,
    settle_rate,
    shortage,
)
from bezoar.attacks._crafting import labels_for
from bezoar.attacks._generator import Architecture, Generator, pretrained
from bezoar.attacks._one_step import (
    Functional,
    Objective,
    OneByOne,
    VictimStep,
    general_objective,
    objective_for,
    with_gradients,
)
from bezoar.data import Dataset, Poisoned
from bezoar.errors import DataError, SettingsError
from bezoar.goals.availability import Availability
from bezoar.models import Classifier
from bezoar.rng import Rng
from bezoar.settings import AtLeastOne, Count, NonNegative, Positive, component
from bezoar.shapes import Inputs, Labels, Positions, Rows


@component
class GenerativePoison:
    """Rows with a wrong label, made by an autoencoder that learns from what its poison does to the victim.

    Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks* (2017). The generator is first
    trained to give back its input. Then it makes poison for a batch of rows, the victim takes one step on each, and
    what that does is fed back; the victim is restored after every round, the generator is not. Once trained, it
    poisons rows that it never saw in one forward pass: `train` returns it, and `generator` names a saved one.

    Args:
        rate: the poisoned share of the final training set; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        mode: whether a poison replaces the row it is made from, or is appended.
        feedback: `gradient` gives the generator the exact derivative of the attacker's objective; `sign` is the
            paper's: the sign of the normal rows' summed input gradient, turned round when the loss has fallen.
        rounds: how many updates of the generator for each batch of rows.
        batch_size: rows that an update learns from; the paper's is 1.
        generator_learning_rate: the update's step: Adam's for `gradient`, plain descent's for `sign`.
        architecture: `dense`, or `convolutional` for images.
        hidden: the widths of its hidden layers, [200, 200] if null, or its convolutions' filters, [32, 64] if null.
        pretraining: batches of 128 rows that it learns to give back first.
        generator: a file that a trained generator was saved in: nothing is trained then, and there are no rounds.
        normals: the number of clean rows whose loss is to rise, drawn from the data.
        victim_learning_rate: the victim's step.
        bias_rate_factor: biases are stepped at so many times that rate; the original's victim doubles it.
        label: the poison's label: the `next` class, `fixed` to `target`, or the `worst`, whose flip harms most.
        target: the label for `fixed`.
        keep_rounds: whether the poison after every round is kept.

    Raises:
        SettingsError: settings that contradict each other or the data, or too few rows.
        CapabilityError: no surrogate, or one without gradients.

    >>> from bezoar.data.sources import load
    >>> from bezoar.models import MLP
    >>> train = load("digits").train
    >>> victim = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> attack = GenerativePoison(count=20, hidden=(32, 32), pretraining=50)
    >>> attack.poison(train, rng=Rng(0), surrogate=victim).x.shape
    torch.Size([20, 1, 8, 8])
    """

    needs = frozenset({"surrogate"})

    rate: OptionalRate = None
    count: OptionalCount = None
    mode: Mode = "replace"
    feedback: Literal["gradient", "sign"] = "gradient"
    rounds: AtLeastOne = 10
    batch_size: AtLeastOne = 64
    generator_learning_rate: Positive = 0.005
    architecture: Architecture = "dense"
    hidden: tuple[AtLeastOne, ...] | None = None
    pretraining: Count = 1000
    generator: str | None = None
    normals: AtLeastOne = 10
    victim_learning_rate: Positive = 0.05
    bias_rate_factor: NonNegative = 2.0
    label: Literal["next", "fixed", "worst"] = "next"
    target: Count | None = None
    keep_rounds: bool = False

    def __post_init__(self) -> None:
        settle_rate(self)
        if (self.label == "fixed") != (self.target is not None):
            got = f"{self.label!r} and {self.target}"
            raise SettingsError([f"GenerativePoison.target goes with label 'fixed'; got {got}."])

    def files(self) -> tuple[Path, ...]:
        """The saved generator: its bytes are part of what is made with it."""
        return () if self.generator is None else (Path(self.generator),)

    @property
    def victim_step(self) -> VictimStep:
        """The step that the poison is made for."""
        return VictimStep(self.victim_learning_rate, self.bias_rate_factor)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with generated rows in it."""
        return self.train(data, rng=rng, surrogate=surrogate)[1]

    def train(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> tuple[Generator, Poisoned]:
        """The generator, and the data with the rows that it made in it.

        Raises:
            SettingsError, CapabilityError: as `poison`.
        """
        if problems := list(self.problems(data)):
            raise SettingsError(f"GenerativePoison {problem}" for problem in problems)
        wanted = how_many(data, self.rate, self.count, self.mode)
        rows = choose(data, everything(data), wanted, rng.child("rows"))
        victim = with_gradients(surrogate, "GenerativePoison")
        others = data.subset(rng.child("normals").order(data.ids)[: self.normals])
        step = self.victim_step
        objective = objective_for(victim, step, others.inputs(), others.y, attack="GenerativePoison")
        true, classes = data.y[rows], len(data.classes)
        harm = None
        if self.label == "worst" and wanted:
            base = data.inputs(rows)
            harm = torch.stack([objective.values(base, torch.full_like(true, one)) for one in range(classes)], 1)
        y = labels_for(self.label, true, classes, self.target, harm) if wanted else true
        if self.generator is not None:
            generator = self._loaded(data)
            final = data.encode(generator.poison(data.inputs(rows)).clone())
            rounds = final.unsqueeze(1)
        else:
            generator = pretrained(
                data, self.architecture, self._sizes, steps=self.pretraining, rng=rng.child("generator")
            )
            slow = general_objective(victim, step, others.inputs(), others.y)
            rounds = self._rounds(generator, data, rows, y, partial(self._feedback, objective, slow))
            final = rounds[:, -1]
        kept = rounds if self.keep_rounds else None
        return generator, contribute(data, rows, x=final, y=y, goal=Availability(), mode=self.mode, rounds=kept)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        if self.target is not None and self.target >= len(data.classes):
            yield f"has target {self.target}, but the classes are 0 to {len(data.classes) - 1}."
        if self.normals > len(data):
            yield f"wants {self.normals} normal rows; the data has {len(data)}."
        if len(data.classes) < 2:
            yield "needs at least two classes."
        if short := shortage(everything(data), how_many(data, self.rate, self.count, self.mode)):
            yield short
        try:
            if self.generator is not None:
                self._loaded(data)
            else:
                with torch.device("meta"):
                    Generator(data.shape, data.bounds, self.architecture, self._sizes)
        except (DataError, SettingsError) as error:
            yield f"cannot make its generator: {error}"

    @property
    def _sizes(self) -> tuple[int, ...]:
        return (
            self.hidden
            if self.hidden is not None
            else {"dense": (200, 200), "convolutional": (32, 64)}[self.architecture]
        )

    def _loaded(self, data: Dataset) -> Generator:
        generator = Generator.load(str(self.generator))
        if (generator.shape, generator.bounds) != (data.shape, data.bounds):
            raise DataError(
                f"{self.generator} is for rows of {generator.shape} in {generator.bounds}; "
                f"the data's are {data.shape} in {data.bounds}."
            )
        return generator.to(data.device)

    def _rounds(
        self,
        generator: Generator,
        data: Dataset,
        rows: Positions,
        y: Labels,
        feedback: Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]],
    ) -> Rows:
        """The rows after every round (m, rounds, *shape), as they are stored; the generator is trained in place."""
        kinds = {"gradient": torch.optim.Adam, "sign": torch.optim.SGD}
        optimizer = kinds[self.feedback](generator.parameters(), lr=self.generator_learning_rate)
        kept = data.x.new_empty(len(rows), self.rounds, *data.shape)
        for part in torch.arange(len(rows), device=data.device).split(self.batch_size):
            base = data.inputs(rows[part])
            poison, before = generator(base), None
            for number in range(self.rounds):
                seen = data.decode(data.encode(poison.detach().clone()))
                back, before = feedback(seen, y[part], before)
                optimizer.zero_grad()
                poison.backward(back)
                optimizer.step()
                poison = generator(base)
                kept[part, number] = data.encode(poison.detach().clone())
        return kept

    def _feedback(
        self, objective: Objective, paper: Functional | OneByOne, x: Inputs, y: Labels, before: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What goes back into the generator's output (m, *shape), to be descended; the objective (m)."""
        if self.feedback == "gradient":
            values, slopes = objective.gradients(x, y)
            return -slopes / len(x), values
        values, slopes = paper.normal_slopes(x, y)
        rose = torch.sign(values - (torch.zeros_like(values) if before is None else before))
        return -slopes.sign() * rose.view(-1, *(1 for _ in x.shape[1:])), values
