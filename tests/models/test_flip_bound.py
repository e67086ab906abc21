"""The certificate of smoothed least squares, against enumeration and against the exact number of flips."""

import math
from itertools import product

import torch
from torch import Tensor

from antivenom.models.flip_bound import flip_divergence, flip_radius
from antivenom.rng import Rng


def random_case(rows: int, classes: int, seed: int, noise: float = 0.1) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights that mostly agree with the labels, the labels, and the predictions."""
    draw = Rng(seed).child("case").generator()
    labels = torch.randint(classes, (rows,), generator=draw)
    weights = torch.randn(rows, 40, generator=draw, dtype=torch.float64)
    weights = weights / rows + (labels == 1).double()[:, None] * torch.linspace(0, 3, 40) / rows
    scores = torch.stack([(weights * (labels == label)[:, None]).sum(0) for label in range(classes)])
    return weights, labels, scores.argmax(0)


def fewest_flips(weights: Tensor, labels: Tensor, predicted: int, classes: int) -> int:
    """Return a number of label flips that changes the prediction: the flips with the largest gain, for each rival."""
    fewest = len(labels) + 1
    for rival in set(range(classes)) - {predicted}:
        side = (labels == rival).double() - (labels == predicted).double()
        margin = float(-(side * weights).sum())
        gains = torch.maximum(weights * (1 - side), weights * (-1 - side)).sort(descending=True).values
        crossed = torch.nonzero(gains.clamp_min(0).cumsum(0) > margin).flatten()
        if len(crossed):
            fewest = min(fewest, int(crossed[0]) + 1)
    return fewest


def test_the_certificate_is_below_the_exact_number_of_flips() -> None:
    for classes, noise in ((2, 0.1), (2, 0.4), (3, 0.1), (5, 0.3)):
        weights, labels, predicted = random_case(200, classes, seed=classes)
        radii = flip_radius(weights, labels, predicted, classes, noise).tolist()
        exact = [fewest_flips(weights[:, row], labels, int(predicted[row]), classes) for row in range(len(radii))]
        assert all(radius < flips for radius, flips in zip(radii, exact, strict=True))
        assert max(radii) >= 1


def test_the_bound_is_not_above_the_exact_probability() -> None:
    rows, noise = 9, 0.1
    weights, labels, predicted = random_case(rows, 2, seed=0)
    for row, radius in enumerate(flip_radius(weights, labels, predicted, 2, noise).tolist()):
        right = 0.0
        for flips in product((0, 1), repeat=rows):
            noisy = labels ^ torch.tensor(flips)
            score = float((weights[:, row] * torch.where(noisy == predicted[row], 1.0, -1.0)).sum())
            right += noise ** sum(flips) * (1 - noise) ** (rows - sum(flips)) * (score > 0)
        most = -math.log(4 * right * (1 - right)) / 2 if 0.5 < right < 1 else math.inf
        assert radius * flip_divergence(2, noise) < most or radius == 0


def test_the_formula_for_two_classes_is_that_of_the_paper() -> None:
    q = 0.3
    assert math.isclose(flip_divergence(2, q), (1 - 2 * q) * math.log((1 - q) / q))


def test_a_prediction_that_is_not_clear_has_no_certificate() -> None:
    weights = torch.tensor([[0.5], [0.5], [-0.5]], dtype=torch.float64)
    assert flip_radius(weights, torch.tensor([0, 1, 1]), torch.tensor([0]), 2, 0.4).tolist() == [0]
