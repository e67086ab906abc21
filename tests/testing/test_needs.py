"""The checks find a component that uses more than it declares, and a filter that does nothing."""

import pytest
import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.settings import component
from antivenom.testing import check_component
from antivenom.trial import Trial


@component
class Undeclared:
    """Scores rows by gradients, which it does not declare."""

    false_alarm_rate: float = 0.05

    def score(self, data: Dataset, classifier: object, *, rng: object, clean: object = None) -> Tensor:
        logits = classifier.logits(data.inputs())  # type: ignore[attr-defined]
        return torch.nn.functional.cross_entropy(logits, data.y, reduction="none").detach()


@component
class UndeclaredFeatures:
    """Judges inputs by features, which it does not declare."""

    needs = frozenset({"images"})

    false_rejection_rate: float = 0.05

    def suspicion(self, x: Tensor, classifier: Classifier, *, rng: object, clean: object) -> Tensor:
        return classifier.features(x).mean(1)


@component
class Entropy:
    """Judges inputs by the entropy of probabilities, which it does not declare."""

    false_rejection_rate: float = 0.05

    def suspicion(self, x: Tensor, classifier: Classifier, *, rng: object, clean: object) -> Tensor:
        scores = classifier.scores(x)
        return -(scores * scores.log()).sum(1)


@component
class Idle:
    """Gives every input the same suspicion."""

    false_rejection_rate: float = 0.05

    def suspicion(self, x: Tensor, classifier: object, *, rng: object, clean: object) -> Tensor:
        return torch.zeros(len(x))


@component
class IdleOnPurpose(Idle):
    """The same, with a reason."""

    trial = Trial(waive={"filter_rejects_something": "it is the baseline that accepts all inputs"})


@component
class RejectsNewRows:
    """Rejects every input that is not among those from which the threshold was derived."""

    false_rejection_rate: float = 0.05

    def suspicion(self, x: Tensor, classifier: object, *, rng: object, clean: object) -> Tensor:
        return torch.full((len(x),), float(len(x) != 480))


def test_an_ability_that_needs_does_not_declare_is_found() -> None:
    with pytest.raises(AssertionError) as caught:
        check_component(Undeclared())
    said = 'Undeclared uses `classifier.logits`. Add needs = frozenset({"gradients"}).'
    assert f"- detector_declares_its_needs: {said}" in str(caught.value)
    with pytest.raises(AssertionError) as caught:
        check_component(UndeclaredFeatures())
    said = 'UndeclaredFeatures uses `classifier.features`. Add needs = frozenset({"features", "images"}).'
    assert f"- filter_declares_its_needs: {said}" in str(caught.value)


def test_a_forgotten_need_of_probabilities_is_found() -> None:
    with pytest.raises(AssertionError, match=r"not finite\. The scores of .* is `probabilities` missing in needs\?"):
        check_component(Entropy())


def test_a_filter_that_rejects_nothing_is_found_and_can_be_waived() -> None:
    with pytest.raises(AssertionError, match=r"fails 1 of .*\n- filter_rejects_something: the filter rejects nothing"):
        check_component(Idle())
    check_component(IdleOnPurpose())


def test_a_filter_that_keeps_nothing_is_found() -> None:
    with pytest.raises(AssertionError, match="filter_keeps_clean_inputs: the filter rejects 100 % of new clean inputs"):
        check_component(RejectsNewRows())
