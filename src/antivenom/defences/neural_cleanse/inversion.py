"""The search for the smallest trigger of every class, for all classes at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset
from antivenom.defences.neural_cleanse.search_settings import Norm, Search
from antivenom.models import ModuleClassifier, predictions
from antivenom.models.batches import ROWS_IN_CACHE
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Positions

TANH_MARGIN = 1e-6
"""The smallest distance of masks and patterns from the ends of their range."""
BETAS, EPSILON = (0.5, 0.9), 1e-8
MEMORY_BYTES = 256 << 20
"""The largest number of bytes of rows per batch of the classifier, activations not included."""
CLASSES_COMPARED = 10
"""The number of classes that remain for the final comparison, if there are more."""
SHARE_KEPT_PER_ROUND = 1 / 3
"""The share of classes that remain after a round of screening, if there are more than `CLASSES_COMPARED`."""
SHARE_FAILED, STEPS_FACTOR = 3 / 4, 1.5
"""After `SHARE_FAILED` of the classes failed once, the search stops at `STEPS_FACTOR` times the current step."""


@dataclass(frozen=True, eq=False)
class Recovered:
    """The result of the search, one row for each class (k).

    Attributes:
        masks: the smallest masks that worked, in [0, 1].
        patterns: their patterns, within the data's bounds.
        reached: the classes whose triggers ever reached the success threshold, bool.
        steps: the number of steps of each class.
    """

    masks: Tensor
    patterns: Tensor
    reached: Tensor
    steps: Tensor

    def norms(self) -> Tensor:
        """Return the L1 norms of the masks (k), on the CPU; NaN if the threshold was never reached."""
        return torch.where(self.reached, self.masks.flatten(1).sum(1), torch.nan).double().cpu()


class Inversion:
    """The search for the triggers of some classes. Tensors have a class axis; each class has its own step count.

    The result of a class does not depend on the other classes of the search: all draw the same rows at the same step.
    If `targets` contains a class several times, each of them has its own random start. Rows that belong to a class, or
    that the network already predicts as this class without a trigger, count neither as success nor in the loss.
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
        self.predicted = predictions(self.classifier, self.clean)
        self.low, self.high = clean.bounds or (0.0, 1.0)
        count, shape = len(targets), clean.shape
        channels = shape[0] if search.per_channel or len(shape) < 3 else 1
        numbers = targets.tolist()
        start = [
            self._start(target, first_start + numbers[:place].count(target), (channels, *shape[1:]), shape)
            for place, target in enumerate(numbers)
        ]
        self.raw = [torch.stack(parts).to(self.device) for parts in zip(*start, strict=True)]
        self.moments = [[torch.zeros_like(part) for part in self.raw] for _ in range(2)]
        zeros = torch.zeros(count, device=self.device)
        self.cost, self.best_norm, self.stop_norm = zeros.clone(), zeros + math.inf, zeros + math.inf
        self.taken = torch.zeros(count, dtype=torch.int64, device=self.device)
        self.hits, self.tries = (torch.zeros(count, search.window, device=self.device) for _ in range(2))
        counters = ("set", "up", "down", "stop")
        self.counter = {name: torch.zeros_like(self.taken) for name in counters}
        self.gone = {name: torch.zeros(count, dtype=torch.bool, device=self.device) for name in ("up", "down")}
        self.best = [part.clone() for part in self.triggers(self.raw)]
        self.done = torch.zeros(count, dtype=torch.bool, device=self.device)
        self.rows = 0

    def _start(
        self, target: int, number: int, mask: tuple[int, ...], pattern: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Return a random mask and pattern, before the tanh, for start number `number` of a class."""
        stream = self.rng.child("start", target)
        generator = (stream.child(number) if number else stream).generator()
        uniform = (torch.rand(each, generator=generator) for each in (mask, pattern))
        raw = [torch.atanh((each - 0.5) * (2 - TANH_MARGIN)) for each in uniform]
        return raw[0], raw[1]

    def triggers(self, raw: list[Tensor]) -> list[Tensor]:
        """Return masks in [0, 1] and patterns within the bounds."""
        mask, pattern = (part.tanh() / (2 - TANH_MARGIN) + 0.5 for part in raw)
        return [mask, self.low + (self.high - self.low) * pattern]

    def step(self, chosen: Tensor, size: int | None = None) -> None:
        """Run one mini-batch, or its first `size` rows, for the chosen classes. All must have the same step count."""
        rows = self._batch(int(self.taken[chosen[0]]))[:size]
        x, tried = self.clean.inputs(rows), self._tried(chosen, rows)
        count = self.memory // (4 * x.numel())
        if self.device.type == "cpu":
            count = min(count, min(ROWS_IN_CACHE, self.classifier.rows_per_gradient) // len(x))
        raw = [part[chosen] for part in self.raw]
        norms = norm_of(self.triggers(raw)[0], self.search.norm)
        chunks = zip(*(each.split(max(1, count)) for each in (chosen, tried, *raw)), strict=True)
        parts = zip(*(self._gradients(x, *chunk) for chunk in chunks), strict=True)
        hits, *gradients = (torch.cat(each) for each in parts)
        self._record(chosen, hits, tried.sum(1))
        evaluated = (int(self.taken[chosen[0]]) + 1) % self.search.evaluate_every == 0
        works = self._keep(chosen, norms, self.triggers(raw)) if evaluated else None
        self._move(chosen, gradients)
        if works is not None:
            self._schedule(chosen, works)
        self.done[chosen] |= self.taken[chosen] >= self.search.steps

    def _tried(self, chosen: Tensor, rows: Positions) -> Tensor:
        """Return for each class the rows on which its trigger is tried (k, n): neither of this class nor predicted so.

        Other rows go to the class without a trigger, so they would count as a success of any trigger.
        """
        targets = self.targets[chosen][:, None]
        return (self.clean.y[rows] != targets) & (self.predicted[rows] != targets)

    def _gradients(self, x: Tensor, chosen: Tensor, tried: Tensor, *raw: Tensor) -> tuple[Tensor, ...]:
        """Return the hits of some classes' triggers (k), and the gradients of mask and pattern before the tanh."""
        parts = [part.detach().requires_grad_() for part in raw]
        mask, pattern = self.triggers(parts)
        logits = self.classifier.logits(self._apply(x, mask, pattern)).unflatten(0, (len(chosen), len(x)))
        targets = self.targets[chosen][:, None].expand(-1, len(x))
        entropy = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        count = tried.sum(1)
        mean = (entropy.view(len(chosen), -1) * tried).sum(1) / count.clamp_min(1)
        loss = mean + (count > 0) * self.cost[chosen] * norm_of(mask, self.search.norm)
        self.rows += len(chosen) * len(x)
        hits = ((logits.detach().argmax(2) == targets) & tried).sum(1).float()
        return hits, *torch.autograd.grad(loss.sum(), parts)

    def _apply(self, x: Tensor, mask: Tensor, pattern: Tensor) -> Tensor:
        """Return every row with every trigger (classes · n, *shape)."""
        triggered = (1 - mask[:, None]) * x + (mask * pattern)[:, None]
        return triggered.flatten(0, 1)

    def _batch(self, step: int) -> Positions:
        """Return the positions of the rows of a step. Each pass over the rows has its own order."""
        size = min(self.search.batch_size, len(self.clean))
        each = max(1, len(self.clean) // size)
        order = self.rng.child("order", step // each).order(self.clean.ids)
        return order[(step % each) * size : (step % each + 1) * size]

    def _record(self, chosen: Tensor, hits: Tensor, tries: Tensor) -> None:
        """Record the hits and the tried rows of this step (k)."""
        place = self.taken[chosen] % self.search.window
        self.hits[chosen, place], self.tries[chosen, place] = hits, tries.to(hits)

    def _keep(self, chosen: Tensor, norms: Tensor, triggers: list[Tensor]) -> Chosen:
        """Keep the smallest masks whose recent success is high enough. Return the classes with success (k), bool."""
        full = self.taken[chosen] + 1 >= self.search.window
        works = full & (self._success(chosen) >= self.search.attack_success_threshold)
        tried = self.tries[chosen, self.taken[chosen] % self.search.window] > 0
        better = works & tried & (norms < self.best_norm[chosen])
        self.best_norm[chosen[better]] = norms[better]
        for kept, now in zip(self.best, triggers, strict=True):
            kept[chosen[better]] = now[better]
        return works

    def _success(self, chosen: Tensor) -> Tensor:
        """Return the share of the last `window` steps' tried rows that each class's trigger sends to it (k)."""
        return self.hits[chosen].sum(1) / self.tries[chosen].sum(1).clamp_min(1)

    def _move(self, chosen: Tensor, gradients: list[Tensor]) -> None:
        """Run one step of Adam, each class with its own step count."""
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

    def _schedule(self, chosen: Tensor, works: Tensor) -> None:
        """Change the cost and stop, for each class, with the schedule of the paper's authors."""
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
        counts["set"] = torch.where(unset & works, counts["set"] + 1, 0)
        begins = counts["set"] >= search.patience
        cost = torch.where(begins, search.init_cost, cost)
        counts["up"] = torch.where(works & ~unset, counts["up"] + 1, 0)
        counts["down"] = torch.where(works | unset, 0, counts["down"] + 1)
        up, down = counts["up"] >= search.patience, counts["down"] >= search.patience
        cost = torch.where(up, cost * search.cost_multiplier, cost)
        cost = torch.where(down, cost / search.cost_multiplier**1.5, cost)
        counts["up"], counts["down"] = torch.where(up, 0, counts["up"]), torch.where(down, 0, counts["down"])
        self.cost[chosen] = cost
        self.gone["up"][chosen], self.gone["down"][chosen] = gone["up"] | up, gone["down"] | down
        for name, values in counts.items():
            self.counter[name][chosen] = values

    def finish(self, chosen: Tensor) -> None:
        """Continue the chosen classes until each of them is done."""
        chosen = chosen.to(self.device)
        while len(chosen := chosen[~self.done[chosen]]):
            self.step(chosen)

    def screen(self, chosen: Tensor) -> Tensor:
        """Remove the classes with the larger masks in rounds, until ten are left. Return the classes that are left.

        In the first round the cost of the masks is still small, and a step has half the number of rows.
        """
        left = chosen.to(self.device)
        patience = self.search.patience * self.search.evaluate_every
        count, size = self.search.window + 2 * patience, math.ceil(self.search.batch_size / 2)
        while len(left) > CLASSES_COMPARED:
            for _ in range(count):
                if len(active := left[~self.done[left]]):
                    self.step(active, size)
            promising = self._success(left).argsort(descending=True, stable=True)
            order = promising[self.best_norm[left[promising]].argsort(stable=True)]
            left = left[order[: max(CLASSES_COMPARED, math.ceil(SHARE_KEPT_PER_ROUND * len(left)))]].sort().values
            count, size = 2 * patience, self.search.batch_size
        return left

    def run_to_first_failure(self, chosen: Tensor) -> None:
        """Continue the chosen classes until most have failed once under the cost, then for half as many steps.

        All classes stop at the same step, so that their masks can be compared. Classes without a trigger that works
        continue until they are done.
        """
        chosen, enough, last = chosen.to(self.device), math.ceil(SHARE_FAILED * len(chosen)), math.inf
        while len(active := chosen[~self.done[chosen]]):
            taken = int(self.taken[chosen].max())
            if last == math.inf and int((self.gone["down"] | self.done)[chosen].sum()) >= enough:
                last = math.ceil(STEPS_FACTOR * taken)
            if taken >= last:
                active = active[self.best_norm[active] == math.inf]
                if not len(active):
                    break
            self.step(active)

    def result(self) -> Recovered:
        """Return the triggers recovered so far."""
        return Recovered(self.best[0].clone(), self.best[1].clone(), self.best_norm < math.inf, self.taken)


def norm_of(masks: Tensor, norm: Norm) -> Tensor:
    """Return the norm of each mask (k). A mask with several channels counts as the mean of its channels."""
    flat, channels = masks.flatten(1), masks.shape[1] if masks.ndim == 4 else 1
    if norm == "linf":
        return flat.amax(1)
    return flat.sum(1) / channels if norm == "l1" else (flat.square().sum(1) / channels).add(1e-24).sqrt()
