"""Batches are bounded by bytes, not by rows alone."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from antivenom.models import CNN, MLP, as_classifier
from antivenom.models.batches import BYTES_OF_ACTIVATIONS, ROWS_PER_BATCH, rows_fitting, rows_within
from antivenom.rng import Rng
from tests.helpers.forked import forked

CODE = """
import resource, sys
import numpy as np
import torch
from torch import nn
from antivenom import Dataset, as_classifier
from antivenom.rng import Rng
from antivenom.models import batches
batches.BYTES_OF_ACTIVATIONS //= SCALE
batches.BYTES_OF_ROWS //= SCALE
def block(before, after, stride):
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU())
blocks = block(3, 32, 2), block(32, 32, 1), block(32, 64, 4), block(64, 64, 4)
net = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4))
c = as_classifier(net, input_shape=(3, 224, 224))
data = Dataset.from_arrays(np.zeros((150, 3, 224, 224), np.uint8), np.arange(150) % 4)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ACTION
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024)
"""
ACTIONS = {
    "accuracy": "from antivenom.metrics import accuracy; accuracy(c, data)",
    "losses": "from antivenom.models import row_losses; row_losses(c, data)",
    "scores of uint8 rows": "c.scores(data.inputs(slice(0, 110)))",
    "features": "from antivenom.defences._features import DistanceFeatures; list(DistanceFeatures(data, c))",
    "activations": "from antivenom.repairs.layer import mean_activations as m; m(c, data.inputs(slice(0, 110)), '0.0')",
    "contributions": (
        "from antivenom.repairs.pruning import contributions as f;"
        "f(c, data.subset(torch.arange(110)), '1.0', lambda out, rows: out.sum())"
    ),
    "epoch": (
        "from antivenom.training.end_to_end import EndToEnd;"
        "EndToEnd(epochs=1, batch_size=16).fit(c, data.subset(torch.arange(48)), rng=Rng(0))"
    ),
}


SCALE = 4
"""The limits and the numbers of rows are this many times smaller than usual: without limits, all but `epoch` fail."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIONS)
def test_large_images_stay_within_memory(name: str, tmp_path: Path) -> None:
    code = CODE.replace("ACTION\n", f"{ACTIONS[name]}\n").replace("SCALE", str(SCALE))
    run = forked(code, at=tmp_path, environment=os.environ)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout.split()[-1]) < 1800 // SCALE, "MiB above the start"


def test_small_networks_keep_their_batches() -> None:
    for made in (
        MLP(hidden=(512, 512)).build(input_shape=(3, 32, 32), classes=10, bounds=(0, 1), rng=Rng(0)),
        CNN().build(input_shape=(3, 32, 32), classes=10, bounds=(0, 1), rng=Rng(0)),
    ):
        assert made.rows_per_batch == ROWS_PER_BATCH
    assert rows_within((3, 32, 32)) == ROWS_PER_BATCH


@pytest.mark.parametrize("side", [64, 128, 224])
def test_rows_per_batch_follow_the_widest_layer(side: int) -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(x.relu().mean((2, 3)))  # type: ignore[no-any-return]

    wide = as_classifier(
        nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2)),
        input_shape=(3, side, side),
    )
    assert wide.rows_per_batch <= BYTES_OF_ACTIVATIONS / (2 * 64 * side * side * 4)
    plain = as_classifier(Functional(), input_shape=(3, side, side))
    assert wide.rows_per_batch < plain.rows_per_batch <= ROWS_PER_BATCH
    x: Any = torch.rand(5, 3, side, side)
    assert torch.allclose(wide.scores(x), wide.scores(x.clone()))


def test_a_row_that_is_too_large_is_a_batch_of_its_own() -> None:
    assert rows_fitting(1 << 40) == rows_within((1 << 40,)) == 1
    assert rows_fitting(0) == rows_within(()) == ROWS_PER_BATCH
