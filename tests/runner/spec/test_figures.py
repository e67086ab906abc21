"""A figure that an experiment has is never refused before the training."""

from typing import Any

import pytest

from antivenom import Experiment, load
from antivenom.attacks import BadNets, GradientPoison, LabelFlip
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.defences.mm_bd import MMBD
from antivenom.defences.trim import Trim
from antivenom.errors import UnknownFigureError
from antivenom.models import MLP
from antivenom.repairs import FineTuning
from antivenom.runner.spec.figures import check_figure
from antivenom.training import DeepPartition, EndToEnd, FlipSmoothing, LabelPartition, Online

BASE: dict[str, Any] = {"dataset": load("digits"), "model": MLP(hidden=(8,)), "train_rows": 300}
ONE = EndToEnd(epochs=1)
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "partitions": {"attack": LabelFlip(count=2), "training": DeepPartition(partitions=5, base=ONE)},
    "partitions of labels": {"attack": LabelFlip(count=2), "training": LabelPartition(partitions=5)},
    "smoothing": {"attack": LabelFlip(count=2), "training": FlipSmoothing()},
    "certificates of a trigger": {"attack": BadNets(count=2), "training": DeepPartition(partitions=5, base=ONE)},
    "stream": {
        "attack": BadNets(),
        "training": Online(warm_up=ONE, checkpoints=2),
        "defences": (LossMonitor(),),
        "trusted": 0.3,
    },
    "defences and repairs": {
        "attack": BadNets(),
        "training": ONE,
        "defences": (Trim(), MMBD(starts=1, steps=2)),
        "repairs": (FineTuning(epochs=1),),
        "trusted": 0.3,
    },
    "crafted": {"attack": GradientPoison(), "training": ONE},
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_figure_of_an_experiment_is_accepted(name: str) -> None:
    experiment = Experiment(**BASE, **EXPERIMENTS[name])
    metrics = experiment.run(progress=False).metrics
    assert len(metrics) > 5
    for key in metrics:
        check_figure(experiment, key, 0.5)
        with pytest.raises(UnknownFigureError, match="does not have a figure"):
            check_figure(experiment, f"un{key}", 0.5)
