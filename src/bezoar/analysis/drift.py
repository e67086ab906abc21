"""Where classes lie in a representation, and where poisoned rows have gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bezoar.analysis._layers import in_batches, narrowed, studied_layers
from bezoar.data import Dataset
from bezoar.models import Classifier
from bezoar.shapes import Labels

BATCH = 128
"""Rows at once: activations of more leave the caches, and new memory for them costs more than they do."""
WIDTH = 2048


@dataclass(frozen=True, eq=False)
class Drift:
    """Scatter of clean classes, and how far other rows moved, by layer.

    Attributes:
        layers: their names (a).
        separation: the variance between class centroids over the variance within classes (a): higher is clearer.
        moved: for the other rows, how far each layer puts them on the way from their true class's centroid to the
            other class's (a): 0 at the true class, 1 at the other; the mean over rows, NaN without rows.
        nearer: the share of those rows that lie nearer to the other class's centroid (a).
    """

    layers: tuple[str, ...]
    separation: Tensor
    moved: Tensor
    nearer: Tensor


def drift(
    classifier: Classifier,
    clean: Dataset,
    rows: Dataset | None = None,
    towards: Labels | None = None,
    *,
    layers: Sequence[str] | None = None,
) -> Drift:
    """Class centroids and scatter of clean rows in each layer, and where other rows lie between two of them.

    Args:
        classifier: the network.
        clean: clean rows with their true labels.
        rows: rows to place, with their true labels, such as test rows with a trigger.
        towards: the class that each is pulled to (n), such as a backdoor's target.
        layers: which; all that do more than move numbers, where left out.

    Raises:
        CapabilityError: the classifier has no layers, or not these.

    >>> from bezoar.data.sources import load
    >>> from bezoar.models import MLP
    >>> from bezoar.rng import Rng
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> found = drift(net, test, test, (test.y + 1) % 10)
    >>> bool((found.moved < 0.5).all())
    True
    """
    names = tuple(layers or studied_layers(classifier))
    classes = len(clean.classes)
    counts = torch.bincount(clean.y, minlength=classes).clamp_min(1).double()
    sums: dict[str, Any] = {}
    squares = dict.fromkeys(names, 0.0)
    for part, given in in_batches(classifier, clean, names, BATCH):
        for name in names:
            features = narrowed(given[name], WIDTH)
            members = functional.one_hot(clean.y[part], classes).to(features)
            sums[name] = sums.get(name, 0) + (members.t() @ features).double()
            squares[name] += float(torch.dot(features.flatten(), features.flatten()))
    centroids = {name: sums[name] / counts[:, None] for name in names}
    separation = []
    for name in names:
        mean = sums[name].sum(0) / len(clean)
        between = float((counts[:, None] * (centroids[name] - mean).square()).sum())
        within = squares[name] - float((counts[:, None] * centroids[name].square()).sum())
        separation.append(between / max(within, 1e-12))
    moved = torch.full((len(names),), torch.nan, dtype=torch.float64)
    nearer = moved.clone()
    if rows is not None and towards is not None and len(rows):
        places = _places(classifier, rows, towards, centroids)
        for index, name in enumerate(names):
            moved[index] = places[name].mean()
            nearer[index] = (places[name] > 0.5).double().mean()
    return Drift(names, torch.tensor(separation, dtype=torch.float64), moved, nearer)


def _places(classifier: Classifier, rows: Dataset, towards: Tensor, centroids: dict[str, Tensor]) -> dict[str, Tensor]:
    """How far each row lies on the line from its class's centroid to the other's, by layer (n)."""
    found: dict[str, list[Tensor]] = {name: [] for name in centroids}
    for part, given in in_batches(classifier, rows, tuple(centroids), BATCH):
        for name, centres in centroids.items():
            ways = centres[None, :] - centres[:, None]  # from each class to each other
            lengths, bases = ways.square().sum(2).clamp_min(1e-12), (centres[:, None] * ways).sum(2)
            features = narrowed(given[name], WIDTH)
            from_, to = rows.y[part], towards[part]
            along = (features @ centres.t().to(features)).double()  # every row with every centroid
            place = torch.arange(len(from_), device=from_.device)
            onto = along[place, to] - along[place, from_]
            found[name].append((onto - bases[from_, to]) / lengths[from_, to])
    return {name: torch.cat(parts) for name, parts in found.items()}
