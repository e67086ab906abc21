"""Models of users in an experiment: frozen layers, batch normalisation, estimators that keep objects, checkpoints."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from antivenom.attacks import LabelFlip
from antivenom.data import Splits
from antivenom.errors import SettingsError
from antivenom.metrics import accuracy
from antivenom.models import as_classifier
from antivenom.models.module import Module
from antivenom.rng import Rng
from antivenom.runner import Experiment
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, Online, OwnFit, Transfer

DATA = Splits(train=toy_images(240), test=toy_images(120, seed=1))
SHAPE = DATA.train.shape


def net() -> nn.Module:
    with Rng(0).torch_globally():
        conv = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        return nn.Sequential(*conv, nn.Linear(108, 4))


def test_a_frozen_backbone_is_kept_and_named() -> None:
    """The case frozen_backbone, with today's names of metrics."""
    trained = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32).fit(
        as_classifier(net(), input_shape=SHAPE), DATA.train, rng=Rng(0)
    )
    module = copy.deepcopy(trained.module)
    for weight in list(module.parameters())[:-2]:
        weight.requires_grad_(False)
    training = EndToEnd(epochs=10, learning_rate=1e-2, batch_size=32)
    model = as_classifier(module, input_shape=SHAPE)
    result = Experiment(dataset=DATA, model=model, attack=LabelFlip(rate=0.05), training=training).run()
    kept = result.metrics["model.clean_accuracy.control"]["mean"]
    assert kept is not None
    assert kept > accuracy(trained, DATA.test) - 0.1
    assert "2 frozen parameters keep their values" in " ".join(result.assumptions)


@pytest.mark.parametrize(
    "estimator", [RandomForestClassifier(5), make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))]
)
def test_estimators_that_keep_objects_have_a_folder(estimator: Any, tmp_path: Path) -> None:
    """The case estimators_with_out, with today's names of metrics."""
    model = as_classifier(estimator, input_shape=SHAPE, classes=4)
    run = Experiment(dataset=DATA, model=model, attack=LabelFlip(rate=0.2), training=OwnFit())
    found = run.run(out=tmp_path / "out").metrics["model.clean_accuracy"]["mean"]
    assert found is not None
    assert found > 0.5
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_a_batch_size_of_1_is_refused_before_the_warm_up() -> None:
    norm = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    model = as_classifier(norm, input_shape=SHAPE)
    with pytest.raises(SettingsError, match=r"training \(online\) .*batch_size must be at least 2.*got 1"):
        Experiment(dataset=DATA, model=model, attack=LabelFlip(), training=Online()).run()
    with pytest.raises(SettingsError, match=r"requires weights to train"):
        frozen = as_classifier(norm.requires_grad_(False), input_shape=SHAPE)
        Experiment(dataset=DATA, model=frozen, attack=LabelFlip(), training=EndToEnd()).run()


def test_what_was_assumed_of_a_file_of_weights_is_in_the_result(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    torch.save({"state_dict": {f"model.{name}": value for name, value in net().state_dict().items()}}, file)
    named = "tests.runner.test_users_models:net"
    for model, training in (
        (Module(factory=named, weights=str(file)), EndToEnd(epochs=1)),
        (Module(factory=named), Transfer(weights=str(file), epochs=1)),
    ):
        result = Experiment(dataset=DATA, model=model, attack=LabelFlip(), training=training).run()
        text = " ".join(result.assumptions)
        assert "'state_dict'" in text
        assert "'model.'" in text
