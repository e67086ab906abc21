"""What stands on the board, and what the model makes of it: a pure function, by the same parts as an experiment."""

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
AHEAD = 15
"""So many calls, at least, are worked out at once, so that stepping and playing need not wait."""
AIM_EVALUATIONS = 100
ALONE = Lock()
"""Training borrows torch's global random stream, so that no two threads may train at once."""

Place = tuple[
    Annotated[float, Interval(ge=LOW, le=HIGH)],
    Annotated[float, Interval(ge=LOW, le=HIGH)],
    Annotated[int, Interval(ge=0, le=1)],
]
DefenceName = Literal["none", "loss_monitor", "nearest_neighbours", "trim"]
DEFENCES: dict[str, Any] = {
    "loss_monitor": LossMonitor(false_alarm_rate=0.05),
    "nearest_neighbours": NearestNeighbours(false_alarm_rate=0.05),
    "trim": Trim(false_alarm_rate=0.05),
}


@component
class Board:
    """Everything that can be set on the page; two equal boards look the same.

    Args:
        data: which points the model has learned.
        model: what learns.
        seed: of points and model; the lesson's own where left out.
        points: the poison: x, y and label.
        calls: how often all points have been fed by `partial_fit`.
        defence: what drops points before they are learned from.

    >>> Board(points=((-2, 0.1, 1),), calls=3).calls
    3
    """

    data: Literal["classification", "moons", "circles", "blobs"] = "classification"
    model: Literal["mlp_classifier", "sgd_classifier", "logistic_regression", "mlp"] = "mlp_classifier"
    seed: Seed = None
    points: Annotated[tuple[Place, ...], Len(max_length=MOST_POINTS)] = ()
    calls: Annotated[int, Interval(ge=0, le=MOST_CALLS)] = 0
    defence: DefenceName = "none"

    def experiment(self, calls: int) -> Experiment:
        """The experiment that does the same."""
        made = load_spec(
            lesson_spec(
                source=lesson_source(self.data, self.seed),
                model=self.model,
                points=[(x, y) for x, y, _ in self.points],
                labels=[label for _, _, label in self.points] or [1],
                calls=calls,
                seed=self.seed,
            )
        )
        assert isinstance(made, Experiment)
        return made

    def spec(self) -> str:
        """A spec that `antivenom run` takes, of the points that pass the defence.

        Raises:
            SettingsError: there is nothing to run.
        """
        kept = kept_points(self)
        if not self.calls or not any(kept):
            why = "no call of partial_fit was made" if not self.calls else "no point is left to be fed"
            raise SettingsError([f"There is nothing to run: {why}."])
        dropped = "".join(
            f"# Dropped by {self.defence}: {x:g}, {y:g}, label {label}\n"
            for (x, y, label), stays in zip(self.points, kept, strict=True)
            if not stays
        )
        return dropped + dump_spec(defended(self).experiment(self.calls))


@dataclass(frozen=True, eq=False)
class Start:
    """What there is before any poison.

    Attributes:
        known: the rows that the model has learned.
        test: the held-out rows.
        classifier: the model.
    """

    known: Dataset
    test: Dataset
    classifier: Classifier

    @cached_property
    def coarse(self) -> NDArray[np.float64]:
        """The margin over the square, drawn and measured while things move (side, side)."""
        return field(self.classifier)

    @cached_property
    def fine(self) -> NDArray[np.float64]:
        """The margin on the fine grid (n)."""
        return margin(self.classifier, Square(LOW, HIGH, FINE).points)

    @cached_property
    def said(self) -> NDArray[np.int64]:
        """The class that each held-out row is taken for."""
        return np.asarray(predictions(self.classifier, self.test).numpy())


def field(classifier: Classifier) -> NDArray[np.float64]:
    """The margin over the square, both ends in, on the coarse grid (side, side)."""
    side = round((HIGH - LOW) / COARSE) + 1
    return margin(classifier, grid_points(np.linspace(LOW, HIGH, side))).reshape(side, side)


@lru_cache(maxsize=16)
def start_of(data: str, model: str, seed: int | None) -> Start:
    """The model before the poison, fitted once."""
    experiment = Board(data=data, model=model, seed=seed).experiment(1)  # type: ignore[arg-type]
    stages = Stages(None, torch.device("cpu"))
    splits = prepared(experiment, stages)
    rows = starting_data(experiment, splits, stages, 0)
    with ALONE:
        classifier = fit_start(experiment, rows, stages, stream_of(experiment, 0).child("start"), "warm-up", 0)
    assert classifier is not None
    return Start(splits.train, splits.test, classifier)


@lru_cache(maxsize=32)
def path_of(board: Board, calls: int, clean: bool = False) -> tuple[dict[str, Tensor], ...]:
    """What the model has learned after every call: from the points, or, for the control, from clean rows."""
    start = start_of(board.data, board.model, board.seed)
    experiment = board.experiment(calls)
    rng = stream_of(experiment, 0)
    poisoned = experiment.attack.poison(start.known, rng=rng.child("attack"))
    assert isinstance(experiment.training, StreamTraining)
    order = experiment.training.arrange(poisoned.roles, poisoned.data.ids, rng.child("arrival"))
    fed = poisoned.control(rng.child("control")) if clean else poisoned.data
    path: list[dict[str, Tensor]] = []

    def keep(epoch: Epoch) -> None:
        assert epoch.classifier is not None
        path.append(epoch.classifier.state())

    stream = fed.subset(order)
    with ALONE:
        experiment.training.fit(
            start.classifier, stream, rng=rng.child("fit"), start=start.classifier, callbacks=(keep,)
        )
    return tuple(path)


def at_call(board: Board, *, clean: bool = False) -> Classifier:
    """The model as it stands on the board."""
    before = start_of(board.data, board.model, board.seed).classifier
    if not board.calls or not board.points:
        return before
    ahead = min(MOST_CALLS, -(-board.calls // AHEAD) * AHEAD)
    return before.with_state(path_of(replace(board, calls=0, defence="none"), ahead, clean)[board.calls - 1])


@lru_cache(maxsize=64)
def _dropped(rows: tuple[Place, ...] | None, data: str, model: str, seed: int | None, name: str) -> tuple[bool, ...]:
    """Which points, or which of the held-out rows, a defence drops that trusts the rows the model has learned."""
    start, detector, rng = start_of(data, model, seed), DEFENCES[name], Rng(0).child("defence")
    judged = start.test if rows is None else _dataset(rows, start.known)
    found, own = score_together(detector, judged, start.classifier, start.known, rng)
    return tuple((found.result > threshold_for(own, detector.false_alarm_rate)).tolist())


def _dataset(rows: tuple[Place, ...], like: Dataset) -> Dataset:
    chaff = Chaff(points=tuple((x, y) for x, y, _ in rows), labels=tuple(label for _, _, label in rows))
    poisoned = chaff.poison(like, rng=Rng(0))
    return poisoned.data.subset(poisoned.rows)


def kept_points(board: Board) -> tuple[bool, ...]:
    """Which points pass the defence, which trusts the rows that the model has learned."""
    if board.defence == "none" or not board.points:
        return (True,) * len(board.points)
    dropped = _dropped(board.points, board.data, board.model, board.seed, board.defence)
    return tuple(not each for each in dropped)


def false_alarms(board: Board) -> float | None:
    """The share of held-out rows that the defence would have dropped; None without one."""
    if board.defence == "none":
        return None
    return float(np.mean(_dropped(None, board.data, board.model, board.seed, board.defence)))


def defended(board: Board) -> Board:
    """The board as the model sees it: without the points that the defence drops."""
    kept = kept_points(board)
    left = tuple(each for each, stays in zip(board.points, kept, strict=True) if stays)
    return replace(board, points=left, defence="none")


def aim(board: Board, at: tuple[float, float], count: int = 5) -> tuple[Place, ...]:
    """Points that turn the prediction there, found on the model of the board.

    Raises:
        SettingsError: there is nothing to turn.
    """
    start = start_of(board.data, board.model, board.seed)
    attack = AimedChaff(at=at, count=count, calls=AHEAD, low=LOW, high=HIGH, evaluations=AIM_EVALUATIONS)
    poisoned = attack.poison(start.known, rng=Rng(board.seed or 0).child("aim"), surrogate=start.classifier)
    return tuple(
        (round(float(x), 3), round(float(y), 3), int(label))
        for (x, y), label in zip(poisoned.x, poisoned.y, strict=True)
    )
