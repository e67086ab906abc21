"""The only training loop: whole tensors on the device, batches by row id, nothing per sample in Python."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, runtime_checkable

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset, Source, Splits
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.layout import lay_out
from antivenom.models.optimizers import Optimizer, OptimizerName
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, NonNegative, Positive, component
from antivenom.training.augment import augment
from antivenom.training.step import Step, step_for

GATHERED = 8
"""So many batches are gathered at once, to keep memory bounded and the gather cheap."""


@dataclass(frozen=True)
class Epoch:
    """What a watcher is told after each epoch.

    `loss` is the mean training loss over the epoch's batches as they came, each before its update. `classifier` is as
    it stands, and goes on learning: copy its `state()` to keep it. `rows` is how many rows it has learned from, each as
    often as it came. A stream's epoch is a part of the stream.
    """

    number: int
    of: int
    loss: float
    seconds: float
    classifier: Classifier | None = None
    rows: int = 0

    def is_one_of(self, checkpoints: int) -> bool:
        """Whether this is one of so many epochs, evenly spaced, the last among them."""
        return self.number * checkpoints // self.of > (self.number - 1) * checkpoints // self.of


Watch = Callable[[Epoch], object]


@runtime_checkable
class Training(Protocol):
    """A training setting: a component, such as `EndToEnd`.

    A training that starts from a model which was trained before says so: `before` is that model's training, and
    `divide(splits, rng, read)` says on which rows, and which splits are left; both are the referee's to use, so that
    victim and control share it. `arrange(roles, ids, rng)` gives the order in which the rows of a stream come in.
    `checkpoints`, where it has one above 0, asks for the weights to be kept so many times along the way.
    """

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        watch: Sequence[Watch] = (),
    ) -> Classifier:
        """A new classifier of the same architecture, trained; both given ones are untouched.

        Args:
            classifier: the architecture.
            data: the rows.
            rng: the same stream gives twins: the same first weights, and the same order of the rows they share.
            start: where training starts from; new weights where left out.
            watch: called after each epoch.
        """


def comes_once(training: Training) -> bool:
    """Whether rows are learned from in the order in which they come, each as often as it comes and no more."""
    return callable(getattr(training, "arrange", None)) and getattr(training, "schedule", "") == "stream"


def load_source(source: Source) -> Splits:
    """Both splits of a data set."""
    return source.load()


@component
class Recipe:
    """How weights are updated, the same for every training setting.

    Args:
        epochs: passes over the data, at most.
        batch_size: rows an update.
        optimizer: `adam`, `adamw`, `sgd`, `rmsprop` or `sklearn_adam`.
        learning_rate: its step size; the largest, where a schedule changes it.
        momentum: for `sgd` and `rmsprop` alone.
        weight_decay: L2 on the weights (decoupled for `adamw`).
        decay_biases: whether that holds for biases too.
        schedule: `constant`, or down to 0 as a `cosine` or in a `linear` way over all epochs.
        warmup: the share of all updates over which the learning rate first rises from 0.
        patience: stop when the mean training loss has not fallen for so many epochs; null to train all.
        min_delta: by how much the loss must fall to count; with `patience` alone.
        crop: shift each image by up to so many pixels, filling with the lower bound's pixels; 0 for none.
        flip: mirror half of the images left to right.
        precision: `bfloat16` computes layers in bfloat16 and keeps weights in float32.
        checkpoints: how often, evenly spaced over the epochs, the weights are kept, to see what was learned when; 0
            for never.
    """

    epochs: AtLeastOne = 10
    batch_size: AtLeastOne = 128
    optimizer: OptimizerName = "adam"
    learning_rate: Positive = 1e-3
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    weight_decay: NonNegative = 0.0
    decay_biases: bool = True
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    warmup: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    patience: AtLeastOne | None = None
    min_delta: NonNegative = 0.0
    crop: Count = 0
    flip: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoints: Count = 0

    def __post_init__(self) -> None:
        name, problems = type(self).__name__, []
        if self.momentum and self.optimizer not in ("sgd", "rmsprop"):
            problems.append(f"{name}.momentum is for sgd and rmsprop; {self.optimizer} has its own.")
        if self.min_delta and self.patience is None:
            problems.append(f"{name}.min_delta needs patience, the epochs to wait for such a fall.")
        if problems:
            raise SettingsError(problems)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        if (self.crop or self.flip) and not data.is_image:
            yield f"has crop and flip for images; the data's rows are {data.shape}."
        elif self.crop and self.crop >= min(data.shape[1:]):
            yield f"has crop {self.crop}, which shifts images of {data.shape[1]} × {data.shape[2]} out of themselves."

    def rate_at(self, done: float) -> float:
        """The learning rate when the share `done` of all updates is done."""
        if done < self.warmup:
            return self.learning_rate * done / self.warmup
        rest = (done - self.warmup) / (1 - self.warmup)
        factor = {"constant": 1.0, "linear": 1 - rest, "cosine": (1 + math.cos(math.pi * rest)) / 2}
        return self.learning_rate * factor[self.schedule]


def train(
    classifier: Classifier, data: Dataset, recipe: Recipe, *, rng: Rng, watch: Sequence[Watch] = ()
) -> Classifier:
    """A trained copy of a classifier.

    The order of the rows, and what augmentation does to each, depend on (stream, epoch, row id) alone.

    Raises:
        CapabilityError: the classifier has no gradients.
        DataError: the data does not fit the classifier.
    """
    trained = _checked(classifier, data, recipe).copy()
    data = data.to(trained.device)
    module = trained.module
    settings = Optimizer(
        name=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        decay_biases=recipe.decay_biases,
    )
    update = step_for(trained, settings, recipe.precision)
    best, waited = math.inf, 0
    module.train()
    for layer in module.modules():  # what is frozen keeps its running statistics too
        own = list(layer.parameters(recurse=False))
        if own and not any(weight.requires_grad for weight in own):
            layer.eval()
    with rng.child("modules").torch_globally(trained.device):
        for epoch in range(recipe.epochs):
            began = time.perf_counter()
            loss = epoch_of(update, data, recipe, rng, epoch)
            for tell in watch:
                tell(
                    Epoch(epoch + 1, recipe.epochs, loss, time.perf_counter() - began, trained, len(data) * (epoch + 1))
                )
            improved = loss < best - recipe.min_delta
            best, waited = (loss, 0) if improved else (best, waited + 1)
            if not math.isfinite(loss) or (recipe.patience is not None and waited >= recipe.patience):
                break
    module.zero_grad()
    lay_out(module, trained.input_shape)  # a quick step may have laid the weights otherwise
    module.eval()
    return trained


def epoch_of(update: Step, data: Dataset, recipe: Recipe, rng: Rng, epoch: int) -> float:
    """Update on every batch of an epoch; the mean loss over its rows."""
    batches = math.ceil(len(data) / recipe.batch_size)
    losses, sizes = [], []
    for step, (x, y) in enumerate(_batches(data, recipe, rng, epoch)):
        losses.append(update(x, y, recipe.rate_at((epoch + step / batches) / recipe.epochs)))
        sizes.append(len(y))
    shares = torch.tensor(sizes, dtype=torch.float64, device=data.device) / len(data)
    return float(torch.stack(losses).double() @ shares)


def _batches(data: Dataset, recipe: Recipe, rng: Rng, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The epoch's batches; a batch is overwritten when the next ones are gathered."""
    order = rng.child("order", epoch).order(data.ids)
    size = min(recipe.batch_size, len(order))
    many = size * GATHERED
    stored = data.x.new_empty(min(many, len(order)), *data.shape)
    inputs = torch.empty(stored.shape, device=data.device)  # new memory for each gather would cost more than it
    for start in range(0, len(order), many):
        rows = order[start : start + many]
        xs = torch.index_select(data.x, 0, rows, out=stored[: len(rows)])
        ys = data.y.index_select(0, rows)
        if recipe.crop or recipe.flip:
            keys = rng.child("augment", epoch).keys(data.ids[rows])
            xs = augment(xs, keys, crop=recipe.crop, flip=recipe.flip)
        decoded = data.decode(xs, out=inputs[: len(rows)])
        yield from zip(decoded.split(size), ys.split(size), strict=True)


def _checked(classifier: Classifier, data: Dataset, recipe: Recipe) -> ModuleClassifier:
    if not isinstance(classifier, ModuleClassifier):
        raise CapabilityError(
            f"This training needs gradients, which {type(classifier).__name__} has not. Pass a torch.nn.Module, "
            "or train a scikit-learn estimator by own_fit or online."
        )
    hold_fitting(classifier, data)
    for problem in recipe.problems(data):
        raise DataError(f"{type(recipe).__name__} {problem}")
    return classifier


def hold_fitting(classifier: Classifier, data: Dataset) -> None:
    """Hold data against the classifier that is to learn from it.

    Raises:
        DataError: it is none, or not of the shape, classes or bounds that the classifier takes.
    """
    if not len(data):
        raise DataError("There are no rows to train on.")
    shape, bounds = (getattr(classifier, name, None) for name in ("input_shape", "bounds"))
    if shape is not None and data.shape != shape:
        raise DataError(f"The classifier takes rows of {shape}; the data's are {data.shape}.")
    if len(data.classes) > classifier.classes:
        raise DataError(f"The classifier knows {classifier.classes} classes; the data has {len(data.classes)}.")
    if data.bounds is not None and bounds is not None and data.bounds != bounds:
        raise DataError(f"The classifier takes rows in {bounds}; the data's are in {data.bounds}.")
