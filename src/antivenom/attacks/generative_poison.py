"""The generative method."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from antivenom.attacks._by_round import with_charts_by_round
from antivenom.attacks._generator import Architecture, Generator, pretrained
from antivenom.attacks._one_step import Functional, Objective, OneByOne, general_objective, objective_for
from antivenom.attacks._victim_step import frozen_copy
from antivenom.attacks._victim_step_attack import VictimStepAttack
from antivenom.data import Dataset, Poisoned
from antivenom.errors import DataError, SettingsError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, Positive, component
from antivenom.shapes import Inputs, Labels, Positions, Rows
from antivenom.trial import Trial


@component
class GenerativePoison(VictimStepAttack):
    """Rows with a wrong label, made by an autoencoder that learns from what its poison does to the victim.

    Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks* (2017). The generator is first
    trained to give back its input. Then it makes poison for a batch of rows, the victim takes one step on each, and
    what that does is fed back; the victim is restored after every round, the generator is not. Once trained, it
    poisons rows that it never saw in one forward pass: `train_generator` returns it, and `generator` names a saved one.

    Args:
        feedback: `gradient` gives the generator the exact derivative of the attacker's objective; `sign` is the
            paper's: the sign of the normal rows' summed input gradient, turned round when the loss has fallen.
        rounds: how many updates of the generator for each batch of rows.
        batch_size: rows that an update learns from; the paper's is 1.
        generator_learning_rate: the update's step: Adam's for `gradient`, plain descent's for `sign`.
        architecture: `dense`, or `convolutional` for images.
        hidden: the widths of its hidden layers, [200, 200] if null, or its convolutions' filters, [32, 64] if null.
        pretraining: batches of 128 rows that it learns to give back first.
        generator: a file that a trained generator was saved in: nothing is trained then, and there are no rounds.

    Raises:
        SettingsError: settings that contradict each other or the data, or too few rows.
        CapabilityError: no surrogate, or one without gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> train = load("digits").train
    >>> victim = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> attack = GenerativePoison(count=20, hidden=(32, 32), pretraining=50)
    >>> attack.poison(train, rng=Rng(0), surrogate=victim).x.shape
    torch.Size([20, 1, 8, 8])
    """

    trial = Trial(settings={"hidden": (16,), "pretraining": 20, "rounds": 3})

    feedback: Literal["gradient", "sign"] = "gradient"
    rounds: AtLeastOne = 10
    batch_size: AtLeastOne = 64
    generator_learning_rate: Positive = 0.005
    architecture: Architecture = "dense"
    hidden: tuple[AtLeastOne, ...] | None = None
    pretraining: Count = 1000
    generator: str | None = None

    def files(self) -> tuple[Path, ...]:
        """The saved generator: its bytes are part of what is made with it."""
        return () if self.generator is None else (Path(self.generator),)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with generated rows in it."""
        return self.train_generator(data, rng=rng, surrogate=surrogate)[1]

    def train_generator(
        self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None
    ) -> tuple[Generator, Poisoned]:
        """The generator, and the data with the rows that it made in it.

        Raises:
            SettingsError, CapabilityError: as `poison`.
        """
        rows, others = self.choose(data, rng), self.normal_rows(data, rng)
        victim = frozen_copy(surrogate, "GenerativePoison")
        objective = objective_for(victim, self.victim_step, others.inputs(), others.y, attack="GenerativePoison")
        y = self.labels(data.inputs(rows), data.y[rows], len(data.classes), objective)
        if self.generator is not None:
            generator = self._load_generator(data)
            final = data.encode(generator.poison(data.inputs(rows)).clone())
            rounds = final.unsqueeze(1)
        else:
            generator = pretrained(
                data, self.architecture, self._sizes, steps=self.pretraining, rng=rng.child("generator")
            )
            back = partial(_exact_feedback, objective)
            if self.feedback == "sign":
                back = partial(_sign_feedback, general_objective(victim, self.victim_step, others.inputs(), others.y))
            rounds = self._rounds(generator, data, rows, y, back)
            final = rounds[:, -1]
        history = rounds if self.keep_rounds else None
        made = self.contribute(data, rows, x=final, y=y, goal=Availability(), rounds=history)
        return generator, with_charts_by_round(made, victim, self.victim_step, rng)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        yield from super().problems(data)
        try:
            if self.generator is not None:
                self._load_generator(data)
            else:
                with torch.device("meta"):
                    Generator(data.shape, data.bounds, self.architecture, self._sizes)
        except (DataError, SettingsError) as error:
            yield f"cannot make its generator: {error}"

    @property
    def _sizes(self) -> tuple[int, ...]:
        usual = {"dense": (200, 200), "convolutional": (32, 64)}
        return usual[self.architecture] if self.hidden is None else self.hidden

    def _load_generator(self, data: Dataset) -> Generator:
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
        history = data.x.new_empty(len(rows), self.rounds, *data.shape)
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
                history[part, number] = data.encode(poison.detach().clone())
        return history


def _exact_feedback(objective: Objective, x: Inputs, y: Labels, before: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    """What goes back into the generator (m, *shape), to be descended: the derivative; and the objective (m)."""
    values, gradients = objective.gradients(x, y)
    return -gradients / len(x), values


def _sign_feedback(
    objective: Functional | OneByOne, x: Inputs, y: Labels, before: Tensor | None
) -> tuple[Tensor, Tensor]:
    """As `_exact_feedback`: the sign of the normal rows' summed gradient, turned round where the objective has fallen."""
    values, gradients = objective.normal_gradients(x, y)
    rose = torch.sign(values - (torch.zeros_like(values) if before is None else before))
    return -gradients.sign() * rose.view(-1, *(1 for _ in x.shape[1:])), values
