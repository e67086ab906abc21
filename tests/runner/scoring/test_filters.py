"""Filters are scored in batches that fit into memory."""

import pytest
import torch
from torch import Tensor

from antivenom.charts import Figure, WithEvidence
from antivenom.data import Dataset
from antivenom.goals import Backdoor
from antivenom.models import Classifier, batches
from antivenom.rng import Rng
from antivenom.runner.scoring.filters import score_filters
from antivenom.settings import component
from antivenom.shapes import Inputs
from antivenom.testing import toy_images, toy_victim
from antivenom.triggers import Patch


@component
class Counting:
    """A filter that says how many inputs it received."""

    false_rejection_rate: float = 0.1

    def suspicion(self, x: Inputs, classifier: Classifier, *, rng: Rng, clean: Dataset) -> WithEvidence[Tensor]:
        return WithEvidence(1 - classifier.scores(x).amax(1), (Figure(name="inputs", value=len(x), unit="count"),))


def test_a_filter_receives_large_inputs_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    victim, goal = toy_victim(), Backdoor(trigger=Patch(size=2), target=1)

    def scored() -> tuple[dict[str, object], Tensor]:
        arguments = goal, toy_images(100), toy_images(60, seed=1), Rng(0)
        evidence, scores = score_filters({"one": Counting()}, (victim, victim), *arguments)
        return {name: figure.value for name, figure in evidence.figures.items()}, scores["one"]

    whole, scores = scored()
    monkeypatch.setattr(batches, "BYTES_OF_ROWS", 30 * 4 * 36)
    parts, again = scored()
    assert (whole.pop("filter.one.inputs"), parts.pop("filter.one.inputs")) == (100, 30)
    torch.testing.assert_close(again, scores)
    assert parts == pytest.approx(whole)
