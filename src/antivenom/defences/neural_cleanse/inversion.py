"""Recovering the smallest trigger of every class, all classes at once."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset
from antivenom.models import ModuleClassifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, Positive, component
from antivenom.shapes import Inputs

Norm = Literal["l1", "l2", "linf"]
TANH_MARGIN = 1e-6
"""How near to the ends of their range masks and patterns come."""
BETAS, EPSILON = (0.5, 0.9), 1e-8
MEMORY_BYTES = 256 << 20
"""So many bytes of rows, at most, go through the classifier at once; activations come on top."""
ROWS_IN_CACHE = 128
"""So many rows at once are quickest on a CPU: what small networks make of more leaves the cache."""
CLASSES_COMPARED = 10
"""So many classes, where there are as many, are held against each other in the end."""
SHARE_KEPT_PER_ROUND = 1 / 3
"""The share of more classes that a round leaves."""
SHARE_FAILED, STEPS_FACTOR = 3 / 4, 1.5
"""When such a share of the classes has failed once under the cost of their norm, so many times the steps until then."""


@component
class Search:
    """How triggers are sought.

    Args:
        steps: at most; a step is one mini-batch.
        batch_size: rows a step.
        norm: what of the mask is made small: `l1`, `l2` or `linf`.
        per_channel: whether a mask has a channel for each of the image's; one for all otherwise.
        learning_rate: Adam's.
        init_cost: the norm's cost, once the trigger has worked without any.
        cost_multiplier: the cost goes up by it, and down by its power of 1.5.
        attack_success_threshold: the share of rows that a trigger must send to its class, over the last `window` steps.
        patience: how many steps in a row the trigger must work, or not, for the cost to change.
        window: over how many steps success is averaged.
        early_stop: whether a class is done when its mask has stopped becoming smaller.
        early_stop_threshold: a mask is smaller if its norm is below so many times the best.
        early_stop_patience: for so many steps it must not be.
        restarts: from so many further starts the trigger of every flagged class is sought, and the smallest is kept;
            the verdict stays as it is, but the trigger is nearer to the attacker's.
        schedule: `all` goes on with every class until it is done. `successive` spends steps where masks become small
            fastest (after K-Arm; Shen et al. 2021): the larger masks of more than ten classes drop out in rounds; the
            others are held against each other as soon as most have failed once; then only the flagged go on.
    """

    steps: AtLeastOne = 1000
    batch_size: AtLeastOne = 32
    norm: Norm = "l1"
    per_channel: bool = False
    learning_rate: Positive = 0.1
    init_cost: Positive = 1e-3
    cost_multiplier: Annotated[float, Interval(gt=1)] = 1.5
    attack_success_threshold: Annotated[float, Interval(gt=0, le=1)] = 0.99
    patience: AtLeastOne = 5
    window: AtLeastOne = 10
    early_stop: bool = True
    early_stop_threshold: Annotated[float, Interval(gt=0, le=1)] = 0.99
    early_stop_patience: AtLeastOne = 50
    restarts: Count = 0
    schedule: Literal["all", "successive"] = "successive"


@dataclass(frozen=True, eq=False)
class Recovered:
    """Triggers, a row a class (k).

    Attributes:
        masks, patterns: in the data's range.
        reached: whether the success threshold was ever reached.
        steps: how many steps each took.
    """

    masks: Tensor
    patterns: Tensor
    reached: Tensor
    steps: Tensor

    def norms(self) -> Tensor:
        """The masks' L1 norms; NaN where the threshold was never reached (k), on the CPU."""
        return torch.where(self.reached, self.masks.flatten(1).sum(1), torch.nan).double().cpu()


class Inversion:
    """The search for the triggers of some classes: every tensor has a class axis, and a class steps on its own.

    A class's result does not depend on which others are sought beside it: all draw the same rows at the same step. A
    class that is named more than once is sought from as many starts.
    """

    def __init__(
        self,
        classifier: ModuleClassifier,
        clean: Dataset,
        targets: Tensor,
        search: Search,
        rng: Rng,
        memory: int = MEMORY_BYTES,
        first_start: int = 0,
    ) -> None:
        self.search, self.rng, self.memory = search, rng, memory
        self.classifier = classifier.copy()
        self.classifier.module.requires_grad_(False)
        self.classifier.module.eval()
        self.device = classifier.device
        self.clean = clean.to(self.device)
        self.targets = targets.to(self.device)
        self.low, self.high = clean.bounds or (0.0, 1.0)
        count, shape = len(targets), clean.shape
        channels = shape[0] if search.per_channel or len(shape) < 3 else 1
        named = targets.tolist()
        start = [
            self._start(target, first_start + named[:place].count(target), (channels, *shape[1:]), shape)
            for place, target in enumerate(named)
        ]
        self.raw = [torch.stack(parts).to(self.device) for parts in zip(*start, strict=True)]
        self.moments = [[torch.zeros_like(part) for part in self.raw] for _ in range(2)]
        zeros = torch.zeros(count, device=self.device)
        self.cost, self.best_norm, self.stop_norm = zeros.clone(), zeros + math.inf, zeros + math.inf
        self.taken = torch.zeros(count, dtype=torch.int64, device=self.device)
        self.recent = torch.zeros(count, search.window, device=self.device)
        counters = ("set", "up", "down", "stop")
        self.counter = {name: torch.zeros_like(self.taken) for name in counters}
        self.gone = {name: torch.zeros(count, dtype=torch.bool, device=self.device) for name in ("up", "down")}
        self.best = [part.clone() for part in self.triggers(self.raw)]
        self.done = torch.zeros(count, dtype=torch.bool, device=self.device)
        self.rows = 0

    def _start(
        self, target: int, number: int, mask: tuple[int, ...], pattern: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """A random mask and pattern, before the tanh, for a class's first or a later start."""
        stream = self.rng.child("start", target)
        generator = (stream.child(number) if number else stream).generator()
        uniform = (torch.rand(each, generator=generator) for each in (mask, pattern))
        raw = [torch.atanh((each - 0.5) * (2 - TANH_MARGIN)) for each in uniform]
        return raw[0], raw[1]

    def triggers(self, raw: list[Tensor]) -> list[Tensor]:
        """Masks in [0, 1] and patterns within the bounds."""
        mask, pattern = (part.tanh() / (2 - TANH_MARGIN) + 0.5 for part in raw)
        return [mask, self.low + (self.high - self.low) * pattern]

    def step(self, chosen: Tensor, size: int | None = None) -> None:
        """One mini-batch, or its first rows, for each of these classes, which have all taken as many steps before."""
        x = self._batch(int(self.taken[chosen[0]]))[:size]
        count = self.memory // (4 * x.numel())
        if self.device.type == "cpu":
            count = min(count, ROWS_IN_CACHE // len(x))
        raw = [part[chosen] for part in self.raw]
        norms = norm_of(self.triggers(raw)[0], self.search.norm)
        sides = zip(*(each.split(max(1, count)) for each in (chosen, *raw)), strict=True)
        found = [torch.cat(each) for each in zip(*(self._gradients(x, *side) for side in sides), strict=True)]
        good = self._keep(chosen, found[0], norms, self.triggers(raw))
        self._move(chosen, found[1:])
        self._schedule(chosen, good)

    def _gradients(self, x: Tensor, chosen: Tensor, *raw: Tensor) -> tuple[Tensor, ...]:
        """The success of some classes' triggers on rows (k), and the gradients by mask and pattern before the tanh."""
        parts = [part.detach().requires_grad_() for part in raw]
        mask, pattern = self.triggers(parts)
        logits = self.classifier.logits(self._apply(x, mask, pattern)).unflatten(0, (len(chosen), len(x)))
        wanted = self.targets[chosen][:, None].expand(-1, len(x))
        entropy = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
        loss = entropy.view(len(chosen), -1).mean(1) + self.cost[chosen] * norm_of(mask, self.search.norm)
        self.rows += len(chosen) * len(x)
        success = (logits.detach().argmax(2) == wanted).float().mean(1)
        return success, *torch.autograd.grad(loss.sum(), parts)

    def _apply(self, x: Tensor, mask: Tensor, pattern: Tensor) -> Tensor:
        """Every row with every trigger (classes · n, *shape)."""
        put = (1 - mask[:, None]) * x + (mask * pattern)[:, None]
        return put.flatten(0, 1)

    def _batch(self, step: int) -> Inputs:
        """The rows of a step: all of them in turn, in an order of each pass's own."""
        size = min(self.search.batch_size, len(self.clean))
        each = max(1, len(self.clean) // size)
        order = self.rng.child("order", step // each).order(self.clean.ids)
        return self.clean.inputs(order[(step % each) * size : (step % each + 1) * size])

    def _keep(self, chosen: Tensor, success: Tensor, norms: Tensor, triggers: list[Tensor]) -> Tensor:
        """Keep the smallest mask whose recent success is high enough; for which classes it is."""
        place = self.taken[chosen] % self.search.window
        self.recent[chosen, place] = success
        seen = (self.taken[chosen] + 1).clamp_max(self.search.window)
        mean = self.recent[chosen].sum(1) / seen
        good = (mean >= self.search.attack_success_threshold) & (seen == self.search.window)
        better = good & (norms < self.best_norm[chosen])
        self.best_norm[chosen[better]] = norms[better]
        for kept, now in zip(self.best, triggers, strict=True):
            kept[chosen[better]] = now[better]
        return good

    def _move(self, chosen: Tensor, gradients: list[Tensor]) -> None:
        """One step of Adam, each class by its own count."""
        self.taken[chosen] += 1
        taken = self.taken[chosen].double()
        for part, gradient in enumerate(gradients):
            first, second = (moments[part][chosen] for moments in self.moments)
            first.lerp_(gradient, 1 - BETAS[0])
            second.lerp_(gradient.square(), 1 - BETAS[1])
            ones = (-1, *[1] * (gradient.ndim - 1))
            down, root = ((1 - beta**taken).to(gradient).view(ones) for beta in BETAS)
            moved = self.search.learning_rate * (first / down) / ((second / root).sqrt() + EPSILON)
            self.moments[0][part][chosen], self.moments[1][part][chosen] = first, second
            self.raw[part][chosen] -= moved

    def _schedule(self, chosen: Tensor, good: Tensor) -> None:
        """The authors' schedule of the cost, and when to stop, class by class."""
        search = self.search
        if search.early_stop:
            best, before = self.best_norm[chosen], self.stop_norm[chosen]
            stalls = (best < math.inf) & (best >= search.early_stop_threshold * before)
            self.counter["stop"][chosen] = torch.where(stalls, self.counter["stop"][chosen] + 1, 0)
            self.stop_norm[chosen] = torch.minimum(best, before)
            both = self.gone["up"][chosen] & self.gone["down"][chosen]
            self.done[chosen] |= both & (self.counter["stop"][chosen] >= search.early_stop_patience)
        counts = {name: counter[chosen] for name, counter in self.counter.items()}
        cost, gone = self.cost[chosen], {name: flags[chosen] for name, flags in self.gone.items()}
        unset = cost == 0
        counts["set"] = torch.where(unset & good, counts["set"] + 1, 0)
        begins = counts["set"] >= search.patience
        cost = torch.where(begins, search.init_cost, cost)
        counts["up"] = torch.where(good & ~unset, counts["up"] + 1, 0)
        counts["down"] = torch.where(good | unset, 0, counts["down"] + 1)
        up, down = counts["up"] >= search.patience, counts["down"] >= search.patience
        cost = torch.where(up, cost * search.cost_multiplier, cost)
        cost = torch.where(down, cost / search.cost_multiplier**1.5, cost)
        counts["up"], counts["down"] = torch.where(up, 0, counts["up"]), torch.where(down, 0, counts["down"])
        self.cost[chosen] = cost
        self.gone["up"][chosen], self.gone["down"][chosen] = gone["up"] | up, gone["down"] | down
        for name, values in counts.items():
            self.counter[name][chosen] = values
        self.done[chosen] |= self.taken[chosen] >= search.steps

    def finish(self, chosen: Tensor) -> None:
        """These classes side by side until each is done; finished ones leave."""
        chosen = chosen.to(self.device)
        while len(chosen := chosen[~self.done[chosen]]):
            self.step(chosen)

    def screen(self) -> Tensor:
        """Rounds in which most of more than ten classes drop out, those with the larger masks; which are left.

        In the first, in which masks have hardly any cost yet, a step has half as many rows.
        """
        left = torch.arange(len(self.targets), device=self.device)
        count, size = self.search.window + 2 * self.search.patience, math.ceil(self.search.batch_size / 2)
        while len(left) > CLASSES_COMPARED:
            for _ in range(count):
                if len(going := left[~self.done[left]]):
                    self.step(going, size)
            promising = self.recent[left].mean(1).argsort(descending=True, stable=True)
            order = promising[self.best_norm[left[promising]].argsort(stable=True)]
            left = left[order[: max(CLASSES_COMPARED, math.ceil(SHARE_KEPT_PER_ROUND * len(left)))]].sort().values
            count, size = 2 * self.search.patience, self.search.batch_size
        return left

    def run_to_first_failure(self, chosen: Tensor) -> None:
        """These classes until most have failed once under the cost, and half as long again; those that never worked on.

        All stop at the same step, whatever they are, so that what they have come to can be compared.
        """
        chosen, enough, last = chosen.to(self.device), math.ceil(SHARE_FAILED * len(chosen)), math.inf
        while len(going := chosen[~self.done[chosen]]):
            taken = int(self.taken[chosen].max())
            if last == math.inf and int((self.gone["down"] | self.done)[chosen].sum()) >= enough:
                last = math.ceil(STEPS_FACTOR * taken)
            if taken >= last:
                going = going[self.best_norm[going] == math.inf]
                if not len(going):
                    break
            self.step(going)

    def found(self) -> Recovered:
        """What has been found so far."""
        return Recovered(self.best[0].clone(), self.best[1].clone(), self.best_norm < math.inf, self.taken)


def restart_search(inversion: Inversion, targets: Tensor, restarts: int) -> tuple[Recovered, int]:
    """What has been found, with smaller triggers for these classes from new starts, and how many rows that took.

    Most starts end in triggers that are larger than need be; the quarter that promises most is searched to its end.
    """
    found = inversion.found()
    again = Inversion(
        inversion.classifier,
        inversion.clean,
        targets.repeat(restarts),
        inversion.search,
        inversion.rng,
        inversion.memory,
        first_start=1,
    )
    everything = torch.arange(len(again.targets), device=again.device)
    again.run_to_first_failure(everything)
    for target in targets.tolist():
        own = everything[again.targets == target]
        again.finish(own[again.best_norm[own].argsort(stable=True)[: math.ceil(restarts / 4)]])
        best = own[again.best_norm[own].argmin()]
        if bool(again.best_norm[best] < inversion.best_norm[target]):
            for kept, new in zip((found.masks, found.patterns), again.best, strict=True):
                kept[target] = new[best]
    return found, again.rows


def norm_of(masks: Tensor, norm: Norm) -> Tensor:
    """The norm of each mask (k)."""
    flat = masks.flatten(1)
    if norm == "linf":
        return flat.amax(1)
    return flat.sum(1) if norm == "l1" else flat.square().sum(1).add(1e-24).sqrt()
