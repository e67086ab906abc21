"""A classifier is in evaluation mode, also if the user's module is in training mode."""

import pytest
import torch
from torch import nn

from antivenom.models import ModuleClassifier, as_classifier
from antivenom.rng import Rng

X = torch.rand(6, 1, 4, 4, generator=Rng(0).generator())


def made() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).train()


def converted(module: nn.Module) -> ModuleClassifier:
    classifier = as_classifier(module, input_shape=(1, 4, 4))
    assert isinstance(classifier, ModuleClassifier)
    return classifier


def check(classifier: ModuleClassifier) -> None:
    before = classifier.scores(X)
    assert torch.equal(classifier.logits(X), classifier.logits(X))
    assert torch.allclose(classifier.logits(X).softmax(1), before)
    assert torch.equal(classifier.scores(X), before)


def test_logits_do_not_change_a_module_that_was_in_training_mode() -> None:
    module = made()
    classifier = converted(module)
    check(classifier)
    assert module.training


@pytest.mark.parametrize("way", ["fresh", "factory", "head", "learn"])
def test_logits_of_every_copy_are_those_of_scores(way: str) -> None:
    classifier = converted(made())
    if way == "factory":
        classifier = ModuleClassifier(made(), input_shape=(1, 4, 4), factory=lambda _: made())
    if way == "learn":
        classifier.learn(X, torch.tensor([0, 1, 2, 0, 1, 2]))
        check(classifier)
        return
    check(classifier.with_head(5, Rng(0)) if way == "head" else classifier.fresh(Rng(0)))
