"""Wrong arrivals, goals, data sources, trainings, triggers and surrogates of a user become one line, as in a filter."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from antivenom.attacks import BadNets, LossPoison
from antivenom.data import Dataset, Goal, Poisoned, Splits
from antivenom.errors import ComponentError
from antivenom.settings import Component, component
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, Online
from tests.helpers.small_experiment import experiment

HERE = __name__
RESULTS: dict[str, Callable[..., Any]] = {
    "nothing": lambda *_: None,
    "a list": lambda *_: [1, 0],
    "an array": lambda *_: np.arange(2),
    "a division": lambda *_: 1 / 0,
    "floats": lambda *_: torch.rand(2),
    "too large": lambda roles, *_: torch.arange(len(roles)) + 5,
    "two numbers": lambda *_: 3.5,
    "a tensor": lambda *_: torch.tensor(0.5),
    "half": lambda data, *_: data.subset(torch.arange(len(data) // 2)) if isinstance(data, Dataset) else data[:1],
    "labels of another class": lambda data, *_: torch.full_like(data.y, 9),
}
LINE = RESULTS["a division"].__code__.co_firstlineno
RAISED = f"raised ZeroDivisionError: division by zero (tests/test_calling_other_kinds.py, line {LINE}). Set ANTIVENOM_"


@component
class Arrives:
    result: str

    def arrange(self, roles: Any, ids: Any, rng: Any) -> Any:
        return RESULTS[self.result](roles)


@component
class Loads:
    result: str

    def load(self, on_progress: Any = None) -> Any:
        return RESULTS[self.result]()

    def files(self) -> tuple[Path, ...]:
        return ()


@component
class LoadsWithoutProgress:
    def load(self) -> Splits:
        return Splits(train=toy_images(120), test=toy_images(40, seed=1))

    def files(self) -> tuple[Path, ...]:
        return ()


@component
class Fits:
    result: str

    def fit(self, classifier: Any, data: Any, *, rng: Any, start: Any = None, callbacks: Any = ()) -> Any:
        return RESULTS[self.result]()


@component
class FitsWithoutStart:
    def fit(self, classifier: Any, data: Any, *, rng: Any) -> Any:
        return classifier


@component
class Succeeds:
    result: str

    def success(self, classifier: Any, test: Any) -> Any:
        return RESULTS[self.result](test)


@component
class Triggers:
    """A goal with a trigger, one of whose methods is wrong."""

    method: str
    result: str

    def success(self, classifier: Any, test: Any) -> Any:
        return 0.5

    def attacked(self, test: Any) -> Any:
        return RESULTS[self.result](test) if self.method == "attacked" else test

    def triggered(self, data: Any) -> Any:
        return RESULTS[self.result](data) if self.method == "triggered" else data

    def wanted(self, data: Any) -> Any:
        return RESULTS[self.result](data) if self.method == "wanted" else torch.zeros_like(data.y)


@component
class AimsAt:
    """An attack with the goal of a user."""

    goal: Annotated[Goal, Component("goals")]
    appends: bool = False

    def poison(self, data: Dataset, *, rng: Any, surrogate: Any = None) -> Poisoned:
        return Poisoned.replace(data, torch.arange(5), x=data.x[:5], y=1 - data.y[:5].clamp_max(1), goal=self.goal)


@component
class Marks:
    result: str

    def apply(self, x: Tensor, bounds: Any) -> Any:
        return RESULTS[self.result](x)


@component
class Knows:
    method: str
    result: str

    def recipe(self, model: Any, training: Any) -> Any:
        return RESULTS[self.result](model) if self.method == "recipe" else (model, training)

    def known_rows(self, data: Any, rng: Any) -> Any:
        return RESULTS[self.result](data) if self.method == "known_rows" else data


@component
class Asks:
    """A scan whose hooks are wrong."""

    method: str
    result: str

    def problems(self, classifier: Any) -> Any:
        return RESULTS[self.result](classifier) if self.method == "problems" else ()

    def clean_problems(self, clean: Any) -> Any:
        yield from RESULTS[self.result](clean) if self.method == "clean_problems" else ()

    def scan(self, classifier: Any, clean: Any, *, rng: Any) -> Any:
        raise AssertionError


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])  # a path below the current folder is shown relative to it


def message_of(**settings: Any) -> str:
    with pytest.raises(ComponentError) as caught:
        experiment(**settings).run(progress=False)
    message = str(caught.value)
    assert "\n" not in message
    return message


def stream(arrival: Any) -> dict[str, Any]:
    return {"training": Online(batch_size=16, checkpoints=3, arrival=arrival)}


CASES: dict[str, tuple[Callable[[str], dict[str, Any]], dict[str, str]]] = {
    "Arrives.arrange": (
        lambda result: stream(Arrives(result=result)),
        {
            "nothing": "must return a tensor of positions (int64); got None.",
            "an array": "must return a tensor of positions (int64); got a NumPy array.",
            "floats": "must return a tensor of positions (int64); got a tensor of float32. Call .long() on it.",
            "too large": "must return positions from 0 to ",
            "a division": RAISED,
        },
    ),
    "Loads.load": (
        lambda result: {"dataset": Loads(result=result)},
        {
            "nothing": "must return a Splits; got None.",
            "a list": "must return a Splits; got a list.",
            "a division": RAISED,
        },
    ),
    "Fits.fit": (
        lambda result: {"training": Fits(result=result)},
        {
            "nothing": "must return a Classifier; got None.",
            "a list": "must return a Classifier; got a list.",
            "a division": RAISED,
        },
    ),
    "Succeeds.success": (
        lambda result: {"attack": AimsAt(goal=Succeeds(result=result))},
        {
            "a list": "must return a share from 0 to 1, or None; got a list.",
            "two numbers": "must return a share from 0 to 1, or None; got 3.5.",
            "a tensor": "must return a share from 0 to 1, or None; got a Tensor. Call float() on it.",
            "a division": RAISED,
        },
    ),
    "Triggers.attacked": (
        lambda result: {"attack": AimsAt(goal=Triggers(method="attacked", result=result))},
        {"nothing": "must return a Dataset; got None.", "a division": RAISED},
    ),
    "Triggers.triggered": (
        lambda result: {"attack": AimsAt(goal=Triggers(method="triggered", result=result))},
        {
            "a list": "must return a Dataset; got a list.",
            "half": "must return the same 40 rows with the trigger; got 20 rows",
            "a division": RAISED,
        },
    ),
    "Triggers.wanted": (
        lambda result: {"attack": AimsAt(goal=Triggers(method="wanted", result=result))},
        {
            "a list": "must return a tensor of classes (int64), one for each row; got a list.",
            "floats": "must return a tensor of classes (int64), one for each row; got a tensor of float32. Call",
            "labels of another class": "must return classes from 0 to 3; got 9.",
            "a division": RAISED,
        },
    ),
    "Marks.apply": (
        lambda result: {"attack": BadNets(trigger=Marks(result=result))},
        {
            "nothing": "must return a tensor of float numbers; got None.",
            "floats": "must return rows of the shape",
            "half": "must return rows of the shape",
            "a division": RAISED,
        },
    ),
    "Asks.problems": (
        lambda result: {"defences": (Asks(method="problems", result=result),)},
        {
            "nothing": "must return sentences, one for each problem, or an empty list; got None.",
            "a list": "must return sentences, one for each problem, or an empty list; got an int.",
            "a division": RAISED,
        },
    ),
    "Asks.clean_problems": (
        lambda result: {"defences": (Asks(method="clean_problems", result=result),)},
        {"a list": "must return sentences, one for each problem, or an empty list; got an int.", "a division": RAISED},
    ),
    "Knows.recipe": (
        lambda result: {"attack": LossPoison(rate=0.1), "surrogate": Knows(method="recipe", result=result)},
        {"nothing": "must return a tuple; got None.", "a division": RAISED},
    ),
    "Knows.known_rows": (
        lambda result: {"attack": LossPoison(rate=0.1), "surrogate": Knows(method="known_rows", result=result)},
        {"nothing": "must return a Dataset; got None.", "a division": RAISED},
    ),
}


@pytest.mark.parametrize(("name", "result"), [(name, result) for name, (_, each) in CASES.items() for result in each])
def test_a_wrong_method_is_named(name: str, result: str) -> None:
    settings, expected = CASES[name]
    assert message_of(**settings(result)).startswith(f"{HERE}:{name} {expected[result]}")


def test_a_wrong_signature_is_named() -> None:
    assert message_of(training=FitsWithoutStart()).startswith(
        f"{HERE}:FitsWithoutStart.fit must have the parameters (classifier, data, *, rng, start=None, callbacks=()): "
    )
    assert message_of(dataset=LoadsWithoutProgress()).startswith(
        f"{HERE}:LoadsWithoutProgress.load must have the parameters (on_progress=...): "
    )


def test_an_exception_of_a_callback_is_not_the_trainings() -> None:
    def stop(event: Any) -> None:
        if type(event).__name__ == "Trained":
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        experiment(training=EndToEnd(epochs=1)).run(progress=False, on_event=stop)
