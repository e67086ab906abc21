"""The written-out derivative against autograd, the slow oracle."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional

from antivenom.models.cnn import CNN
from antivenom.models.mlp import MLP
from antivenom.models.optimizers import Optimizer
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import step as steps
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.plain import PlainNetwork, plain

NETWORKS = {
    "linear": (MLP(hidden=()), (1, 6, 6)),
    "mlp": (MLP(hidden=(9,)), (1, 6, 6)),
    "deep tanh": (MLP(hidden=(9, 7), activation="tanh"), (5,)),
    "sigmoid": (MLP(hidden=(9, 7), activation="sigmoid"), (5,)),
    "cnn": (CNN(filters=(4, 6), hidden=(8,)), (1, 8, 8)),
    "cnn in colour": (CNN(filters=(4, 6), hidden=(8,)), (3, 9, 7)),
    "many channels": (CNN(filters=(4,), hidden=()), (7, 6, 6)),
    "valid": (CNN(filters=(4, 6), hidden=(), padding="valid", pooling_shape=(2, 1)), (1, 9, 9)),
    "tanh": (CNN(filters=(4, 6), hidden=(8,), activation="tanh"), (2, 8, 8)),
    "oblong": (CNN(filters=(4,), filter_shape=((3, 5),), pooling_shape=((3, 2),)), (1, 10, 11)),
    "no pooling": (CNN(filters=(4, 5), pooling_shape=1, hidden=()), (1, 6, 6)),
    "identity": (MLP(hidden=(9,), activation="linear"), (5,)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ties", [False, True])
def test_gradients_are_autograds(name: str, ties: bool) -> None:
    model, shape = NETWORKS[name]
    module = model.build(input_shape=shape, classes=4, bounds=(0.0, 1.0), rng=Rng(1)).module
    module.to(memory_format=torch.channels_last)
    assert plain(module)
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 7.0, memory_format=torch.contiguous_format)
    network = PlainNetwork(module)
    for rows in (12, 5, 12):  # buffers serve a smaller batch, and the larger one again
        x = torch.rand(rows, *shape, generator=Rng(rows).generator())
        x = (x * 3).round() / 3 if ties else x
        y = torch.arange(rows) % 4
        with torch.no_grad():
            loss = network.gradients(x.clone(), y)
        right = functional.cross_entropy(module(x), y)
        expected = torch.autograd.grad(right, list(module.parameters()))
        assert torch.allclose(loss, right, rtol=1e-5)
        for (label, parameter), gradient in zip(module.named_parameters(), expected, strict=True):
            assert torch.allclose(parameter.grad, gradient, rtol=1e-3, atol=2e-6), label


class Own(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


def flat(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *layers)


def hooked() -> nn.Module:
    module = flat(nn.Linear(4, 2))
    module[1].register_forward_hook(lambda *_: None)
    return module


def frozen() -> nn.Module:
    module = flat(nn.Linear(4, 4), nn.Linear(4, 2))
    module[1].requires_grad_(False)
    return module


def shared() -> nn.Module:
    layer = nn.Linear(4, 4)
    return flat(layer, nn.ReLU(), layer)


def tied() -> nn.Module:
    module = flat(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[2].weight
    return module


OTHERS = {
    "batch normalisation": lambda: flat(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)),
    "dropout": lambda: flat(nn.Dropout(), nn.Linear(4, 2)),
    "a subclass": lambda: flat(Own(4, 2)),
    "a hook": hooked,
    "a frozen layer": frozen,
    "a layer twice": shared,
    "a weight twice": tied,
    "no bias": lambda: flat(nn.Linear(4, 2, bias=False)),
    "float64": lambda: flat(nn.Linear(4, 2)).double(),
    "a stride": lambda: nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.Flatten(), nn.Linear(8, 2)),
    "overlapping pools": lambda: nn.Sequential(nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(8, 2)),
    "an activation at the end": lambda: flat(nn.Linear(4, 2), nn.ReLU()),
    "another container": lambda: nn.ModuleList([nn.Linear(4, 2)]),
    "weight normalisation": lambda: flat(nn.utils.parametrizations.weight_norm(nn.Linear(4, 2))),
    "a nested container": lambda: nn.Sequential(OrderedDict(a=flat(nn.Linear(4, 4)), b=nn.Linear(4, 2))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_everything_else_is_left_to_autograd(name: str) -> None:
    assert not plain(OTHERS[name]())


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adamw", "rmsprop"])
@pytest.mark.parametrize("model", [MLP(hidden=(16,)), CNN(filters=(4, 8), hidden=(16,))])
def test_training_takes_the_same_way(optimizer: str, model: MLP | CNN, monkeypatch: pytest.MonkeyPatch) -> None:
    data = toy_images(200)
    blank = model.build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    recipe = EndToEnd(epochs=3, batch_size=32, optimizer=optimizer, weight_decay=1e-3, schedule="cosine", warmup=0.1)
    quick = recipe.fit(blank, data, rng=Rng(0)).state()
    assert not isinstance(steps.step_for(blank, Optimizer(), "float32"), steps.AutogradStep)
    monkeypatch.setattr(steps, "plain", lambda _: False)
    slow = recipe.fit(blank, data, rng=Rng(0)).state()
    for name, weight in quick.items():
        assert torch.allclose(weight, slow[name], atol=2e-4), name


def test_a_batch_of_one_row_is_an_update_too() -> None:
    data = toy_images(33)
    blank = MLP(hidden=(8,)).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    trained = EndToEnd(epochs=1, batch_size=32).fit(blank, data, rng=Rng(0))
    assert all(bool(torch.isfinite(weight).all()) for weight in trained.state().values())
