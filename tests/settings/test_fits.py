"""Rows that do not fit the classifier are refused before any work, by every defence, repair and metric."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from antivenom_plugin.dark_inputs import DarkInputs
from sklearn.linear_model import LogisticRegression
from torch import nn

from antivenom.attacks import GenerativePoison, GradientPoison, LossPoison
from antivenom.data import Dataset, Poisoned
from antivenom.defences import Blame, LossMonitor, NearestNeighbours, NeuralCleanse, StreamVerdict, Trim
from antivenom.errors import DataError
from antivenom.goals import Availability, Backdoor
from antivenom.metrics import accuracy, confusion, coverage
from antivenom.models import MLP, Checkpoint, as_classifier, predictions, row_losses
from antivenom.repairs import Filtering, FinePruning, FineTuning, Pruning, Sequential, Unlearning
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.settings.fits import check_fits
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, Online, OwnFit, Transfer
from antivenom.triggers import Patch

DATA = toy_images(80, seed=1)
X = DATA.inputs()


def network() -> Any:
    return MLP(hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))


def rows(x: torch.Tensor, **settings: Any) -> Dataset:
    """Return a data set of float rows without any check of their values."""
    settings = {"classes": DATA.classes, "bounds": None, "y": DATA.y, **settings}
    return Dataset(x=x, ids=DATA.ids, **settings)


def with_value(value: float) -> torch.Tensor:
    x = X.clone()
    x[3, 0, 2, 2] = value
    return x


WRONG = {
    "a larger shape": (rows(torch.rand(80, 1, 7, 7)), r"rows of shape \(1, 6, 6\).*got rows of shape \(1, 7, 7\)"),
    "channels last": (rows(X.movedim(1, -1).contiguous()), r"channels='last'"),
    "three channels": (rows(X.expand(-1, 3, -1, -1).contiguous()), r"got rows of shape \(3, 6, 6\)"),
    "flat rows": (rows(X.flatten(1)), r"got rows of shape \(36,\)"),
    "0 to 255": (rows(255 * X), r"rows in \[0, 1\].*got values from"),
    "bounds of 0 to 255": (rows(255 * X, bounds=(0.0, 255.0)), r"rows in \[0, 1\].*got rows in \[0, 255\]"),
    "standardised rows": (rows((X - 0.5) / 0.25), r"rows in \[0, 1\].*got values from"),
    "NaN": (rows(with_value(torch.nan)), "must be finite"),
    "infinity": (rows(with_value(torch.inf)), "must be finite"),
    "too few classes": (rows(X, y=DATA.y % 3, classes=("0", "1", "2")), "4 classes.*got names of 3 classes"),
    "too many classes": (rows(X, classes=("0", "1", "2", "3", "4")), "4 classes.*got names of 5 classes"),
}


def anything(data: Dataset) -> Any:
    """A network that takes the rows of any data."""
    shape = {"input_shape": data.shape, "classes": len(data.classes), "bounds": data.bounds}
    return MLP(hidden=(4,)).build(**shape, rng=Rng(0))


@component
class Guess:
    def fit(self, classifier: Any, data: Any, *, rng: Any, start: Any = None, callbacks: Any = ()) -> Any:
        return classifier.fresh(rng)


@component
class Copies:
    needs = frozenset({"surrogate"})
    appends = False

    def poison(self, data: Any, *, rng: Any, surrogate: Any = None) -> Poisoned:
        return Poisoned.replace(data, torch.arange(1), x=data.x[:1], goal=Availability())


@component
class LastGood:
    min_checkpoints = 1

    def blame(self, path: Any, clean: Any, *, rng: Any) -> StreamVerdict:
        return StreamVerdict(None, path[-1], torch.zeros(len(path)))


CALLS = {
    "neural_cleanse": lambda net, data: NeuralCleanse(steps=3).scan(net, data, rng=Rng(0)),
    "loss_monitor": lambda net, data: LossMonitor().score(data, net, rng=Rng(0)),
    "nearest_neighbours": lambda net, data: NearestNeighbours().score(DATA, net, rng=Rng(0), clean=data),
    "trim": lambda net, data: Trim().score(data, net, rng=Rng(0)),
    "blame": lambda net, data: Blame().blame([Checkpoint(each, net) for each in range(8)], data, rng=Rng(0)),
    "a filter of a plugin": lambda net, data: DarkInputs().suspicion(X, net, rng=Rng(0), clean=data),
    "unlearning": lambda net, data: Unlearning().repair(net, data, rng=Rng(0)),
    "pruning": lambda net, data: Pruning().repair(net, data, rng=Rng(0)),
    "filtering": lambda net, data: Filtering().repair(net, data, rng=Rng(0)),
    "fine_tuning": lambda net, data: FineTuning().repair(net, data, rng=Rng(0)),
    "fine_pruning": lambda net, data: FinePruning().repair(net, data, rng=Rng(0)),
    "sequential": lambda net, data: Sequential().repair(net, data, rng=Rng(0)),
    "end_to_end": lambda net, data: EndToEnd(epochs=1).fit(net, data, rng=Rng(0)),
    "transfer": lambda net, data: Transfer(epochs=1).fit(net, data, rng=Rng(0)),
    "online": lambda net, data: Online().fit(net, data, rng=Rng(0)),
    "a user's training": lambda net, data: Guess().fit(net, data, rng=Rng(0)),
    "gradient_poison": lambda net, data: GradientPoison(count=1).poison(data, rng=Rng(0), surrogate=net),
    "loss_poison": lambda net, data: LossPoison(count=1).poison(data, rng=Rng(0), surrogate=net),
    "generative_poison": lambda net, data: GenerativePoison(count=1).train_generator(data, rng=Rng(0), surrogate=net),
    "a user's attack": lambda net, data: Copies().poison(data, rng=Rng(0), surrogate=net),
    "a user's stream defence": lambda net, data: LastGood().blame([Checkpoint(1, net)], data, rng=Rng(0)),
    "accuracy": accuracy,
    "coverage": coverage,
    "confusion": confusion,
    "predictions": predictions,
    "row_losses": row_losses,
}


@pytest.mark.parametrize("call", CALLS)
def test_rows_that_do_not_fit_are_refused_before_any_work(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = network()

    def worked(*_: Any) -> Any:
        raise AssertionError("the classifier was used")

    monkeypatch.setattr(type(victim), "scores", worked)
    monkeypatch.setattr(type(victim), "logits", worked)
    for name, (data, message) in WRONG.items():
        with pytest.raises(DataError, match=message):
            CALLS[call](victim, data)
            pytest.fail(f"{name} was accepted")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(5, 1, 7, 7), r"`x` must have rows of shape \(1, 6, 6\)"),
        (255 * X, r"got values from"),
        (with_value(torch.nan), "must be finite"),
    ],
    ids=["shape", "range", "NaN"],
)
def test_inputs_of_a_filter_are_checked_too(x: torch.Tensor, message: str) -> None:
    with pytest.raises(DataError, match=message):
        DarkInputs().suspicion(x, network(), rng=Rng(0), clean=DATA)


def test_rows_in_0_to_1_for_a_network_of_0_to_255_are_refused() -> None:
    wide = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=(1, 6, 6), bounds=(0.0, 255.0))
    for data in (rows(X), rows(X, bounds=(0.0, 1.0)), DATA):
        with pytest.raises(DataError, match=r"rows in \[0, 255\]"):
            accuracy(wide, data)
    assert accuracy(wide, rows(255 * X)) >= 0


def test_rows_that_fit_are_taken() -> None:
    victim = network()
    for data in (DATA, rows(X), rows(X, bounds=(0.0, 1.0)), DATA.subset(torch.arange(0)), rows(X * 0.5 + 0.2)):
        assert predictions(victim, data).shape == (len(data),)
    anything = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=(1, 6, 6), bounds=None)
    assert predictions(anything, rows(1000 * X - 7)).shape == (80,)


ARCHITECTURE = ("end_to_end", "transfer", "online", "a user's training")
"""The calls that use the classifier as an architecture: its weights do not matter."""
DIVERGED = {"all weights": 1.0, "one weight of the last layer": 0.0}


def diverged(share: float) -> Any:
    """Return a network whose weights are NaN: all, or one row of its last layer."""
    victim = network()
    state = victim.state()
    for name, value in state.items():
        if share or name == "output.weight":
            value[: len(value) if share else 1] = torch.nan
    return victim.with_state(state)


@pytest.mark.parametrize(
    "call", [name for name in CALLS if name not in ("accuracy", "coverage", "confusion", "predictions", *ARCHITECTURE)]
)
@pytest.mark.parametrize("name", DIVERGED)
def test_a_network_without_finite_scores_is_refused(call: str, name: str) -> None:
    with pytest.raises(DataError, match=r"not finite for \d+ of \d+ rows.*diverged"):
        CALLS[call](diverged(DIVERGED[name]), DATA)


@pytest.mark.parametrize("name", DIVERGED)
def test_scores_that_are_not_finite_are_no_predictions(name: str) -> None:
    net = diverged(DIVERGED[name])
    assert (predictions(net, DATA) < 0).all()
    assert accuracy(net, DATA) == 0
    assert int(confusion(net, DATA).sum()) == 0
    assert coverage(net, DATA) == 1, "a row without finite scores was not rejected"
    for target in range(4):
        assert Backdoor(trigger=Patch(size=2), target=target).success(net, DATA) == 0


def test_labels_of_other_classes_do_not_reach_an_estimator() -> None:
    estimator = as_classifier(LogisticRegression().fit(X.flatten(1), DATA.y), input_shape=(1, 6, 6), classes=4)
    assert accuracy(estimator, DATA) > 0.9
    with pytest.raises(DataError, match="got names of 3 classes"):
        accuracy(estimator, replace(DATA, y=DATA.y % 3, classes=DATA.classes[:3]))


def test_an_estimator_is_not_fitted_to_other_rows() -> None:
    model = as_classifier(LogisticRegression(), input_shape=(1, 6, 6), classes=4)
    for data, message in (WRONG["a larger shape"], WRONG["NaN"], WRONG["too few classes"]):
        with pytest.raises(DataError, match=message):
            OwnFit().fit(model, data, rng=Rng(0))


@pytest.mark.parametrize("training", [EndToEnd(epochs=1), Online(), Guess()], ids=lambda each: type(each).__name__)
def test_a_training_without_rows_is_refused(training: Any) -> None:
    with pytest.raises(DataError, match=rf"{type(training).__name__}.fit: `data` must have at least one row"):
        training.fit(network(), DATA.subset(torch.arange(0)), rng=Rng(0))


@pytest.mark.parametrize(
    "training", [EndToEnd(epochs=1), Online(), Transfer(epochs=1, head="keep")], ids=lambda each: type(each).__name__
)
def test_a_start_that_does_not_fit_is_refused(training: Any) -> None:
    for name, (data, message) in WRONG.items():
        if "classes" not in name and not message.endswith("finite"):
            with pytest.raises(DataError, match=f"for `start`.*{message}"):
                training.fit(anything(data), data, rng=Rng(0), start=network())
    with pytest.raises(DataError, match=r"fit: `start`: the scores of Sequential are not finite"):
        training.fit(network(), DATA, rng=Rng(0), start=diverged(1.0))


@pytest.mark.parametrize("training", [EndToEnd(epochs=1), Online()], ids=lambda each: type(each).__name__)
def test_a_start_with_other_classes_is_refused(training: Any) -> None:
    for data, message in (WRONG["too few classes"], WRONG["too many classes"]):
        with pytest.raises(DataError, match=message):
            training.fit(anything(data), data, rng=Rng(0), start=network())


@pytest.mark.parametrize("bounds", [(1 / 9, 1.0), (0.5, 0.75), (-2.0, -1.0)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("count", [0, 80])
def test_a_range_without_zero_is_right(bounds: tuple[float, float], dtype: torch.dtype, count: int) -> None:
    low, high = bounds
    x = DATA.x[:count] if dtype == torch.uint8 else low + X[:count] * (high - low)
    data = Dataset(x=x, y=DATA.y[:count], ids=DATA.ids[:count], classes=DATA.classes, bounds=bounds)
    check_fits(MLP(hidden=(4,)).build(input_shape=(1, 6, 6), classes=4, bounds=bounds, rng=Rng(0)), data)
