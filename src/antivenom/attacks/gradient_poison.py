"""The direct gradient attack."""

from typing import Literal

import torch
from torch import Tensor

from antivenom.attacks._victim_step_attack import VictimStepAttack
from antivenom.attacks.by_round import with_charts_by_round
from antivenom.attacks.crafting import Crafted, Norm
from antivenom.attacks.one_step import Objective, finite_differences, objective_for
from antivenom.attacks.unrolled import Unrolled
from antivenom.attacks.victim_step import VictimStep, frozen_copy
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
    """Rows with a wrong label, whose pixels maximise the loss of a victim after one step on them.

    Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks* (2017), the direct method. The
    gradient is exact: it is taken through the training step of the victim, for many poisons at once. The paper's
    finite differences, one for each pixel, are available for comparison. Each poison is crafted for one step from the
    state of the surrogate, unless `horizon` or `recraft` follow the victim from poison to poison.

    Args:
        gradient: `exact`, or `finite_difference`: a one-sided difference for every pixel.
        probe: the size of the difference, only for `finite_difference`; 0.01 if null.
        rounds: the number of moves. The paper uses 5 moves of 0.2.
        step: the direction of a move: the `sign` of the gradient, or the `raw` gradient, times `step_size`.
        step_size: the size of a move, as a share of the data's range.
        decay: whether the moves shrink linearly towards zero. Stealthy poison then settles at its limit.
        norm: the norm of the budget around the base row, `linf` or `l2`, or null for no budget.
        epsilon: the budget, as a share of the data's range.
        stealth: the weight of the poison's own loss, which is subtracted from the objective. Above 0, the poison
            evades a loss monitor.
        stealth_limit: the loss up to which nothing is subtracted: the loss that the attacker expects a monitor to
            accept.
        horizon: the number of poisons that are crafted together, for all steps of the victim on them.
        between: the number of clean rows, drawn from the data, that the victim learns from after each poison.
        recraft: whether each poison is crafted for the state of the victim when the poison arrives.

    Raises:
        SettingsError: the settings contradict each other or the data, or too few rows are eligible.
        CapabilityError: the surrogate is missing, or does not provide gradients.

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
            problems.append("GradientPoison.probe requires gradient 'finite_difference'; got 'exact'. Remove probe.")
        if self.stealth_limit and not self.stealth:
            problems.append("GradientPoison.stealth_limit requires stealth above 0; got stealth 0.")
        if (self.norm is None) != (self.epsilon is None):
            problems.append(f"GradientPoison needs both norm and epsilon; got {self.norm} and {self.epsilon}.")
        if self.follows and self.gradient == "finite_difference":
            problems.append("GradientPoison.gradient must be 'exact' with recraft or a horizon above 1.")
        if self.between and not self.follows:
            problems.append("GradientPoison.between requires recraft or a horizon above 1; got neither.")
        if self.follows and self.label == "worst":
            problems.append("GradientPoison.label must not be 'worst' with recraft or a horizon above 1.")
        if problems:
            raise SettingsError(problems)

    @property
    def follows(self) -> bool:
        """True if the attack follows the victim from poison to poison."""
        return self.recraft or self.horizon > 1

    @property
    def victim_step(self) -> VictimStep:
        """The training step for which the poison is crafted."""
        return VictimStep(self.victim_learning_rate, self.bias_rate_factor, self.stealth, self.stealth_limit)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """Return the data with crafted rows."""
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
        poisoned = self.contribute(data, rows, x=crafted.stored(), y=y, goal=Availability(), rounds=rounds)
        return with_charts_by_round(poisoned, victim, self.victim_step, rng)

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
        """Craft the poisons in windows while the victim learns from them, and return the rounds to keep."""
        weights, count = victim.weights(), len(y)
        keys = rng.child("between").keys(torch.arange(count * self.between, device=data.device)) % len(data)
        keys = keys.view(count, self.between)
        history = [crafted.stored() for _ in range(self.rounds)] if self.keep_rounds else []
        stride = 1 if self.recraft else self.horizon
        for first in range(0, count, stride):
            window = slice(first, min(first + self.horizon, count))
            drawn = keys[window]
            clean = data.inputs(drawn.flatten()).view(*drawn.shape, *data.shape), data.y[drawn]

            def path(window: slice = window, clean: tuple[Tensor, Tensor] = clean) -> Unrolled:
                return Unrolled(victim, self.victim_step, crafted.decoded(window), y[window], *clean)

            for number in range(self.rounds):
                gradients = path().gradients(weights, *normal)[1]
                crafted.move(self._move(gradients, data, number), window)
                if history:
                    history[number][window] = crafted.stored(window)
            weights = path().weights_after(weights, min(stride, count - first))
        return history
