"""Online training."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.arrivals import Arrival
from antivenom.arrivals.spread import Spread
from antivenom.data import CLEAN, Dataset, Source, Splits
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, Model, ModuleClassifier, is_module, require
from antivenom.models.optimizers import OptimizerName
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Component, NonNegative, Positive, component
from antivenom.shapes import Ids, Positions, Roles
from antivenom.training.contracts import Callback, Epoch, Training, load_source
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.loop import Recipe, check_fits, learning, run_epochs, train
from antivenom.training.step import step_for

GATHERED = 4096
"""So many rows of a stream are gathered at once."""


@component
class Online:
    """A model that has been trained goes on learning from what comes in, row by row, in the order in which it comes.

    The victim's warm-up is on clean rows, and the control shares it; the attacker's rows come in the stream alone. The
    runner arranges the stream; training cannot tell who contributed a row. For an `nn.Module`, and for scikit-learn
    estimators with `partial_fit`, which update in their own way.

    Args:
        warm_up: how the model was trained before; null for a stream that starts with new weights.
        warm_up_share: the share of the training set that the warm-up has; the rest is the stream. With 1 the warm-up
            has all of it, and nothing but the attacker's rows comes in after that (for the control: clean rows of the
            training set, as many).
        schedule: `stream`: each row once, as it comes. `mixed`: the rows shuffled, again and again, until the mean
            training loss has not fallen for `patience` epochs.
        arrival: for `stream`, when the attacker's rows come in; `spread` if null.
        batch_size: rows an update.
        optimizer: for an `nn.Module`; `sgd` if null.
        learning_rate: for an `nn.Module`; 0.01 if null.
        momentum: for `sgd` and `rmsprop` alone.
        weight_decay: L2 on the weights, for an `nn.Module`.
        decay_biases: whether that holds for biases too.
        epochs: for `mixed`: the limit.
        patience: for `mixed`: the epochs to wait for a fall of the loss.
        checkpoints: how often, evenly spaced along the stream, the model is kept.

    Raises:
        SettingsError: settings of one schedule for the other, or for an estimator what it cannot be told.
        CapabilityError: a classifier that cannot learn batch by batch.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP, predictions
    >>> digits = load("digits")
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> trained = Online().fit(model, digits.train, rng=Rng(0))
    >>> bool((predictions(trained, digits.test) == digits.test.y).float().mean() > 0.5)
    True
    """

    warm_up: Annotated[Training, Component("trainings")] | None = EndToEnd()
    warm_up_share: Annotated[float, Interval(gt=0, le=1)] = 0.5
    schedule: Literal["stream", "mixed"] = "stream"
    arrival: Annotated[Arrival, Component("arrivals")] | None = None
    batch_size: AtLeastOne = 1
    optimizer: OptimizerName | None = None
    learning_rate: Positive | None = None
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    weight_decay: NonNegative = 0.0
    decay_biases: bool = True
    epochs: AtLeastOne | None = None
    patience: AtLeastOne | None = None
    checkpoints: AtLeastOne = 20

    def __post_init__(self) -> None:
        problems = []
        if self.schedule == "mixed" and self.arrival is not None:
            problems.append("Online.arrival is for the schedule 'stream'; 'mixed' shuffles the rows.")
        if self.schedule == "stream" and (self.epochs is not None or self.patience is not None):
            problems.append("Online.epochs and patience are for the schedule 'mixed'; in a stream a row comes once.")
        if self.schedule == "mixed" and self.warm_up is not None and self.warm_up_share == 1:
            problems.append("Online.warm_up_share of 1 is for the schedule 'stream'; 'mixed' needs rows to mix.")
        if self.momentum and self.optimizer not in (None, "sgd", "rmsprop"):
            problems.append(f"Online.momentum is for sgd and rmsprop; {self.optimizer} has its own.")
        if problems:
            raise SettingsError(problems)

    def divide(
        self,
        splits: Splits,
        rng: Rng,
        read: Callable[[Source], Splits] = load_source,  # noqa: ARG002
    ) -> tuple[Dataset | None, Splits]:
        """The rows that the warm-up has, and the splits that are left for the stream and to measure on."""
        if self.warm_up is None:
            return None, splits
        if self.warm_up_share == 1:
            return splits.train, splits
        order = rng.order(splits.train.ids)
        cut = round(self.warm_up_share * len(order))
        if not 0 < cut < len(order):
            raise DataError(f"{len(order)} rows are too few for a warm-up of {self.warm_up_share:.0%} and a stream.")
        known, coming = (torch.sort(part).values for part in (order[:cut], order[cut:]))
        return splits.train.subset(known), Splits(train=splits.train.subset(coming), test=splits.test)

    @property
    def pretrained_by(self) -> Training | None:
        """The warm-up."""
        return self.warm_up

    def pretrained_model(self, model: Model, blank: Classifier) -> Classifier | None:  # noqa: ARG002
        """None: the warm-up trains it."""
        return None

    @property
    def single_pass(self) -> bool:
        """Whether rows are learned from as they arrive; `mixed` shuffles them."""
        return self.schedule == "stream"

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """For the runner: the order in which rows come in; as they stand, where they will be shuffled."""
        if self.schedule == "mixed":
            return torch.arange(len(roles), device=roles.device)
        arrival = self.arrival or Spread()
        if self.warm_up is None or self.warm_up_share < 1:
            return arrival.arrange(roles, ids, rng)
        coming = torch.nonzero(roles != CLEAN).flatten()
        return coming[arrival.arrange(roles[coming], ids[coming], rng)]

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier:
        """A new classifier that has learned from the stream, from `start` on."""
        first = classifier.fresh(rng.child("weights")) if start is None else start
        if is_module(first):
            if self.schedule == "mixed":
                return train(first, data, self._recipe, rng=rng.child("loop"), callbacks=callbacks)
            return self._stream_module(first, data, rng, callbacks)
        require(first, "incremental", by="Online")
        self._check_estimator()
        check_fits(first, data)
        learner = first.copy()
        if self.schedule == "mixed":
            self._mix(data, callbacks, learner, rng.child("loop"))
        else:
            self._along(data, callbacks, learner, lambda x, y: torch.tensor(learner.learn(x, y)))
        return learner

    @property
    def _recipe(self) -> Recipe:
        """How an `nn.Module` is updated; epochs and patience are those of `mixed`."""
        return Recipe(
            epochs=self.epochs or 100,
            patience=self.patience or 3,
            batch_size=self.batch_size,
            optimizer=self.optimizer or "sgd",
            learning_rate=self.learning_rate or 0.01,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            decay_biases=self.decay_biases,
        )

    def _mix(self, data: Dataset, callbacks: Sequence[Callback], learner: Classifier, rng: Rng) -> None:
        """An estimator learns from the rows shuffled, again and again."""

        def learn(epoch: int) -> float:
            order = rng.child("order", epoch).order(data.ids)
            total = 0.0
            for rows in order.split(self.batch_size):
                total += learner.learn(data.inputs(rows), data.y[rows]) * len(rows)
            return total / len(data)

        recipe = self._recipe
        run_epochs(recipe.epochs, learn, learner, rows=len(data), callbacks=callbacks, patience=recipe.patience)

    def _stream_module(
        self, first: ModuleClassifier, data: Dataset, rng: Rng, callbacks: Sequence[Callback]
    ) -> Classifier:
        check_fits(first, data)
        trained, recipe = first.copy(), self._recipe
        data = data.to(trained.device)
        update = step_for(trained, recipe.update_rule, recipe.precision)
        with learning(trained, rng):
            self._along(data, callbacks, trained, lambda x, y: update(x, y, recipe.learning_rate))
        return trained

    def _along(
        self,
        data: Dataset,
        callbacks: Sequence[Callback],
        learner: Classifier,
        learn: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        """Learn from every row in its turn, and call the callbacks now and then."""
        batches = math.ceil(len(data) / self.batch_size)
        looks = min(self.checkpoints, batches)
        ends = [round(batches * number / looks) * self.batch_size for number in range(1, looks + 1)]
        first = 0
        for number, end in enumerate(ends, 1):
            began, losses, sizes = time.perf_counter(), [], []
            for start in range(first, min(end, len(data)), self._gathered):
                stop = min(start + self._gathered, end, len(data))
                inputs, labels = data.inputs(slice(start, stop)), data.y[start:stop]
                for x, y in zip(inputs.split(self.batch_size), labels.split(self.batch_size), strict=True):
                    losses.append(learn(x, y))
                    sizes.append(len(y))
            first = end
            shares = torch.tensor(sizes, dtype=torch.float64) / sum(sizes)
            loss = float(torch.stack(losses).double().cpu() @ shares)
            done = Epoch(number, looks, loss, time.perf_counter() - began, learner, min(end, len(data)))
            for callback in callbacks:
                callback(done)

    @property
    def _gathered(self) -> int:
        return max(1, GATHERED // self.batch_size) * self.batch_size

    def _check_estimator(self) -> None:
        """Refuse what a scikit-learn estimator cannot be told: it has settings of its own."""
        given = {
            "optimizer": self.optimizer is not None,
            "learning_rate": self.learning_rate is not None,
            "momentum": self.momentum > 0,
            "weight_decay": self.weight_decay > 0,
            "decay_biases": not self.decay_biases,
        }
        problems = [
            f"Online.{name} is for an nn.Module; a scikit-learn estimator has settings of its own."
            for name, is_given in given.items()
            if is_given
        ]
        if problems:
            raise SettingsError(problems)
