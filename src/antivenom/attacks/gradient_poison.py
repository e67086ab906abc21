"""The direct gradient method."""

from typing import Literal

import torch
from torch import Tensor

from antivenom.attacks._by_round import with_charts_by_round
from antivenom.attacks._crafting import Crafted, Norm
from antivenom.attacks._one_step import Objective, finite_differences, objective_for
from antivenom.attacks._unrolled import VictimPath
from antivenom.attacks._victim_step import VictimStep, frozen_copy
from antivenom.attacks._victim_step_attack import VictimStepAttack
from antivenom.data import Dataset, Poisoned
from antivenom.errors import SettingsError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier, ModuleClassifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, NonNegative, Positive, component
from antivenom.shapes import Inputs, Labels
from antivenom.trial import Trial


@component
class GradientPoison(VictimStepAttack):
    """Rows with a wrong label whose pixels climb the loss that a victim has after learning from them.

    Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks* (2017), the direct method. The
    gradient is exact: it is taken through the victim's training step, for many poisons at once; the paper's own, a
    probe of every pixel, is there for comparison. Each poison is made for one step from the surrogate's state, unless
    `horizon` or `recraft` follow the victim along the way.

    Args:
        gradient: `exact`, or `finite_difference`: a one-sided probe of every pixel.
        probe: the probe's size, for `finite_difference` alone; 0.01 if null.
        rounds: how many moves; the paper's is 5 of 0.2.
        step: a move of `step_size` along the gradient's `sign`, or along the `raw` gradient times `step_size`.
        step_size: as a share of the data's range.
        decay: whether the moves become smaller, down to none; a stealthy poison then settles at its limit.
        norm: the budget's norm around the base row, `linf` or `l2`; null for none.
        epsilon: the budget, as a share of the data's range.
        stealth: how much of the poison's own loss is taken off the objective: above 0 it evades a loss monitor.
        stealth_limit: the loss up to which nothing is taken off: what the attacker thinks a monitor lets pass.
        horizon: how many poisons are made together, for all the steps that the victim takes on them.
        between: clean rows, drawn from the data, that the victim learns from after each poison.
        recraft: whether each poison is made at the state the victim is in when it arrives.

    Raises:
        SettingsError: settings that contradict each other or the data, or too few rows.
        CapabilityError: no surrogate, or one without gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> train = load("digits").train
    >>> victim = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> poisoned = GradientPoison(count=20).poison(train, rng=Rng(0), surrogate=victim)
    >>> bool((poisoned.y == (train.y[poisoned.rows] + 1) % 10).all())
    True
    """

    trial = Trial(quick={"rate": 0.02})

    gradient: Literal["exact", "finite_difference"] = "exact"
    probe: Positive | None = None
    rounds: Count = 20
    step: Literal["sign", "raw"] = "sign"
    step_size: Positive = 0.1
    decay: bool = False
    norm: Norm | None = None
    epsilon: Positive | None = None
    stealth: NonNegative = 0.0
    stealth_limit: NonNegative = 0.0
    horizon: AtLeastOne = 1
    between: Count = 0
    recraft: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = []
        if self.probe is not None and self.gradient == "exact":
            problems.append("GradientPoison.probe is for gradient 'finite_difference'; 'exact' probes nothing.")
        if self.stealth_limit and not self.stealth:
            problems.append("GradientPoison.stealth_limit needs stealth, the weight of what lies above it.")
        if (self.norm is None) != (self.epsilon is None):
            problems.append(f"GradientPoison.norm and epsilon go together; got {self.norm} and {self.epsilon}.")
        if self.follows and self.gradient == "finite_difference":
            problems.append("GradientPoison.gradient must be 'exact' where horizon or recraft follow the victim.")
        if self.between and not self.follows:
            problems.append("GradientPoison.between is for a horizon above 1 or recraft, which follow the victim.")
        if self.follows and self.label == "worst":
            problems.append("GradientPoison.label 'worst' is not for a horizon above 1 or recraft.")
        if problems:
            raise SettingsError(problems)

    @property
    def follows(self) -> bool:
        """Whether the victim's path is followed from poison to poison."""
        return self.recraft or self.horizon > 1

    @property
    def victim_step(self) -> VictimStep:
        """The step that the poison is made for."""
        return VictimStep(self.victim_learning_rate, self.bias_rate_factor, self.stealth, self.stealth_limit)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with crafted rows in it."""
        rows, others, classes = self.choose(data, rng), self.normal_rows(data, rng), len(data.classes)
        victim, normal = frozen_copy(surrogate, "GradientPoison"), others.inputs()
        crafted = Crafted(data, rows, self.norm, self.epsilon)
        history = []
        if self.follows:
            y = self.labels(crafted.base, data.y[rows], classes, None)
            history = self._craft_along_path(crafted, y, victim, (normal, others.y), data, rng)
        else:
            objective = objective_for(victim, self.victim_step, normal, others.y, attack="GradientPoison")
            y = self.labels(crafted.base, data.y[rows], classes, objective)
            for number in range(self.rounds):
                crafted.move(self._move(self._gradients(objective, crafted.decoded(), y), data, number))
                history += [crafted.stored()] if self.keep_rounds else []
        rounds = torch.stack(history, 1) if history else None
        made = self.contribute(data, rows, x=crafted.stored(), y=y, goal=Availability(), rounds=rounds)
        return with_charts_by_round(made, victim, self.victim_step, rng)

    def _gradients(self, objective: Objective, x: Inputs, y: Labels) -> Tensor:
        if not len(x):
            return torch.zeros_like(x)
        if self.gradient == "exact":
            return objective.gradients(x, y)[1]
        return finite_differences(objective.values, x, y, probe=self.probe or 0.01)

    def _move(self, gradients: Tensor, data: Dataset, number: int) -> Tensor:
        low, high = data.bounds or (0.0, 1.0)
        size = self.step_size * (high - low) * (1 - number / self.rounds if self.decay else 1)
        return (gradients.sign() if self.step == "sign" else gradients) * size

    def _craft_along_path(
        self,
        crafted: Crafted,
        y: Labels,
        victim: ModuleClassifier,
        normal: tuple[Tensor, Tensor],
        data: Dataset,
        rng: Rng,
    ) -> list[Tensor]:
        """Craft windows of poisons at the victim's own state, and let it learn from them; what is history by round."""
        weights, count = victim.weights(), len(y)
        keys = rng.child("between").keys(torch.arange(count * self.between, device=data.device)) % len(data)
        clean_x = data.inputs(keys).view(count, self.between, *data.shape)
        clean_y = data.y[keys].view(count, self.between)
        history = [crafted.stored() for _ in range(self.rounds)] if self.keep_rounds else []
        stride = 1 if self.recraft else self.horizon
        for first in range(0, count, stride):
            window = slice(first, min(first + self.horizon, count))

            def path(window: slice = window) -> VictimPath:
                return VictimPath(
                    victim, self.victim_step, crafted.decoded(window), y[window], clean_x[window], clean_y[window]
                )

            for number in range(self.rounds):
                gradients = path().gradients(weights, *normal)[1]
                crafted.move(self._move(gradients, data, number), window)
                if history:
                    history[number][window] = crafted.stored(window)
            weights = path().weights_after(weights, min(stride, count - first))
        return history
