"""The only training loop: whole tensors on the device, batches by row id, nothing per sample in Python."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, ModuleClassifier, as_module
from antivenom.models.layout import lay_out
from antivenom.models.optimizers import Optimizer, OptimizerName
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, NonNegative, Positive, component
from antivenom.training.augment import augment
from antivenom.training.contracts import Callback, Epoch
from antivenom.training.step import Step, step_for

GATHERED = 8
"""So many batches are gathered at once, to keep memory bounded and the gather cheap."""


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

    @property
    def update_rule(self) -> Optimizer:
        """The optimizer's settings."""
        return Optimizer(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            decay_biases=self.decay_biases,
        )

    def rate_at(self, done: float) -> float:
        """The learning rate when the share `done` of all updates is done."""
        if done < self.warmup:
            return self.learning_rate * done / self.warmup
        rest = (done - self.warmup) / (1 - self.warmup)
        factor = {"constant": 1.0, "linear": 1 - rest, "cosine": (1 + math.cos(math.pi * rest)) / 2}
        return self.learning_rate * factor[self.schedule]


def train(
    classifier: Classifier, data: Dataset, recipe: Recipe, *, rng: Rng, callbacks: Sequence[Callback] = ()
) -> ModuleClassifier:
    """A trained copy of a classifier.

    The order of the rows, and what augmentation does to each, depend on (stream, epoch, row id) alone.

    Args:
        classifier: it has gradients, and is untouched.
        data: the rows.
        recipe: how weights are updated.
        rng: the training's stream.
        callbacks: each is called after each epoch.

    Raises:
        CapabilityError: the classifier has no gradients.
        DataError: the data does not fit the classifier or the recipe.
    """
    trained = _checked(classifier, data, recipe).copy()
    data = data.to(trained.device)
    update = step_for(trained, recipe.update_rule, recipe.precision)
    with learning(trained, rng):
        _freeze_statistics(trained)
        run_epochs(
            recipe.epochs,
            lambda epoch: epoch_of(update, data, recipe, rng, epoch),
            trained,
            rows=len(data),
            callbacks=callbacks,
            patience=recipe.patience,
            min_delta=recipe.min_delta,
        )
    return trained


@contextmanager
def learning(trained: ModuleClassifier, rng: Rng) -> Iterator[None]:
    """The module in training mode, its own draws from a stream; afterwards it is as it should be used."""
    trained.module.train()
    with rng.child("modules").torch_globally(trained.device):
        yield
    trained.module.zero_grad()
    lay_out(trained.module, trained.input_shape)  # a quick step may have laid the weights otherwise
    trained.module.eval()


def _freeze_statistics(trained: ModuleClassifier) -> None:
    """Layers whose weights are all frozen keep their running statistics too."""
    for layer in trained.module.modules():
        own = list(layer.parameters(recurse=False))
        if own and not any(weight.requires_grad for weight in own):
            layer.eval()


def run_epochs(
    epochs: int,
    learn: Callable[[int], float],
    learner: Classifier,
    *,
    rows: int,
    callbacks: Sequence[Callback] = (),
    patience: int | None = None,
    min_delta: float = 0.0,
) -> None:
    """Epoch after epoch, until the last one, until the loss has stopped falling, or until it is not finite.

    Args:
        epochs: how many, at most.
        learn: does one epoch, by its number from 0, and returns its mean loss.
        learner: what learns, for callbacks.
        rows: rows in an epoch.
        callbacks: each is called after each epoch.
        patience: stop when the loss has not fallen for this many epochs; None to do all.
        min_delta: how much the loss must fall to count.
    """
    best, waited = math.inf, 0
    for epoch in range(epochs):
        began = time.perf_counter()
        loss = learn(epoch)
        done = Epoch(epoch + 1, epochs, loss, time.perf_counter() - began, learner, rows * (epoch + 1))
        for callback in callbacks:
            callback(done)
        best, waited = (loss, 0) if loss < best - min_delta else (best, waited + 1)
        if not math.isfinite(loss) or (patience is not None and waited >= patience):
            break


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
    name = type(recipe).__name__
    advice = "Pass an nn.Module, or train a scikit-learn estimator by own_fit or online."
    module = as_module(classifier, by=name, advice=advice)
    check_fits(classifier, data)
    for problem in recipe.problems(data):
        raise DataError(f"{name} {problem}")
    return module


def check_fits(classifier: Classifier, data: Dataset) -> None:
    """Check that data fits the classifier that is to learn from it.

    Raises:
        DataError: there are no rows, or rows of another shape, classes or bounds than the classifier takes.
    """
    if not len(data):
        raise DataError("There are no rows to train on.")
    if data.shape != classifier.input_shape:
        raise DataError(f"The classifier takes rows of {classifier.input_shape}; the data's are {data.shape}.")
    if len(data.classes) > classifier.classes:
        raise DataError(f"The classifier knows {classifier.classes} classes; the data has {len(data.classes)}.")
    if data.bounds is not None and classifier.bounds is not None and data.bounds != classifier.bounds:
        raise DataError(f"The classifier takes rows in {classifier.bounds}; the data's are in {data.bounds}.")
