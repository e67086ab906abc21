"""Modules that write into their rows get a copy: rows of a caller and of a data set never change."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse
from antivenom.metrics import accuracy
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.models.predict import row_losses
from antivenom.rng import Rng
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.online import Online
from antivenom.training.transfer import Transfer

SHAPE = (1, 6, 6)


class Doubling(nn.Module):
    """Multiplies its rows in place, through a view."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(36, 4)

    def forward(self, x: Tensor) -> Tensor:
        x.view(len(x), -1).mul_(2)
        return self.out(x.flatten(1))  # type: ignore[no-any-return]


FIRST = {
    "relu": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(36, 4)),
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5, inplace=True), nn.Flatten(), nn.Linear(36, 4)),
    "flat relu": lambda: nn.Sequential(nn.Flatten(), nn.LeakyReLU(0.1, inplace=True), nn.Linear(36, 4)),
    "doubling": Doubling,
}


def converted(first: str) -> ModuleClassifier:
    torch.manual_seed(0)
    classifier = as_classifier(FIRST[first](), input_shape=SHAPE, bounds=(-1, 1))
    assert isinstance(classifier, ModuleClassifier)
    return classifier


def data() -> Dataset:
    x = torch.rand(40, *SHAPE, generator=Rng(0).generator()) * 2 - 1
    return Dataset.from_arrays(x, torch.arange(40) % 4, bounds=(-1, 1))


@pytest.mark.parametrize("first", FIRST)
def test_the_rows_of_a_caller_do_not_change(first: str) -> None:
    classifier, x = converted(first), data().x
    before, y = x.clone(), torch.arange(40) % 4
    first_scores = classifier.scores(x)
    assert torch.equal(classifier.scores(x), first_scores)
    classifier.logits(x)
    classifier.logits_with(classifier.weights(), x)
    classifier.features(x)
    classifier.learn(x, y)
    assert torch.equal(x, before)


@pytest.mark.parametrize("first", FIRST)
def test_the_rows_of_a_data_set_do_not_change(first: str) -> None:
    classifier, rows = converted(first), data()
    before = rows.fingerprint
    accuracy(classifier, rows)
    row_losses(classifier, rows)
    for training in (EndToEnd(epochs=1, batch_size=40), Transfer(epochs=1)):
        training.fit(classifier, rows, rng=Rng(0))
    NeuralCleanse(steps=2).scan(classifier, clean=rows, rng=Rng(0))
    again = Dataset(x=rows.x, y=rows.y, ids=rows.ids, classes=rows.classes, bounds=rows.bounds)
    assert again.fingerprint == before


PLAIN = {
    "relu": lambda: nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(36, 4)),
    "flat tanh": lambda: nn.Sequential(nn.Flatten(), nn.Tanh(), nn.Linear(36, 4)),
    "convolution": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4)),
}


@pytest.mark.parametrize("make", [*FIRST.values(), *PLAIN.values()])
@pytest.mark.parametrize("batch_size", [1, 40])
def test_a_stream_does_not_change_its_rows(make: Callable[[], nn.Module], batch_size: int) -> None:
    rows = data()
    before = rows.x.clone()
    classifier = as_classifier(make(), input_shape=SHAPE, bounds=(-1, 1))
    Online(batch_size=batch_size).fit(classifier, rows, rng=Rng(0))
    assert torch.equal(rows.x, before)


@pytest.mark.parametrize("first", FIRST)
def test_rows_get_gradients(first: str) -> None:
    classifier, x = converted(first), data().x.requires_grad_()
    assert "gradients" in classifier.can
    (gradient,) = torch.autograd.grad(classifier.logits(x).sum(), x)
    assert bool(gradient.any())


def test_other_modules_get_their_rows_without_a_copy() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.ReLU(inplace=True), nn.Linear(4, 4))
    classifier = as_classifier(net, input_shape=SHAPE)
    assert isinstance(classifier, ModuleClassifier)
    assert not classifier.writes_into_rows
