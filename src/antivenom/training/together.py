"""Train several perceptrons at once: the loop of `loop.py` for a stack of members."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import ModuleClassifier
from antivenom.models.batches import rows_within
from antivenom.rng import Rng, orders
from antivenom.threads import using
from antivenom.training.augment import augment
from antivenom.training.contracts import Callback
from antivenom.training.loop import BATCHES_PER_GATHER, Course, Recipe
from antivenom.training.stack import PerceptronStack

NUMBERS_PER_WEIGHT = 4
"""A weight, its gradient and two numbers of the optimizer."""


@dataclass(eq=False)
class Member:
    """A network that learns, with its rows, its stream and its settings. Its classifier changes."""

    classifier: ModuleClassifier
    data: Dataset
    rng: Rng
    recipe: Recipe
    callbacks: Sequence[Callback] = ()

    def __post_init__(self) -> None:
        recipe = self.recipe
        limits = recipe.patience, recipe.min_delta
        self.course = Course(recipe.epochs, self.classifier, len(self.data), self.callbacks, *limits)
        self.steps = math.ceil(len(self.data) / recipe.batch_size)


def bytes_of(member: Member) -> int:
    """Return the bytes that a member needs in a stack, apart from its data set."""
    weights = sum(parameter.numel() for parameter in member.classifier.module.parameters())
    units = sum(len(parameter) for parameter in member.classifier.module.parameters())
    batch = min(member.recipe.batch_size, len(member.data))
    gathered = min(_rows_per_gather(member), len(member.data)) * math.prod(member.data.shape)
    return 4 * (NUMBERS_PER_WEIGHT * weights + gathered + 2 * batch * units)


def train_together(members: Sequence[Member], *, most: int, threads: int = 1) -> None:
    """Train the classifiers of members in stacks. Each has the weights that it would have alone, apart from rounding.

    Args:
        members: perceptrons of one architecture, for which `stackable` is true; their recipes may differ in the
            learning rate only.
        most: the largest number of members in a stack, at least 1.
        threads: the number of stacks that are trained at the same time, each by a thread.
    """
    count = max(min(threads, len(members)), -(-len(members) // most))
    cuts = [len(members) * part // count for part in range(count + 1)]
    stopped = Event()
    with (
        members[0].rng.child("modules").torch_globally(),  # a callback may draw
        using(max(1, torch.get_num_threads() // threads)),
        ThreadPoolExecutor(threads) as pool,
    ):
        try:
            work = [partial(_train_stack, members[cuts[part] : cuts[part + 1]], stopped) for part in range(count)]
            if threads == 1:
                for each in work:
                    each()
            else:
                list(pool.map(lambda each: each(), work))
        except BaseException:
            stopped.set()  # the other threads end after their epoch
            raise


def _train_stack(members: Sequence[Member], stopped: Event) -> None:
    ranked = sorted(members, key=lambda member: -len(member.data))  # those with a batch in a step are the first ones
    for member in ranked:
        member.classifier.module.train()
    _run(
        PerceptronStack([member.classifier.module for member in ranked], ranked[0].recipe.update_rule), ranked, stopped
    )
    for member in members:
        member.classifier.module.zero_grad()
        member.classifier.lay_out()
        member.classifier.module.eval()


def _run(stack: PerceptronStack, running: list[Member], stopped: Event) -> None:
    feed = _Feed(running)
    for epoch in range(running[0].recipe.epochs):
        if stopped.is_set():
            return
        began = time.perf_counter()
        losses = _epoch(stack, running, feed, epoch)
        seconds = (time.perf_counter() - began) / len(running)
        going = [place for place, each in enumerate(running) if each.course.goes_on(epoch, losses[place], seconds)]
        if len(going) < len(running):
            running = [running[place] for place in going]
            if not running:
                stack.release(range(len(stack.modules)))
                return
            stack.keep(going)
            feed = _Feed(running)


def _epoch(stack: PerceptronStack, running: Sequence[Member], feed: "_Feed", epoch: int) -> list[float]:
    """Update every member on all its batches; return the mean loss of each."""
    size = running[0].recipe.batch_size
    lengths = [len(member.data) for member in running]
    means = torch.zeros(len(running), running[0].steps, dtype=torch.float64)
    shares = torch.zeros_like(means)
    feed.begin(epoch)
    for step in range(running[0].steps):
        x, y, sizes = feed.batch(step)
        padding = None if sizes[0] == sizes[-1] else _row_shares(sizes)
        rates = _rates(running[: len(sizes)], epoch, step)
        means[: len(sizes), step] = stack.update(x, y, rates, padding)
        shares[: len(sizes), step] = torch.tensor(sizes, dtype=torch.float64)
    shares /= torch.tensor(lengths, dtype=torch.float64).unsqueeze(1)
    whole = [slice(math.ceil(length / size)) for length in lengths]
    return [float(mean[own] @ share[own]) for mean, share, own in zip(means, shares, whole, strict=True)]


def _rates(members: Sequence[Member], epoch: int, step: int) -> list[float]:
    """Return the learning rate of each member in a step of an epoch."""
    recipe = members[0].recipe
    if recipe.schedule == "constant" and not recipe.warmup:
        return [member.recipe.learning_rate for member in members]
    return [member.recipe.rate_at((epoch + step / member.steps) / recipe.epochs) for member in members]


def _row_shares(sizes: Sequence[int]) -> Tensor:
    """Return the share of each row in the loss of its member (k, 1, n): 0 for padding."""
    counts = torch.tensor(sizes)
    inside = torch.arange(sizes[0]) < counts.unsqueeze(1)
    return (inside * (1 / counts.unsqueeze(1))).unsqueeze(1)


class _Feed:
    """The batches of members that are ranked by their number of rows, the longest first."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.size = min(members[0].recipe.batch_size, len(members[0].data))
        self.rows = min(_rows_per_gather(members[0]), len(members[0].data))
        shape = members[0].data.shape
        self.inputs = torch.zeros(len(members), self.rows, *shape)  # padding must be finite
        self.labels = torch.zeros(len(members), 1, self.rows, dtype=torch.int64)

    def begin(self, epoch: int) -> None:
        """Choose the order of an epoch."""
        self.epoch = epoch
        streams = [member.rng.child("order", epoch) for member in self.members]
        self.orders = orders(streams, [member.data.ids for member in self.members])

    def batch(self, step: int) -> tuple[Tensor, Tensor, list[int]]:
        """Return the batches of the members that have one: rows (k, n, d), labels (k, 1, n), and sizes (k)."""
        first = step * self.size
        if first % self.rows == 0:
            self._gather(first)
        sizes = [min(self.size, len(order) - first) for order in self.orders if len(order) > first]
        place = slice(first % self.rows, first % self.rows + sizes[0])
        count = len(sizes)
        return self.inputs[:count, place].flatten(2), self.labels[:count, :, place], sizes

    def _gather(self, first: int) -> None:
        for place, (member, order) in enumerate(zip(self.members, self.orders, strict=True)):
            rows, data, recipe = order[first : first + self.rows], member.data, member.recipe
            if not len(rows):
                return
            xs = data.x.index_select(0, rows)
            if recipe.crop or recipe.flip:
                keys = member.rng.child("augment", self.epoch).keys(data.ids[rows])
                xs = augment(xs, keys, crop=recipe.crop, flip=recipe.flip)
            out = self.inputs[place, : len(rows)]
            decoded = data.decode(xs, out=out)
            if decoded.data_ptr() != out.data_ptr():
                out.copy_(decoded)
            self.labels[place, 0, : len(rows)] = data.y[rows]


def _rows_per_gather(member: Member) -> int:
    size = min(member.recipe.batch_size, len(member.data))
    return size * max(1, min(BATCHES_PER_GATHER, rows_within(member.data.shape) // size))
