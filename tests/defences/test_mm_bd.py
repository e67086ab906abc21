"""The search for the largest margins: against a linear program, and its verdicts."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from antivenom import as_classifier
from antivenom.calling import guarded
from antivenom.data import Dataset
from antivenom.defences import Scan, Verdict
from antivenom.defences.mm_bd import MMBD
from antivenom.errors import CapabilityError
from antivenom.models import ModuleClassifier
from antivenom.rng import Rng


def linear(
    classes: int = 5, size: int = 6, bounds: tuple[float, float] = (0, 1), planted: int | None = None
) -> ModuleClassifier:
    """A linear network whose classes all have inputs; `planted` has one more input, which alone decides."""
    generator = torch.Generator().manual_seed(3)
    layer = nn.Linear(size, classes)
    with torch.no_grad():
        layer.weight.copy_(2 * torch.eye(classes, size) + 0.2 * torch.randn(classes, size, generator=generator))
        layer.weight[:, -1] = 0
        if planted is not None:
            layer.weight[planted, -1] = 20
    return as_classifier(layer, input_shape=(size,), classes=classes, bounds=bounds)


def exact_margins(classifier: ModuleClassifier) -> np.ndarray:
    """The largest margin of each class of a linear network, by linear programming: max t, t <= own - other."""
    layer = classifier.module
    weight, bias = (each.detach().double().numpy() for each in (layer.weight, layer.bias))
    margins = []
    for target in range(len(weight)):
        others = [other for other in range(len(weight)) if other != target]
        left = np.concatenate([weight[others] - weight[target], np.ones((len(others), 1))], axis=1)
        limits = [classifier.bounds] * weight.shape[1] + [(None, None)]
        best = linprog(np.eye(weight.shape[1] + 1)[-1] * -1, left, bias[target] - bias[others], bounds=limits)
        margins.append(-best.fun)
    return np.array(margins)


@pytest.mark.parametrize("bounds", [(0, 1), (-2, 3)])
def test_the_margins_are_those_of_a_linear_program(bounds: tuple[float, float]) -> None:
    network = linear(bounds=bounds)
    verdict = MMBD(steps=400).scan(network, None, rng=Rng(0))
    exact = exact_margins(network)
    assert (exact > 0).sum() >= 4
    np.testing.assert_allclose(verdict.statistic[exact > 0], exact[exact > 0], rtol=0.02)
    assert bool((verdict.statistic <= torch.from_numpy(exact) + 1e-4).all())


def test_a_class_with_a_far_larger_margin_is_flagged() -> None:
    network = linear(classes=8, size=12, planted=6)
    verdict = guarded(MMBD(), Scan.scan, Verdict)(network, None, rng=Rng(0))
    assert verdict.suspected == (6,)
    assert not MMBD().scan(linear(classes=8, size=12), None, rng=Rng(0)).is_suspicious
    assert verdict.threshold is not None
    assert float(verdict.threshold[6]) < float(verdict.statistic[6])


def test_classes_that_have_not_converged_are_inconclusive_with_the_reason() -> None:
    verdict = MMBD(steps=40, learning_rate=0.02).scan(linear(classes=8, size=12), None, rng=Rng(0))
    assert bool(verdict.inconclusive.any())
    assert any("still grew" in reason and "`steps`" in reason for reason in verdict.untested)


def test_a_class_that_is_never_predicted_is_inconclusive() -> None:
    network = linear(classes=8, size=12)
    with torch.no_grad():
        network.module.bias[3] = -1000
    verdict = MMBD().scan(network, None, rng=Rng(0))
    assert verdict.inconclusive.nonzero().flatten().tolist() == [3]
    assert any("Class 3 was not tested: no input" in reason for reason in verdict.untested)


def test_too_few_classes_are_inconclusive() -> None:
    verdict = MMBD().scan(linear(classes=3), None, rng=Rng(0))
    assert bool(verdict.inconclusive.all())
    assert any("at least 4 classes" in reason for reason in verdict.untested)


def test_the_result_does_not_depend_on_the_rows() -> None:
    network = linear(classes=8, size=12)
    rows = Dataset(
        x=torch.rand(4, 12), y=torch.arange(4), ids=torch.arange(4), classes=tuple("abcdefgh"), bounds=(0, 1)
    )
    with_rows, without = (MMBD(steps=20).scan(network, clean, rng=Rng(0)) for clean in (rows, None))
    assert torch.equal(with_rows.statistic, without.statistic)


def test_a_network_without_gradients_is_refused() -> None:
    from sklearn.tree import DecisionTreeClassifier

    tree = as_classifier(DecisionTreeClassifier(), input_shape=(4,), classes=3)
    with pytest.raises(CapabilityError, match="gradients"):
        MMBD().scan(tree, None, rng=Rng(0))


def test_a_network_that_returns_nan_is_inconclusive_with_the_reason() -> None:
    network = linear(classes=5)
    with torch.no_grad():
        network.module.weight.fill_(torch.nan)
    verdict = MMBD(steps=4).scan(network, None, rng=Rng(0))
    assert bool(verdict.inconclusive.all())
    assert any("Classes 0, 1, 2, 3, 4 were not tested" in reason for reason in verdict.untested)
