"""Where classes lie in a representation, and how far poisoned rows are on the way from one class to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.analysis._layers import BATCH_ROWS, in_batches, narrowed
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.shapes import Labels, ShortRepr

WIDTH: Final = 2048


@dataclass(frozen=True, eq=False, repr=False)
class LayerDrift(ShortRepr):
    """How clean classes are separated, and how far other rows are shifted, by layer.

    Attributes:
        layers: their names (a).
        separation: the variance between class centroids over the variance within classes (a): higher is clearer.
        shift: for the other rows, how far each layer puts them on the way from their true class's centroid to the
            wanted class's (a): 0 at the true class, 1 at the wanted one; the mean over rows, NaN without rows.
        nearer: the share of those rows that lie nearer to the wanted class's centroid (a).
    """

    layers: tuple[str, ...]
    separation: Tensor
    shift: Tensor
    nearer: Tensor


class ClassSums:
    """Sums over the rows of each class, layer by layer of each network, of features and of squares: an `Observer`.

    Args:
        layers: of each network.
        clean: the rows that are observed, with their true labels.
        width: maps of more numbers are averaged over cells.
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
        """The separation of the observed rows, and the shift of other rows.

        Args:
            network: its place among the layers.
            classifier: the network itself.
            rows: the other rows with their true labels; None for none.
            wanted: the class that each of them is pulled to (n).
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
    """How far each row lies on the line from its class's centroid to the wanted class's, by layer (n)."""
    found: dict[str, list[Tensor]] = {name: [] for name in centroids}
    for part, activations in in_batches(classifier, rows, tuple(centroids), BATCH_ROWS):
        for name, centres in centroids.items():
            lines = centres[None, :] - centres[:, None]  # from each class to each other
            lengths, bases = lines.square().sum(2).clamp_min(1e-12), (centres[:, None] * lines).sum(2)
            features = narrowed(activations[name], width)
            true, goal = rows.y[part], wanted[part]
            along = (features @ centres.t().to(features)).double()  # every row with every centroid
            place = torch.arange(len(true), device=true.device)
            onto = along[place, goal] - along[place, true]
            found[name].append((onto - bases[true, goal]) / lengths[true, goal])
    return {name: torch.cat(parts) for name, parts in found.items()}
