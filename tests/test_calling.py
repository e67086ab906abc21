"""A wrong method of a user's component is reported in one line, whatever its kind."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from antivenom.analysis import NoLayers
from antivenom.errors import ComponentError
from antivenom.models import Checkpoint
from antivenom.models.estimator import Estimator
from antivenom.settings import component
from antivenom.training import Online
from antivenom.training.own_fit import OwnFit
from tests.helpers.small_experiment import experiment

HERE = __name__
RESULTS: dict[str, Callable[[Any], Any]] = {
    "a list": lambda x: [0.5] * len(x),
    "an array": lambda x: np.zeros(len(x)),
    "nothing": lambda x: None,
    "bools": lambda x: torch.zeros(len(x)) > 0,
    "whole numbers": lambda x: torch.zeros(len(x), dtype=torch.int64),
    "a gradient": lambda x: torch.zeros(len(x), requires_grad=True) * 2,
    "too many": lambda x: torch.zeros(len(x), 2),
    "a division": lambda x: 1 / 0,
    "a long message": lambda x: torch.zeros(2, 3) @ torch.zeros(2, 3),
}
LINE = RESULTS["a division"].__code__.co_firstlineno
FEATURES: Callable[..., Any] = lambda x, classifier: classifier.features(x).mean(1)  # noqa: E731
WRONG = {
    "a list": "must return a tensor of float numbers; got a list.",
    "an array": "must return a tensor of float numbers; got a NumPy array.",
    "nothing": "must return a tensor of float numbers; got None.",
    "bools": "must return a tensor of float numbers; got a tensor of bool. Call .float() on it.",
    "whole numbers": "must return a tensor of float numbers; got a tensor of int64. Call .float() on it.",
    "a gradient": "must return a tensor without a gradient. Call .detach() on it.",
    "too many": "must return one finite number for each of",
    "a division": f"raised ZeroDivisionError: division by zero (tests/test_calling.py, line {LINE}). Set ANTIVENOM_",
    "a long message": "raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3) (",
}


@component
class WrongFilter:
    result: str
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Any, classifier: Any, *, rng: Any, clean: Any) -> Any:
        return RESULTS[self.result](x)


@component
class WrongDetector:
    result: str
    false_alarm_rate: float = 0.1

    def score(self, data: Any, classifier: Any, *, rng: Any, clean: Any = None) -> Any:
        return RESULTS[self.result](data)


@component
class WrongScan:
    result: str

    def scan(self, classifier: Any, clean: Any, *, rng: Any) -> Any:
        return RESULTS[self.result](clean)


@component
class WrongRepair:
    result: str

    def repair(self, classifier: Any, clean: Any, *, rng: Any, verdict: Any = None) -> Any:
        return RESULTS[self.result](clean)


@component
class WrongAnalysis:
    result: str

    def start(self, context: Any, rng: Any) -> Any:
        return RESULTS[self.result](context.test)


@component
class WrongEnd:
    result: str

    def start(self, context: Any, rng: Any) -> NoLayers:
        return NoLayers(lambda: RESULTS[self.result](context.test))


@component
class WrongStreamDefence:
    result: str
    min_checkpoints: int = 1

    def blame(self, path: Sequence[Checkpoint], clean: Any, *, rng: Any) -> Any:
        return RESULTS[self.result](clean)


@component
class WithoutRng:
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Tensor, classifier: Any, clean: Any) -> Tensor:
        return x.flatten(1).mean(1)


@component
class UsesFeatures:
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Tensor, classifier: Any, *, rng: Any, clean: Any) -> Any:
        return FEATURES(x, classifier)


@component
class UsesLogarithm:
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Tensor, classifier: Any, *, rng: Any, clean: Any) -> Any:
        return classifier.scores(x).log().sum(1)


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])  # a path below the current folder is shown relative to it


def message_of(**settings: Any) -> str:
    with pytest.raises(ComponentError) as caught:
        experiment(**settings).run(progress=False)
    return str(caught.value)


@pytest.mark.parametrize("result", WRONG)
def test_a_wrong_filter_or_detector_is_named(result: str) -> None:
    for cls, method in ((WrongFilter, "suspicion"), (WrongDetector, "score")):
        message = message_of(defences=(cls(result=result),))
        assert message.startswith(f"{HERE}:{cls.__name__}.{method} {WRONG[result]}")
        assert "\n" not in message


def test_other_kinds_are_named_too() -> None:
    stream = {"training": Online(batch_size=16, checkpoints=3)}
    for settings, expected in (
        ({"defences": (WrongScan(result="a list"),)}, "WrongScan.scan must return a Verdict; got a list."),
        ({"repairs": (WrongRepair(result="nothing"),)}, "WrongRepair.repair must return a Classifier; got None."),
        (
            {"analysis": (WrongAnalysis(result="a list"),)},
            "WrongAnalysis.start must return a LayerObserver; got a list.",
        ),
        ({"analysis": (WrongEnd(result="nothing"),)}, "WrongEnd.finish must return an AnalysisResult; got None."),
        (
            {"defences": (WrongStreamDefence(result="an array"),), **stream},
            "WrongStreamDefence.blame must return a StreamVerdict; got a NumPy array.",
        ),
    ):
        assert message_of(**settings) == f"{HERE}:{expected}"
    for settings, name in (
        ({"defences": (WrongScan(result="a division"),)}, "WrongScan.scan"),
        ({"repairs": (WrongRepair(result="a division"),)}, "WrongRepair.repair"),
        ({"analysis": (WrongAnalysis(result="a division"),)}, "WrongAnalysis.start"),
        ({"analysis": (WrongEnd(result="a division"),)}, "WrongEnd.finish"),
    ):
        assert message_of(**settings).startswith(f"{HERE}:{name} {WRONG['a division']}")


def test_a_missing_need_is_named_with_its_line() -> None:
    model = Estimator(class_name="LinearSVC")
    own = {"model": model, "training": OwnFit()}
    line = FEATURES.__code__.co_firstlineno
    assert message_of(defences=(UsesFeatures(),), **own) == (
        f"{HERE}:UsesFeatures.suspicion uses features (tests/test_calling.py, line {line}), which LinearSVC does not "
        'have. Declare needs = frozenset({"features"}).'
    )
    message = message_of(defences=(UsesLogarithm(),), **own)
    assert "not finite. The scores of LinearSVC can be negative, and do not sum to 1: is `probabilities`" in message


def test_a_wrong_signature_is_named() -> None:
    assert message_of(defences=(WithoutRng(),)) == (
        f"{HERE}:WithoutRng.suspicion must have the parameters (x, classifier, *, rng, clean): "
        "got an unexpected keyword argument 'rng'."
    )
