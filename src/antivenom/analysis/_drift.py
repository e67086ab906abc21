"""The positions of classes in a representation, and the shift of poisoned rows from one class towards another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.analysis.layers import BATCH_ROWS, in_batches, narrowed
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.shapes import Labels, ShortRepr

WIDTH: Final = 2048


@dataclass(frozen=True, eq=False, repr=False)
class LayerDrift(ShortRepr):
    """The separation of clean classes, and the shift of other rows, in each layer.

    Attributes:
        layers: the names of the layers (a).
        separation: the variance between class centroids divided by the variance within classes (a). Higher means
            better separated.
        shift: the position of the other rows between the centroid of their true class, 0, and that of the wanted class,
            1 (a). It is the mean over rows; NaN without rows.
        nearer: the share of the other rows that are nearer to the centroid of the wanted class (a), in [0, 1].
    """

    layers: tuple[str, ...]
    separation: Tensor
    shift: Tensor
    nearer: Tensor


class ClassSums:
    """The sums of features and of their squares, for each network, layer and class: an `Observer`.

    Args:
        layers: the layers of each network.
        clean: the observed rows with their true labels.
        width: the largest number of features per row. Larger feature maps are averaged over cells.
    """

    def __init__(self, layers: Sequence[tuple[str, ...]], clean: Dataset, width: int) -> None:
        self.layers, self.clean, self.width = layers, clean, width
        self.sums: list[dict[str, Tensor]] = [{} for _ in layers]
        self.squares = [dict.fromkeys(names, 0.0) for names in layers]

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Add a batch to the sums."""
        members = functional.one_hot(self.clean.y[rows], len(self.clean.classes))
        for network, names in enumerate(self.layers):
            for name in names:
                features = narrowed(activations[network][name], self.width)
                total = (members.to(features).t() @ features).double()
                before = self.sums[network].get(name)
                self.sums[network][name] = total if before is None else before + total
                self.squares[network][name] += float(torch.dot(features.flatten(), features.flatten()))

    def drift(self, network: int, classifier: Classifier, rows: Dataset | None, wanted: Labels | None) -> LayerDrift:
        """Return the separation of the observed rows, and the shift of other rows.

        Args:
            network: the index of the network in `layers`.
            classifier: the network itself.
            rows: the other rows with their true labels, or None.
            wanted: the class that the attacker wants for each of them (n), or None.
        """
        names, counts = self.layers[network], torch.bincount(self.clean.y, minlength=len(self.clean.classes))
        counts = counts.clamp_min(1).double()
        centroids = {name: self.sums[network][name] / counts[:, None].to(self.sums[network][name]) for name in names}
        separation = torch.tensor([self._separation(network, name, counts) for name in names], dtype=torch.float64)
        shift = torch.full((len(names),), torch.nan, dtype=torch.float64)
        nearer = shift.clone()
        if rows is not None and wanted is not None and len(rows):
            shifts = _shifts(classifier, rows, wanted, centroids, self.width)
            for index, name in enumerate(names):
                shift[index] = shifts[name].mean()
                nearer[index] = (shifts[name] > 0.5).double().mean()
        return LayerDrift(names, separation, shift, nearer)

    def _separation(self, network: int, name: str, counts: Tensor) -> float:
        sums = self.sums[network][name]
        centroids = sums / counts[:, None].to(sums)
        mean, weights = sums.sum(0) / len(self.clean), counts[:, None].to(centroids)
        between = float((weights * (centroids - mean).square()).sum())
        within = self.squares[network][name] - float((weights * centroids.square()).sum())
        return between / max(within, 1e-12)


def _shifts(
    classifier: Classifier, rows: Dataset, wanted: Labels, centroids: dict[str, Tensor], width: int
) -> dict[str, Tensor]:
    """Return each row's position on the line from its class's centroid to the wanted class's, by layer (n)."""
    shifts: dict[str, list[Tensor]] = {name: [] for name in centroids}
    for part, activations in in_batches(classifier, rows, tuple(centroids), BATCH_ROWS):
        for name, centres in centroids.items():
            lines = centres[None, :] - centres[:, None]  # from each class to each other class
            lengths, bases = lines.square().sum(2).clamp_min(1e-12), (centres[:, None] * lines).sum(2)
            features = narrowed(activations[name], width)
            true, goal = rows.y[part], wanted[part]
            products = (features @ centres.t().to(features)).double()  # every row with every centroid
            index = torch.arange(len(true), device=true.device)
            projection = products[index, goal] - products[index, true]
            shifts[name].append((projection - bases[true, goal]) / lengths[true, goal])
    return {name: torch.cat(parts) for name, parts in shifts.items()}
