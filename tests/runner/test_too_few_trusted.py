"""Trusted rows that are certainly too few are refused at the check, before any training."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from antivenom import load
from antivenom.data import Dataset
from antivenom.defences import NearestNeighbours, NeuralCleanse, Subject, Verdict
from antivenom.errors import DataError, SettingsError
from antivenom.models import MLP
from antivenom.repairs import Filtering, Sequential, Unlearning
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.testing import toy_images
from antivenom.training import EndToEnd
from tests.helpers.small_experiment import experiment


@component
class TwoHundredRows:
    """A user's scan that requires 200 rows."""

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        if len(clean) < 200:
            yield f"requires at least 200 trusted rows; got {len(clean)}."

    def scan(self, classifier: Any, clean: Any, *, rng: Any) -> Verdict:
        one = torch.zeros(1, dtype=torch.float64)
        return Verdict(
            subjects=(Subject(),),
            statistic=one,
            p_value=one + 1,
            flagged=one > 1,
            inconclusive=one > 1,
            false_alarm_rate=0.05,
        )


@component
class HalfOfThem:
    """A user's filter, which receives half of the trusted rows."""

    false_rejection_rate: float = 0.2

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        yield f"received {len(clean)} rows."

    def suspicion(self, x: Any, classifier: Any, *, rng: Any, clean: Any) -> Any:
        return x.flatten(1).mean(1)


def network(data: Dataset) -> Any:
    shape = {"input_shape": data.shape, "classes": len(data.classes), "bounds": data.bounds}
    return MLP(hidden=(8,)).build(**shape, rng=Rng(0))


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any, **__: Any) -> None:
        raise AssertionError("a training began")

    monkeypatch.setattr(EndToEnd, "fit", fit)


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "scan": (
        {"defences": (NeuralCleanse(),)},
        "defences[0]: neural_cleanse requires, for each class, at least 20 rows of other",
    ),
    "detector": ({"defences": (NearestNeighbours(),)}, "defences[0]: nearest_neighbours requires at least 10 trusted"),
    "repair": (
        {"repairs": (Filtering(),), "defences": (NeuralCleanse(),)},
        "repairs[0]: filtering requires at least 38 trusted rows",
    ),
    "sequence": (
        {"repairs": (Sequential(repairs=(Filtering(),)),), "defences": (NeuralCleanse(),)},
        "repairs[0]: sequential (Filtering) requires at least 38 trusted rows",
    ),
    "a user's scan": ({"defences": (TwoHundredRows(),)}, "TwoHundredRows requires at least 200 trusted rows; got 9."),
    "a user's filter": ({"defences": (HalfOfThem(),)}, "HalfOfThem received 4 rows."),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("case", CASES)
def test_too_few_trusted_rows_are_refused_before_any_training(case: str) -> None:
    settings, expected = CASES[case]
    with pytest.raises(SettingsError) as caught:
        experiment(dataset=load("digits"), trusted=0.02, repeats=2, **settings).run(progress=False)
    own = [each for each in caught.value.problems if expected in each]
    assert len(own) == 1, caught.value.problems
    assert "Set `trusted` higher: 0.02 gives the defender 9 of 450 test rows." in own[0]


def test_a_repair_without_rows_for_the_trigger_is_refused() -> None:
    few = toy_images(seed=1).subset(torch.arange(2))
    with pytest.raises(DataError, match=r"Unlearning.repair requires more trusted rows; got 2, of which a"):
        Unlearning().repair(network(few), few, rng=Rng(0))


def test_the_same_rows_are_refused_without_a_run() -> None:
    few = toy_images(seed=1).subset(torch.arange(9))
    with pytest.raises(
        DataError,
        match=r"requires at least 200 trusted rows; got 9\. Pass the rows that it requires as `clean`\.$",
    ):
        TwoHundredRows().scan(network(few), few, rng=Rng(0))


def test_enough_trusted_rows_are_not_refused() -> None:
    both = (TwoHundredRows(), NearestNeighbours())
    result = experiment(dataset=load("digits"), trusted=0.5, defences=both).run(progress=False)
    for kind in ("scan", "detector"):
        assert any(key.startswith(f"{kind}.") for key in result.metrics)
