"""Recovering the smallest trigger of every class, all classes at once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from bezoar.data import Dataset
from bezoar.models.module import ModuleClassifier
from bezoar.rng import Rng
from bezoar.shapes import Inputs

Norm = Literal["l1", "l2", "linf"]
EDGE = 1e-6
"""How near to the ends of their range masks and patterns come."""
BETAS, EPSILON = (0.5, 0.9), 1e-8


@dataclass(frozen=True)
class Search:
    """How triggers are sought: the settings of `NeuralCleanse`, which says what they mean."""

    steps: int
    batch_size: int
    norm: Norm
    per_channel: bool
    learning_rate: float
    init_cost: float
    cost_multiplier: float
    attack_success_threshold: float
    patience: int
    window: int
    early_stop: bool
    early_stop_threshold: float
    early_stop_patience: int


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


class Inversion:
    """The search for the triggers of some classes: every tensor has a class axis, and a class steps on its own.

    A class's result does not depend on which others are sought beside it: all draw the same rows at the same step.
    """

    def __init__(self, classifier: ModuleClassifier, clean: Dataset, targets: Tensor, search: Search, rng: Rng) -> None:
        self.search, self.rng = search, rng
        self.classifier = classifier.copy()
        self.classifier.module.requires_grad_(False)
        self.classifier.module.eval()
        self.device = classifier.device
        self.clean = clean.to(self.device)
        self.targets = targets.to(self.device)
        self.low, self.high = clean.bounds or (0.0, 1.0)
        count, shape = len(targets), clean.shape
        channels = shape[0] if search.per_channel or len(shape) < 3 else 1
        start = [self._start(int(target), (channels, *shape[1:]), shape) for target in targets]
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

    def _start(self, target: int, mask: tuple[int, ...], pattern: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """A random mask and pattern, before the tanh."""
        generator = self.rng.child("start", target).generator()
        uniform = (torch.rand(each, generator=generator) for each in (mask, pattern))
        raw = [torch.atanh((each - 0.5) * (2 - EDGE)) for each in uniform]
        return raw[0], raw[1]

    def triggers(self, raw: list[Tensor]) -> list[Tensor]:
        """Masks in [0, 1] and patterns within the bounds."""
        mask, pattern = (part.tanh() / (2 - EDGE) + 0.5 for part in raw)
        return [mask, self.low + (self.high - self.low) * pattern]

    def step(self, chosen: Tensor) -> None:
        """One mini-batch for each of these classes, which have all taken as many steps before."""
        x = self._batch(int(self.taken[chosen[0]]))
        raw = [part[chosen].requires_grad_() for part in self.raw]
        mask, pattern = self.triggers(raw)
        logits = self.classifier.logits(self._put_on(x, mask, pattern)).unflatten(0, (len(chosen), len(x)))
        wanted = self.targets[chosen][:, None].expand(-1, len(x))
        entropy = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
        norms = norm_of(mask, self.search.norm)
        loss = entropy.view(len(chosen), -1).mean(1) + self.cost[chosen] * norms
        gradients = torch.autograd.grad(loss.sum(), raw)
        success = (logits.argmax(2) == wanted).float().mean(1)
        self.rows += len(chosen) * len(x)
        good = self._keep(chosen, success, norms.detach(), [mask.detach(), pattern.detach()])
        self._move(chosen, list(gradients))
        self._schedule(chosen, good)

    def _put_on(self, x: Tensor, mask: Tensor, pattern: Tensor) -> Tensor:
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

    def run(self, memory: int) -> Recovered:
        """All classes side by side until each is done; finished ones leave."""
        while not bool(self.done.all()):
            for part in self._chunks(torch.nonzero(~self.done).flatten(), memory):
                self.step(part)
        return Recovered(self.best[0], self.best[1], self.best_norm < math.inf, self.taken)

    def _chunks(self, chosen: Tensor, memory: int) -> Iterator[Tensor]:
        """Classes that have taken as many steps, as many at once as fit into memory."""
        numbers = math.prod(self.clean.shape) * min(self.search.batch_size, len(self.clean))
        size = max(1, memory // (4 * numbers))
        for taken in self.taken[chosen].unique():
            yield from chosen[self.taken[chosen] == taken].split(size)


def norm_of(masks: Tensor, norm: Norm) -> Tensor:
    """The norm of each mask (k)."""
    flat = masks.flatten(1)
    if norm == "linf":
        return flat.amax(1)
    return flat.sum(1) if norm == "l1" else flat.square().sum(1).add(1e-24).sqrt()


def success_of(
    classifier: ModuleClassifier, clean: Dataset, masks: Tensor, patterns: Tensor, targets: Tensor
) -> Tensor:
    """The share of rows of other classes that each trigger sends to its class (k)."""
    found = []
    x, y = clean.inputs().to(classifier.device), clean.y.to(classifier.device)
    for mask, pattern, target in zip(masks, patterns, targets.to(classifier.device), strict=True):
        rows = x[y != target]
        said = classifier.scores((1 - mask) * rows + mask * pattern).argmax(1)
        found.append((said == target).double().mean())
    return torch.stack(found)
