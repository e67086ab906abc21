"""Where classes lie in a representation, and where poisoned rows have gone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from antivenom.analysis._layers import BATCH, in_batches, look_at, narrowed, studied_layers
from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.data import Dataset
from antivenom.models import Checkpoint, Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Labels

WIDTH = 2048
ON_THE_WAY = 1000
"""So many clean rows, and so many poisoned ones, are placed at each checkpoint."""


@component
class Drift:
    """How far each layer of victim and control has moved poisoned rows from their true class to the one they are for.

    Figures: `moved.LAYER` and `control_moved.LAYER`, from 0, at the true class's centroid, to 1, at the other's; and,
    where the training keeps checkpoints, `appears.LAYER`: after how many rows of training the victim's layer first has
    them beyond the middle and the control's has not; null where that never happens. See `drift`.

    Args:
        width: maps of more numbers are averaged over cells.

    >>> Drift().width
    2048
    """

    width: AtLeastOne = WIDTH

    def begin(self, scene: Scene, rng: Rng) -> Study:  # noqa: ARG002
        """Look at the classes' centroids in the layers of both."""
        seen = _Scatter([studied_layers(each) for each in scene.both.values()], scene.test, self.width)

        def finish() -> Learned:
            rows, towards = scene.pulled()
            values: dict[str, float | None] = {}
            for place, (prefix, network) in enumerate(scene.both.items()):
                gone = seen.found(place, network, rows, towards)
                figures = zip(gone.layers, gone.moved.tolist(), strict=True)
                values |= {f"{prefix}moved.{name}": None if math.isnan(value) else value for name, value in figures}
            names = {"layers": np.array(seen.layers[0])}
            if not all(scene.paths) or not len(rows):
                return Learned(values, names)
            few = torch.arange(min(len(rows), ON_THE_WAY), device=rows.device)
            over = drift_over_training(scene.paths, scene.test, rows.subset(few), towards[few], width=self.width)
            first = zip(over.layers, over.appears(), strict=True)
            arrays = {**names, "rows": over.rows, "over_training": over.moved}
            return Learned({**values, **{f"appears.{name}": place for name, place in first}}, arrays)

        return Study(finish, seen)


@dataclass(frozen=True, eq=False)
class DriftOverTraining:
    """How far poisoned rows have moved, along the way.

    Attributes:
        layers: their names (a).
        rows: how many rows each checkpoint had learned from (k).
        moved: of the victim and of the control (2, k, a).
    """

    layers: tuple[str, ...]
    rows: Tensor
    moved: Tensor

    def appears(self) -> list[float | None]:
        """For each layer, after how many rows the victim first has them beyond the middle, and the control has not."""
        beyond = (self.moved[0] > 0.5) & (self.moved[1] <= 0.5)
        return [float(self.rows[column.int().argmax()]) if bool(column.any()) else None for column in beyond.t()]


def drift_over_training(
    paths: Sequence[Sequence[Checkpoint]], clean: Dataset, rows: Dataset, towards: Labels, *, width: int = WIDTH
) -> DriftOverTraining:
    """Where each checkpoint of victim and control puts poisoned rows, between the centroids it has itself.

    Args:
        paths: the victim's checkpoints and the control's, after as many rows each.
        clean: clean rows with their true labels; up to 1,000 are used.
        rows: rows to place, with their true labels.
        towards: the class that each is pulled to (n).
        width: maps of more numbers are averaged over cells.
    """
    layers = studied_layers(paths[0][0].classifier)
    few = clean.subset(torch.arange(min(len(clean), ON_THE_WAY), device=clean.device))
    steps = min(map(len, paths))
    moved = [
        torch.stack([drift(each.classifier, few, rows, towards, layers=layers, width=width).moved for each in path])
        for path in (one[:steps] for one in paths)
    ]
    return DriftOverTraining(layers, torch.tensor([each.rows for each in paths[0][:steps]]), torch.stack(moved))


@dataclass(frozen=True, eq=False)
class LayerDrift:
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
    width: int = WIDTH,
) -> LayerDrift:
    """Class centroids and scatter of clean rows in each layer, and where other rows lie between two of them.

    Args:
        classifier: the network.
        clean: clean rows with their true labels.
        rows: rows to place, with their true labels, such as test rows with a trigger.
        towards: the class that each is pulled to (n), such as a backdoor's target.
        layers: which; all that do more than move numbers, where left out.
        width: maps of more numbers are averaged over cells.

    Raises:
        CapabilityError: the classifier has no layers, or not these.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> found = drift(net, test, test, (test.y + 1) % 10)
    >>> bool((found.moved < 0.5).all())
    True
    """
    seen = _Scatter([tuple(layers or studied_layers(classifier))], clean, width)
    look_at((classifier,), clean, (seen,))
    return seen.found(0, classifier, rows, towards)


class _Scatter:
    """Sums over the rows of each class, layer by layer of each network: of features, and of their squares."""

    def __init__(self, layers: Sequence[tuple[str, ...]], clean: Dataset, width: int) -> None:
        self.layers, self.clean, self.width = layers, clean, width
        self.sums: list[dict[str, Tensor]] = [{} for _ in layers]
        self.squares = [dict.fromkeys(names, 0.0) for names in layers]

    def see(self, rows: slice, given: Sequence[dict[str, Tensor]]) -> None:
        members = functional.one_hot(self.clean.y[rows], len(self.clean.classes))
        for network, names in enumerate(self.layers):
            for name in names:
                features = narrowed(given[network][name], self.width)
                total = (members.to(features).t() @ features).double()
                before = self.sums[network].get(name)
                self.sums[network][name] = total if before is None else before + total
                self.squares[network][name] += float(torch.dot(features.flatten(), features.flatten()))

    def found(self, network: int, classifier: Classifier, rows: Dataset | None, towards: Tensor | None) -> LayerDrift:
        names, clean = self.layers[network], self.clean
        counts = torch.bincount(clean.y, minlength=len(clean.classes)).clamp_min(1).double()
        centroids = {name: self.sums[network][name] / counts[:, None].to(self.sums[network][name]) for name in names}
        separation = []
        for name in names:
            mean, weights = self.sums[network][name].sum(0) / len(clean), counts[:, None].to(centroids[name])
            between = float((weights * (centroids[name] - mean).square()).sum())
            within = self.squares[network][name] - float((weights * centroids[name].square()).sum())
            separation.append(between / max(within, 1e-12))
        moved = torch.full((len(names),), torch.nan, dtype=torch.float64)
        nearer = moved.clone()
        if rows is not None and towards is not None and len(rows):
            places = _places(classifier, rows, towards, centroids, self.width)
            for index, name in enumerate(names):
                moved[index] = places[name].mean()
                nearer[index] = (places[name] > 0.5).double().mean()
        return LayerDrift(names, torch.tensor(separation, dtype=torch.float64), moved, nearer)


def _places(
    classifier: Classifier, rows: Dataset, towards: Tensor, centroids: dict[str, Tensor], width: int
) -> dict[str, Tensor]:
    """How far each row lies on the line from its class's centroid to the other's, by layer (n)."""
    found: dict[str, list[Tensor]] = {name: [] for name in centroids}
    for part, given in in_batches(classifier, rows, tuple(centroids), BATCH):
        for name, centres in centroids.items():
            ways = centres[None, :] - centres[:, None]  # from each class to each other
            lengths, bases = ways.square().sum(2).clamp_min(1e-12), (centres[:, None] * ways).sum(2)
            features = narrowed(given[name], width)
            from_, to = rows.y[part], towards[part]
            along = (features @ centres.t().to(features)).double()  # every row with every centroid
            place = torch.arange(len(from_), device=from_.device)
            onto = along[place, to] - along[place, from_]
            found[name].append((onto - bases[from_, to]) / lengths[from_, to])
    return {name: torch.cat(parts) for name, parts in found.items()}
