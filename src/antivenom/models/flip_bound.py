"""The number of label flips that a smoothed least-squares classifier provably survives (Rosenfeld et al. 2020).

Each training label is kept with the probability 1 - q, and otherwise becomes one of the other classes. A prediction c
has the score S_c = sum of a_i [label i is c], where the weights a_i do not depend on the labels. For another class d,
Z = S_d - S_c under the noise has a moment-generating function that is a product over the rows. So Chernoff's bound is
exact to compute: P(Z >= 0) <= B_d = min over t > 0 of E exp(t Z).

With B = sum of B_d, the smoothed prediction is c with a probability of at least p = 1 - B. One flipped label changes
the distribution of the noisy labels by the divergence KL_1 = (1 - q - s) log((1 - q) / s), with s = q / (classes - 1).
The prediction stays c for r flips if r KL_1 < -log(4 p (1 - p)) / 2.

This also holds for the prediction by expected scores, which is what the classifier returns: under the changed labels,
E Z <= (r KL_1 + log B_d) / t < 0, by the Gibbs variational principle, because -log(4 p (1 - p)) / 2 <= -log B_d.
"""

import math

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from antivenom.shapes import Labels

Weights = Float64[Tensor, "n rows"]
"""The weight of each training label (n) in the scores of each row to predict."""

Predicted = Int64[Tensor, " rows"]
"""The class with the largest score of each row to predict."""

STEPS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0)
"""The factors of the first estimate of t that are tried. Each one gives a valid bound, so the smallest is valid."""


def flip_radius(weights: Weights, labels: Labels, predicted: Predicted, classes: int, noise: float) -> Predicted:
    """Return the number of label flips that each prediction survives (rows), at least 0.

    Args:
        weights: the weight of each training label in the scores of each row (n, rows), float64.
        labels: the training labels (n).
        predicted: the class with the largest score of each row (rows).
        classes: the number of classes, at least 2.
        noise: the probability q that a label is changed, in (0, 0.5).

    >>> weights = torch.full((40, 1), 0.025, dtype=torch.float64)
    >>> flip_radius(weights, torch.ones(40, dtype=torch.int64), torch.tensor([1]), 2, 0.3).tolist()
    [3]
    """
    logs = [
        torch.where(predicted == rival, -math.inf, _log_bound(weights, labels, predicted, rival, classes, noise))
        for rival in range(classes)
    ]
    failure = torch.stack(logs).logsumexp(0).clamp(max=math.log(0.5))  # log B; a bound of 1/2 certifies nothing
    margin = -(math.log(4) + torch.log1p(-failure.exp()) + failure) / 2
    return (torch.ceil(margin / flip_divergence(classes, noise) - 1e-9) - 1).clamp(min=0).long()


def flip_divergence(classes: int, noise: float) -> float:
    """Return the divergence (in nats) between the noise of a label and the noise of the same label after a flip.

    >>> round(flip_divergence(2, 0.25), 4) == round(0.5 * math.log(3), 4)
    True
    """
    other = noise / (classes - 1)
    return (1 - noise - other) * math.log((1 - noise) / other)


def _log_bound(
    weights: Weights, labels: Labels, predicted: Predicted, rival: int, classes: int, noise: float
) -> Float64[Tensor, " rows"]:
    """Return log B_d for the class `rival`; 0 where its expected score is not smaller."""
    other = noise / (classes - 1)
    sides = (labels[:, None] == rival).double() - (labels[:, None] == predicted).double()
    one_of_both = sides != 0
    drift = ((1 - noise - other) * sides * weights).sum(0)
    kept = (1 - noise + other) - (1 - noise - other) ** 2
    spread = (torch.where(one_of_both, kept, 2 * other) * weights**2).sum(0)
    first = torch.where(drift < 0, -drift / spread.clamp_min(1e-300), 0.0)
    directed = torch.where(one_of_both, sides * weights, weights)
    stay = torch.where(one_of_both, 1 - noise, other)
    rest = torch.where(one_of_both, noise - other, 1 - 2 * other)
    best = torch.zeros_like(drift)
    for step in STEPS:
        up = (step * first * directed).clamp(-600, 600).exp()
        best = torch.minimum(best, (stay * up + other / up + rest).log().sum(0))
    return best
