"""Online training."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.arrivals import Arrival, arranged
from antivenom.arrivals.spread import Spread
from antivenom.data import CLEAN, Dataset, Source, Splits
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, Model, ModuleClassifier, is_module, require
from antivenom.models.batches import rows_within
from antivenom.models.optimizers import OptimizerName
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Component, NonNegative, Positive, component
from antivenom.shapes import Ids, Positions, Roles
from antivenom.training.contracts import Callback, Epoch, Training, load_source
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.last_batch import check_batch_size, least_rows, pieces, training_problems
from antivenom.training.loop import Recipe, check_learnable, learning, run_epochs, train
from antivenom.training.step import step_for

ROWS_PER_GATHER = 4096
"""The number of rows of a stream per gather."""


@component
class Online:
    """A trained model continues to learn from a stream, row by row, in the order of arrival.

    The model first trains on clean rows, the warm-up, which victim and control share. The attacker's rows arrive only
    in the stream. The runner sorts the stream, and the training does not know who contributed a row. It trains an
    `nn.Module`, or a scikit-learn estimator with `partial_fit`, which uses its own updates.

    Args:
        warm_up: the training before the stream; null for a stream that starts with new weights.
        warm_up_share: the share of the training set for the warm-up, in (0, 1]; the rest is the stream. With 1, the
            stream contains only the attacker's rows (for the control: the same number of clean rows of the training
            set).
        schedule: `stream` learns each row once, when it arrives. `mixed` shuffles the rows for each epoch, until the
            mean training loss does not fall for `patience` epochs.
        arrival: for `stream`: the times at which the attacker's rows arrive; `spread` if null.
        batch_size: the number of rows per update.
        optimizer: for an `nn.Module`; `sgd` if null.
        learning_rate: for an `nn.Module`; 0.01 if null.
        momentum: the momentum, only for `sgd` and `rmsprop`.
        weight_decay: the factor of the L2 penalty, for an `nn.Module`.
        decay_biases: true to decay biases too.
        epochs: for `mixed`: the largest number of epochs; 100 if null.
        patience: for `mixed`: the number of epochs to wait for a fall of the loss; 3 if null.
        checkpoints: the number of checkpoints, evenly spaced along the stream.

    Raises:
        SettingsError: settings of the other schedule, or settings that a scikit-learn estimator does not support.
        CapabilityError: the classifier cannot learn incrementally.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP, predictions
    >>> digits = load("digits")
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> trained = Online().fit(model, digits.train, rng=Rng(0))
    >>> bool((predictions(trained, digits.test) == digits.test.y).float().mean() > 0.5)
    True
    """

    needs = frozenset({"incremental"})

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
            problems.append("Online.arrival requires the schedule 'stream'; got 'mixed', which shuffles the rows.")
        if self.schedule == "stream" and (self.epochs is not None or self.patience is not None):
            problems.append("Online.epochs and patience require the schedule 'mixed'; got 'stream'.")
        if self.schedule == "mixed" and self.warm_up is not None and self.warm_up_share == 1:
            problems.append("Online.warm_up_share must be below 1 for the schedule 'mixed'; got 1.")
        if self.momentum and self.optimizer not in (None, "sgd", "rmsprop"):
            problems.append(f"Online.momentum must be 0 for {self.optimizer}; got {self.momentum}. Use sgd or rmsprop.")
        if problems:
            raise SettingsError(problems)

    def divide(
        self,
        splits: Splits,
        rng: Rng,
        read: Callable[[Source], Splits] = load_source,  # noqa: ARG002
    ) -> tuple[Dataset | None, Splits]:
        """Return the rows of the warm-up, or None without a warm-up; and the splits for the stream and for testing."""
        if self.warm_up is None:
            return None, splits
        if self.warm_up_share == 1:
            return splits.train, splits
        order = rng.order(splits.train.ids)
        cut = round(self.warm_up_share * len(order))
        if not 0 < cut < len(order):
            raise DataError(f"{len(order)} rows are too few for a warm-up of {self.warm_up_share:.0%} and a stream.")
        before, arriving = (torch.sort(part).values for part in (order[:cut], order[cut:]))
        return splits.train.subset(before), Splits(train=splits.train.subset(arriving), test=splits.test)

    def model_problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield a sentence for each reason why this training does not fit a classifier."""
        yield from training_problems(classifier, self.batch_size)

    @property
    def pretrained_by(self) -> Training | None:
        """The warm-up."""
        return self.warm_up

    def pretrained_model(self, model: Model, blank: Classifier) -> Classifier | None:  # noqa: ARG002
        """Return None: the warm-up trains the model."""
        return None

    @property
    def single_pass(self) -> bool:
        """True if each row is learned when it arrives. `mixed` shuffles the rows."""
        return self.schedule == "stream"

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Return positions in the order of arrival, for the runner. The order is unchanged for `mixed`."""
        if self.schedule == "mixed":
            return torch.arange(len(roles), device=roles.device)
        arrival = self.arrival or Spread()
        if self.warm_up is None or self.warm_up_share < 1:
            return arranged(arrival, Arrival.arrange, roles, ids, rng)
        arriving = torch.nonzero(roles != CLEAN).flatten()
        return arriving[arranged(arrival, Arrival.arrange, roles[arriving], ids[arriving], rng)]

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier:
        """Return a new classifier that has learned from the stream; it starts from `start` if that is given."""
        first = classifier.fresh(rng.child("weights")) if start is None else start
        if is_module(first):
            if self.schedule == "mixed":
                return train(first, data, self._recipe, rng=rng.child("loop"), callbacks=callbacks, by="Online")
            return self._stream_module(first, data, rng, callbacks)
        require(first, "incremental", by="Online")
        self._check_estimator()
        check_learnable(first, data, "Online")
        learner = first.copy()
        if self.schedule == "mixed":
            self._mix(data, callbacks, learner, rng.child("loop"))
        else:
            self._along(data, callbacks, learner, lambda x, y: torch.tensor(learner.learn(x, y)))
        return learner

    @property
    def _recipe(self) -> Recipe:
        """The update settings of an `nn.Module`. Epochs and patience are for `mixed`."""
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
        """Train an estimator on the rows, shuffled for each epoch."""

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
        check_learnable(first, data, "Online")
        first.check_trainable()
        trained, recipe = first.copy(), self._recipe
        data = data.to(trained.device)
        update = step_for(trained, recipe.update_rule, recipe.precision)
        with learning(trained, rng):
            least = least_rows(trained, len(data), self.batch_size)
            check_batch_size(trained, len(data), self.batch_size, least, by="Online")
            self._along(data, callbacks, trained, lambda x, y: update(x, y, recipe.learning_rate), least)
        return trained

    def _along(
        self,
        data: Dataset,
        callbacks: Sequence[Callback],
        learner: Classifier,
        learn: Callable[[Tensor, Tensor], Tensor],
        least: int = 1,
    ) -> None:
        """Learn from all rows in order, and call the callbacks at evenly spaced checkpoints."""
        joined = 0 < len(data) % self.batch_size < least
        batches = math.ceil(len(data) / self.batch_size) - joined
        checkpoints = min(self.checkpoints, batches)
        ends = [round(batches * number / checkpoints) * self.batch_size for number in range(1, checkpoints + 1)]
        ends[-1] += joined
        rows, first = torch.arange(len(data), device=data.device), 0
        for number, end in enumerate(ends, 1):
            began, losses, sizes = time.perf_counter(), [], []
            for part in pieces(rows[first:end], self._rows_per_gather(data), least):
                start, stop = int(part[0]), int(part[-1]) + 1
                inputs, labels = data.inputs(slice(start, stop)), data.y[start:stop]
                batches_of = (pieces(each, self.batch_size, least) for each in (inputs, labels))
                for x, y in zip(*batches_of, strict=True):
                    losses.append(learn(x, y))
                    sizes.append(len(y))
            first = end
            shares = torch.tensor(sizes, dtype=torch.float64) / sum(sizes)
            loss = float(torch.stack(losses).double().cpu() @ shares)
            done = Epoch(number, checkpoints, loss, time.perf_counter() - began, learner, min(end, len(data)))
            for callback in callbacks:
                callback(done)

    def _rows_per_gather(self, data: Dataset) -> int:
        return max(1, rows_within(data.shape, ROWS_PER_GATHER) // self.batch_size) * self.batch_size

    def _check_estimator(self) -> None:
        """Raise SettingsError for settings that a scikit-learn estimator does not support."""
        given = {
            "optimizer": self.optimizer is not None,
            "learning_rate": self.learning_rate is not None,
            "momentum": self.momentum > 0,
            "weight_decay": self.weight_decay > 0,
            "decay_biases": not self.decay_biases,
        }
        problems = [
            f"Online.{name} requires an nn.Module; a scikit-learn estimator has its own settings."
            for name, is_given in given.items()
            if is_given
        ]
        if problems:
            raise SettingsError(problems)
