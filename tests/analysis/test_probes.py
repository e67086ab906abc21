"""Linear probes, against scikit-learn's."""

from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from antivenom.analysis import LinearProbe, probe_layers
from antivenom.metrics import accuracy
from antivenom.rng import Rng
from tests.helpers.trained import TEST, TRAIN, net


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Rng(seed).child("noise").generator(), dtype=torch.float64)


@pytest.mark.parametrize("width", [4, 60, 512])
def test_probes_are_as_good_as_scikit_learns(width: int) -> None:
    x, y = noise(1200, width).float(), torch.arange(1200) % 4
    x[:, : min(width, 40)] += 0.35 * noise(4, min(width, 40), seed=3).float()[y]
    mean, scale = x[:800].mean(0), x[:800].std(0, correction=0)
    standard = ((x - mean) / scale).numpy()
    known = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit(standard[:800], y[:800].numpy())
    theirs = known.score(standard[800:], y[800:].numpy())
    probe = LinearProbe.fit(x[:800], y[:800], classes=4, strength=0.1)
    mine = float((probe.predict(x[800:]) == y[800:]).float().mean())
    assert mine == pytest.approx(theirs, abs=0.005)
    own = known.coef_ - known.coef_.mean(0)
    assert torch.allclose(probe.weight - probe.weight.mean(0), torch.from_numpy(own).float(), atol=5e-3)


def test_what_random_labels_hide_can_still_be_read() -> None:
    """The head is fooled, the representation is not; the twin: labels that say nothing can not be read."""
    labels = torch.where(torch.arange(len(TRAIN)) % 3 > 0, (TRAIN.y + 1) % 4, TRAIN.y)  # two thirds are wrong
    fooled = net(data=replace(TRAIN, y=labels))
    own = accuracy(fooled, TEST)
    found = probe_layers(fooled, TEST, rng=Rng(0))
    assert own < 0.3
    assert found["hidden_1"] > own + 0.4
    nonsense = replace(TEST, y=Rng(4).child("y").keys(TEST.ids) % 4)
    assert probe_layers(fooled, nonsense, rng=Rng(0))["hidden_1"] < 0.4
