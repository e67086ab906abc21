"""The only training loop: whole tensors on the device, batches by row id, no Python code per row."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, ModuleClassifier, as_trainable
from antivenom.models.batches import rows_within
from antivenom.models.optimizers import Optimizer, OptimizerName
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, NonNegative, Positive, component
from antivenom.settings.fits import check_classes
from antivenom.training.augment import augment
from antivenom.training.contracts import Callback, Epoch
from antivenom.training.last_batch import check_batch_size, freeze_statistics, least_rows, pieces, training_problems
from antivenom.training.step import Step, step_for

BATCHES_PER_GATHER = 8
"""The largest number of batches per gather. It limits memory use, and makes the gather cheap."""


@component
class Recipe:
    """The settings of weight updates, shared by all training settings.

    Args:
        epochs: the largest number of passes over the data.
        batch_size: the number of rows per update.
        optimizer: `adam`, `adamw`, `sgd`, `rmsprop` or `sklearn_adam`.
        learning_rate: the step size; the largest step size if a schedule changes it.
        momentum: the momentum, only for `sgd` and `rmsprop`.
        weight_decay: the factor of the L2 penalty (decoupled for `adamw`).
        decay_biases: true to decay biases too.
        schedule: `constant`, or a `cosine` or `linear` decrease to 0 over all epochs.
        warmup: the share of all updates in which the learning rate first increases from 0.
        patience: stop if the mean training loss does not fall for this number of epochs; null to train all epochs.
        min_delta: the smallest decrease of the loss that counts as a fall; requires `patience`.
        crop: the largest shift of each image, in pixels. New pixels have the lower bound. 0 for no shift.
        flip: true to mirror half of the images left to right.
        precision: `float32`, or `bfloat16` to compute layers in bfloat16 with weights in float32.
        checkpoints: the number of checkpoints, evenly spaced over the epochs, to show what was learned at which time;
            0 for none.
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
            problems.append(f"{name}.momentum must be 0 for {self.optimizer}; got {self.momentum}. Use sgd or rmsprop.")
        if self.min_delta and self.patience is None:
            problems.append(f"{name}.min_delta requires patience, the number of epochs to wait; got patience null.")
        if problems:
            raise SettingsError(problems)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield a sentence for each setting that does not fit the data."""
        if (self.crop or self.flip) and not data.is_image:
            yield f"requires images for crop and flip; the rows have shape {data.shape}."
        elif self.crop and self.crop >= min(data.shape[1:]):
            yield f"requires crop below {min(data.shape[1:])}, the smallest side of the images; got {self.crop}."

    def model_problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield a sentence for each reason why this training does not fit a classifier."""
        yield from training_problems(classifier, self.batch_size)

    @property
    def update_rule(self) -> Optimizer:
        """The settings of the optimizer."""
        return Optimizer(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            decay_biases=self.decay_biases,
        )

    def rate_at(self, done: float) -> float:
        """Return the learning rate after the share `done` of all updates, in [0, 1]."""
        if done < self.warmup:
            return self.learning_rate * done / self.warmup
        rest = (done - self.warmup) / (1 - self.warmup)
        factor = {"constant": 1.0, "linear": 1 - rest, "cosine": (1 + math.cos(math.pi * rest)) / 2}
        return self.learning_rate * factor[self.schedule]


def train(
    classifier: Classifier,
    data: Dataset,
    recipe: Recipe,
    *,
    rng: Rng,
    callbacks: Sequence[Callback] = (),
    by: str | None = None,
) -> ModuleClassifier:
    """Return a trained copy of a classifier.

    The order of the rows, and the augmentation of each row, depend only on stream, epoch and row id. A last batch of
    one row joins the batch before it if the network requires two rows, as batch normalisation does.

    Args:
        classifier: a classifier with gradients. It does not change.
        data: the rows.
        recipe: the settings of the updates.
        rng: the stream of the training.
        callbacks: functions that are called after each epoch.
        by: the name of the component that trains, for messages; the class of the recipe if omitted.

    Raises:
        CapabilityError: the classifier has no gradients, or no weights to train.
        DataError: the data does not fit the classifier or the recipe.
        SettingsError: the batch size is 1, and the network requires two rows.
    """
    by = by or type(recipe).__name__
    trained = checked(classifier, data, recipe, by).copy()
    data = data.to(trained.device)
    update = step_for(trained, recipe.update_rule, recipe.precision)
    with learning(trained, rng):
        freeze_statistics(trained)
        least = least_rows(trained, len(data), recipe.batch_size)
        check_batch_size(trained, len(data), recipe.batch_size, least, by=by)
        run_epochs(
            recipe.epochs,
            lambda epoch: epoch_of(update, data, recipe, rng, epoch, least),
            trained,
            rows=len(data),
            callbacks=callbacks,
            patience=recipe.patience,
            min_delta=recipe.min_delta,
        )
    return trained


@contextmanager
def learning(trained: ModuleClassifier, rng: Rng) -> Iterator[None]:
    """Switch the module to training mode with draws from a stream; afterwards to evaluation mode."""
    trained.module.train()
    with rng.child("modules").torch_globally(trained.device):
        yield
    trained.module.zero_grad()
    trained.lay_out()  # a fast step may have changed the layout
    trained.module.eval()


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
    """Run epochs until the last one, until the loss stops falling, or until it is not finite.

    Args:
        epochs: the largest number of epochs.
        learn: runs one epoch, by its number from 0, and returns its mean loss.
        learner: the classifier that learns, for callbacks.
        rows: the number of rows per epoch.
        callbacks: functions that are called after each epoch.
        patience: stop if the loss does not fall for this number of epochs; None to run all epochs.
        min_delta: the smallest decrease of the loss that counts as a fall.
    """
    course = Course(epochs, learner, rows, callbacks, patience, min_delta)
    for epoch in range(epochs):
        began = time.perf_counter()
        loss = learn(epoch)
        if not course.goes_on(epoch, loss, time.perf_counter() - began):
            break


@dataclass
class Course:
    """Calls the callbacks after each epoch, and decides whether the next epoch follows: see `run_epochs`."""

    epochs: int
    learner: Classifier
    rows: int
    callbacks: Sequence[Callback] = ()
    patience: int | None = None
    min_delta: float = 0.0
    best: float = math.inf
    waited: int = 0

    def goes_on(self, epoch: int, loss: float, seconds: float) -> bool:
        """Call the callbacks. Return False if this epoch, by its number from 0, was the last one."""
        done = Epoch(epoch + 1, self.epochs, loss, seconds, self.learner, self.rows * (epoch + 1))
        for callback in self.callbacks:
            callback(done)
        fell = loss < self.best - self.min_delta
        self.best, self.waited = (loss, 0) if fell else (self.best, self.waited + 1)
        patient = self.patience is None or self.waited < self.patience
        return math.isfinite(loss) and patient and epoch + 1 < self.epochs


def epoch_of(update: Step, data: Dataset, recipe: Recipe, rng: Rng, epoch: int, least: int = 1) -> float:
    """Update on every batch of an epoch; return the mean loss over its rows. `least` is the fewest rows of a batch."""
    batches = math.ceil(len(data) / recipe.batch_size)
    losses, sizes = [], []
    for step, (x, y) in enumerate(_batches(data, recipe, rng, epoch, least)):
        losses.append(update(x, y, recipe.rate_at((epoch + step / batches) / recipe.epochs)))
        sizes.append(len(y))
    shares = torch.tensor(sizes, dtype=torch.float64, device=data.device) / len(data)
    return float(torch.stack(losses).double() @ shares)


def _batches(data: Dataset, recipe: Recipe, rng: Rng, epoch: int, least: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of an epoch. The next gather overwrites the memory of a batch."""
    order = rng.child("order", epoch).order(data.ids)
    size = min(recipe.batch_size, len(order))
    gathers = pieces(order, size * max(1, min(BATCHES_PER_GATHER, rows_within(data.shape) // size)), least)
    stored = data.x.new_empty(max(map(len, gathers)), *data.shape)
    inputs = torch.empty(stored.shape, device=data.device)  # new memory would cost more than the gather
    for rows in gathers:
        xs = torch.index_select(data.x, 0, rows, out=stored[: len(rows)])
        ys = data.y.index_select(0, rows)
        if recipe.crop or recipe.flip:
            keys = rng.child("augment", epoch).keys(data.ids[rows])
            xs = augment(xs, keys, crop=recipe.crop, flip=recipe.flip)
        decoded = data.decode(xs, out=inputs[: len(rows)])
        yield from zip(pieces(decoded, size, least), pieces(ys, size, least), strict=True)


def checked(classifier: Classifier, data: Dataset, recipe: Recipe, name: str) -> ModuleClassifier:
    """Return the classifier itself if it can learn from these rows with this recipe; see `train` for the errors."""
    advice = "Pass an nn.Module, or use own_fit or online to train a scikit-learn estimator."
    module = as_trainable(classifier, by=name, advice=advice)
    check_learnable(classifier, data, name)
    for problem in recipe.problems(data):
        raise DataError(f"{name} {problem}")
    module.check_trainable()
    return module


def check_learnable(classifier: Classifier, data: Dataset, name: str) -> None:
    """Check that a classifier, which may be the `start` of a training, can learn from rows of its shape and range.

    Raises:
        DataError: the data has no rows, or other classes than the classifier.
    """
    if not len(data):
        raise DataError(f"{name}: `data` must have at least one row; it has none.")
    check_classes(classifier, data, f"{name}: `data`")
