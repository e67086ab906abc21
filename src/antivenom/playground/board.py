"""The board of the playground and the models that belong to it.

All results are pure functions of the board. They use the same components as an experiment.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from threading import Lock
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Interval, Len
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis import Square, grid_points, margin
from antivenom.attacks.aimed_chaff import AimedChaff
from antivenom.attacks.chaff import Chaff
from antivenom.data import Dataset
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.defences.nearest_neighbours import NearestNeighbours
from antivenom.defences.trim import Trim
from antivenom.errors import SettingsError
from antivenom.metrics import threshold_for
from antivenom.models import Classifier, predictions
from antivenom.models.estimator import Seed
from antivenom.models.restoring import restored
from antivenom.playground.turns import stop_if_left
from antivenom.rng import Rng
from antivenom.runner import Experiment, dump_spec, load_spec
from antivenom.runner.executors.crafting import prepared, starting_data, stream_of
from antivenom.runner.executors.stages import Stages
from antivenom.runner.executors.starting_models import fit_start
from antivenom.runner.lesson import lesson_source, lesson_spec
from antivenom.runner.scoring.detectors import score_together
from antivenom.settings import component
from antivenom.training import Epoch, StreamTraining

LOW, HIGH = -3.0, 3.0
COARSE, FINE = 0.1, 0.01
MOST_POINTS, MOST_CALLS = 40, 100
CALLS_AHEAD = 15
"""The number of calls of partial_fit is rounded up to a multiple of this, so that stepping and playing do not wait."""
AIM_EVALUATIONS = 100
TRAINING_LOCK = Lock()
"""Training uses the global random generator of torch, so only one thread may train at a time."""

Place = tuple[
    Annotated[float, Interval(ge=LOW, le=HIGH)],
    Annotated[float, Interval(ge=LOW, le=HIGH)],
    Annotated[int, Interval(ge=0, le=1)],
]
ModelName = Literal["MLPClassifier", "SGDClassifier", "logistic_regression", "mlp"]
MODELS: dict[str, Any] = {
    "logistic_regression": {"name": "estimator", "class_name": "SGDClassifier", "settings": {"loss": "log_loss"}},
}
"""The models whose name on the page is not enough for a spec."""
DefenceName = Literal["none", "loss_monitor", "nearest_neighbours", "trim"]
DEFENCES: dict[str, Any] = {
    "loss_monitor": LossMonitor(false_alarm_rate=0.05),
    "nearest_neighbours": NearestNeighbours(false_alarm_rate=0.05),
    "trim": Trim(false_alarm_rate=0.05),
}


@component
class Board:
    """All settings of the page. Two equal boards show the same.

    Args:
        data: the points on which the model is trained before the poison.
        model: the model.
        seed: the seed of data and model. If omitted, each uses the seed of the example.
        points: the poison: x, y and label.
        calls: the number of `partial_fit` calls. Each call learns all points.
        defence: the detector that drops points before the model learns them.

    >>> Board(points=((-2, 0.1, 1),), calls=3).calls
    3
    """

    data: Literal["classification", "moons", "circles", "blobs"] = "classification"
    model: ModelName = "MLPClassifier"
    seed: Seed = None
    points: Annotated[tuple[Place, ...], Len(max_length=MOST_POINTS)] = ()
    calls: Annotated[int, Interval(ge=0, le=MOST_CALLS)] = 0
    defence: DefenceName = "none"

    def experiment(self, calls: int) -> Experiment:
        """Return the experiment that is equivalent to this board after the given number of calls."""
        experiment = load_spec(
            lesson_spec(
                source=lesson_source(self.data, self.seed),
                model=MODELS.get(self.model, self.model),
                points=[(x, y) for x, y, _ in self.points],
                labels=[label for _, _, label in self.points] or [1],
                calls=calls,
                seed=self.seed,
            )
        )
        assert isinstance(experiment, Experiment)
        return experiment

    def spec(self) -> str:
        """Return a spec for `antivenom run`, with the points that the defence keeps.

        Raises:
            SettingsError: the board makes no call, or the defence keeps none of its points.
        """
        kept = kept_points(self)
        if not self.calls or not any(kept):
            advice = (
                "Make at least one call of partial_fit" if not self.calls else "Place a point that the defence keeps"
            )
            raise SettingsError([f"This board does not change the model. {advice}."])
        dropped = "".join(
            f"# Dropped by {self.defence}: {x:g}, {y:g}, label {label}\n"
            for (x, y, label), is_kept in zip(self.points, kept, strict=True)
            if not is_kept
        )
        return dropped + dump_spec(defended(self).experiment(self.calls))


@dataclass(frozen=True, eq=False)
class Start:
    """The data and the model before any poison.

    Attributes:
        known: the training rows.
        test: the held-out rows.
        classifier: the model, trained on `known`.
    """

    known: Dataset
    test: Dataset
    classifier: Classifier

    @cached_property
    def coarse(self) -> NDArray[np.float64]:
        """The margin on the coarse grid (side, side)."""
        return field(self.classifier)

    @cached_property
    def fine(self) -> NDArray[np.float64]:
        """The margin on the fine grid (n)."""
        return margin(self.classifier, Square(LOW, HIGH, FINE).points)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The predicted class of each held-out row (n)."""
        return np.asarray(predictions(self.classifier, self.test).numpy())


def field(classifier: Classifier) -> NDArray[np.float64]:
    """Return the margin over the square on the coarse grid, both edges included (side, side)."""
    side = round((HIGH - LOW) / COARSE) + 1
    return margin(classifier, grid_points(np.linspace(LOW, HIGH, side))).reshape(side, side)


@lru_cache(maxsize=16)
def start_of(data: str, model: str, seed: int | None) -> Start:
    """Train the model on the clean rows. The result is cached."""
    stop_if_left()
    experiment = Board(data=data, model=model, seed=seed).experiment(1)  # type: ignore[arg-type]
    stages = Stages(None, torch.device("cpu"))
    splits = prepared(experiment, stages)
    rows = starting_data(experiment, splits, stages, 0)
    with TRAINING_LOCK:
        classifier = fit_start(experiment, rows, stages, stream_of(experiment, 0).child("start"), "warm-up", 0)
    assert classifier is not None
    return Start(splits.train, splits.test, classifier)


@lru_cache(maxsize=32)
def path_of(board: Board, calls: int, clean: bool = False) -> tuple[dict[str, Tensor], ...]:
    """Return the state of the model after each call.

    Args:
        board: the board, without a defence.
        calls: the number of calls.
        clean: learn clean rows in place of the points. This is the control.
    """
    start = start_of(board.data, board.model, board.seed)
    experiment = board.experiment(calls)
    rng = stream_of(experiment, 0)
    poisoned = experiment.attack.poison(start.known, rng=rng.child("attack"))
    assert isinstance(experiment.training, StreamTraining)
    order = experiment.training.arrange(poisoned.roles, poisoned.data.ids, rng.child("arrival"))
    data = poisoned.control(rng.child("control")) if clean else poisoned.data
    path: list[dict[str, Tensor]] = []

    def keep(epoch: Epoch) -> None:
        stop_if_left()
        assert epoch.classifier is not None
        path.append(epoch.classifier.state())

    stream = data.subset(order)
    with TRAINING_LOCK:
        experiment.training.fit(
            start.classifier, stream, rng=rng.child("fit"), start=start.classifier, callbacks=(keep,)
        )
    return tuple(path)


def at_call(board: Board, *, clean: bool = False) -> Classifier:
    """Return the model after the calls of the board. `clean=True` returns the control."""
    before = start_of(board.data, board.model, board.seed).classifier
    if not board.calls or not board.points:
        return before
    ahead = min(MOST_CALLS, -(-board.calls // CALLS_AHEAD) * CALLS_AHEAD)
    return restored(before, path_of(replace(board, calls=0, defence="none"), ahead, clean)[board.calls - 1])


@lru_cache(maxsize=64)
def _dropped(rows: tuple[Place, ...] | None, data: str, model: str, seed: int | None, name: str) -> tuple[bool, ...]:
    """Return for each point, or for each held-out row if `rows` is None, if the defence drops it.

    The defence trusts the training rows of the model.
    """
    stop_if_left()
    start, detector, rng = start_of(data, model, seed), DEFENCES[name], Rng(0).child("defence")
    scored_rows = start.test if rows is None else _dataset(rows, start.known)
    scores, trusted_scores = score_together(detector, scored_rows, start.classifier, start.known, rng)
    return tuple((scores.result > threshold_for(trusted_scores, detector.false_alarm_rate)).tolist())


def _dataset(rows: tuple[Place, ...], like: Dataset) -> Dataset:
    chaff = Chaff(points=tuple((x, y) for x, y, _ in rows), labels=tuple(label for _, _, label in rows))
    poisoned = chaff.poison(like, rng=Rng(0))
    return poisoned.data.subset(poisoned.rows)


def kept_points(board: Board) -> tuple[bool, ...]:
    """Return for each point if the defence keeps it. The defence trusts the training rows of the model."""
    if board.defence == "none" or not board.points:
        return (True,) * len(board.points)
    dropped = _dropped(board.points, board.data, board.model, board.seed, board.defence)
    return tuple(not each for each in dropped)


def false_alarms(board: Board) -> float | None:
    """Return the share of held-out rows that the defence would drop, or None without a defence."""
    if board.defence == "none":
        return None
    return float(np.mean(_dropped(None, board.data, board.model, board.seed, board.defence)))


def defended(board: Board) -> Board:
    """Return the board without the points that the defence drops."""
    kept = kept_points(board)
    points = tuple(point for point, is_kept in zip(board.points, kept, strict=True) if is_kept)
    return replace(board, points=points, defence="none")


def aim(board: Board, at: tuple[float, float], count: int = 5) -> tuple[Place, ...]:
    """Return poison points that flip the prediction at the point `at`. The search uses the model before the poison.

    Raises:
        SettingsError: the attack cannot aim at this point.
    """
    start = start_of(board.data, board.model, board.seed)
    attack = AimedChaff(at=at, count=count, calls=CALLS_AHEAD, low=LOW, high=HIGH, evaluations=AIM_EVALUATIONS)
    surrogate = _stoppable(start.classifier)
    poisoned = attack.poison(start.known, rng=Rng(board.seed or 0).child("aim"), surrogate=surrogate)
    return tuple(
        (round(float(x), 3), round(float(y), 3), int(label))
        for (x, y), label in zip(poisoned.x, poisoned.y, strict=True)
    )


def _stoppable(classifier: Classifier) -> Classifier:
    """Return a classifier whose search ends when the visitor leaves: the attack copies it before each evaluation."""

    def copy() -> Classifier:
        stop_if_left()
        return classifier.copy()

    watched = classifier.copy()
    watched.copy = copy  # type: ignore[method-assign]
    return watched
