"""How alike two networks' representations are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from antivenom.analysis._layers import BATCH, look_at, studied_layers
from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.shapes import Features


@component
class Similarity:
    """Linear CKA between victim and control, every layer with every layer, on clean test rows.

    Figures: `cka.LAYER`. See `similarity`.

    >>> Similarity()
    Similarity()
    """

    def begin(self, scene: Scene, rng: Rng) -> Study:  # noqa: ARG002
        """Look at both networks' layers."""
        seen = _Alignment(studied_layers(scene.victim), studied_layers(scene.control))

        def finish() -> Learned:
            found = seen.found()
            arrays = {
                "layers": np.array([name for name in found.layers if name in found.same]),
                "matrix": found.matrix,
                "victim": np.array(found.layers),
                "control": np.array(found.others),
            }
            return Learned({f"cka.{name}": value for name, value in found.same.items()}, arrays)

        return Study(finish, seen)


@dataclass(frozen=True, eq=False)
class LayerSimilarity:
    """Linear CKA between every layer of one network and every layer of another.

    Attributes:
        layers: the first network's (a).
        others: the second network's (b).
        matrix: from about 0, nothing in common, to 1, the same but for rotation and scale (a, b).
    """

    layers: tuple[str, ...]
    others: tuple[str, ...]
    matrix: Tensor

    @property
    def same(self) -> dict[str, float]:
        """Each layer that both have, with itself."""
        place = {name: index for index, name in enumerate(self.others)}
        return {name: float(self.matrix[index, place[name]]) for index, name in enumerate(self.layers) if name in place}


def cka(x: Features, y: Tensor) -> float:
    """Linear centred kernel alignment of features of the same rows, (n, d) and (n, e), without the bias of few rows.

    Kornblith, Norouzi, Lee and Hinton, *Similarity of neural network representations revisited* (2019), by the
    unbiased estimator of Nguyen, Raghu and Kornblith (2021), which can fall a little below 0.

    Raises:
        DataError: fewer than four rows, or not the same rows.

    >>> x = torch.arange(20.0).reshape(10, 2) ** 0.5
    >>> round(cka(x, 3 * x.flip(1) + 1), 4)
    1.0
    """
    if len(x) != len(y) or len(x) < 4:
        raise DataError(f"CKA needs four rows or more, the same of both; got {len(x)} and {len(y)}.")
    grams = _grams([x, y])
    products = _products(grams, grams)
    return float(products[0, 1] / (products[0, 0] * products[1, 1]).sqrt())


def similarity(
    one: Classifier,
    other: Classifier,
    data: Dataset,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = BATCH,
) -> LayerSimilarity:
    """Linear CKA of two networks on the same rows, layer by layer.

    The estimator is Nguyen, Raghu and Kornblith's, *Do wide and deep networks learn the same things?* (2021): unbiased
    within each batch and summed over batches, so one pass over the data serves all pairs of layers.

    Args:
        one: a network.
        other: another.
        data: the rows, in batches of four or more.
        layers: which, for both; all that do more than move numbers, where left out.
        batch_size: rows at once.

    Raises:
        CapabilityError: one has no layers, or not these.
        DataError: too few rows.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> round(similarity(net, net, load("digits").test).same["hidden_1"], 4)
    1.0
    """
    seen = _Alignment(*(tuple(layers or studied_layers(each)) for each in (one, other)))
    look_at((one, other), data, (seen,), batch_size=batch_size)
    if not seen.counted:
        raise DataError(f"CKA needs batches of four rows or more; got {len(data)} rows in batches of {batch_size}.")
    return seen.found()


class _Alignment:
    """The sums that CKA is made of, over the batches seen so far."""

    def __init__(self, mine: tuple[str, ...], theirs: tuple[str, ...]) -> None:
        self.layers = (mine, theirs)
        self.counted = 0
        self.cross = torch.zeros(len(mine), len(theirs), dtype=torch.float64)
        self.own = [torch.zeros(len(names), dtype=torch.float64) for names in self.layers]

    def see(self, rows: slice, given: Sequence[dict[str, Tensor]]) -> None:
        if rows.stop - rows.start < 4:
            return  # a last batch of fewer has no unbiased estimate
        self.counted += 1
        a, b = (_grams([each[name] for name in names]) for each, names in zip(given, self.layers, strict=True))
        self.cross = self.cross.to(a.device) + _products(a, b)
        self.own = [
            sums.to(a.device) + _products(each, each).diagonal() for sums, each in zip(self.own, (a, b), strict=True)
        ]

    def found(self) -> LayerSimilarity:
        scale = (self.own[0].clamp_min(0)[:, None] * self.own[1].clamp_min(0)[None, :]).sqrt()
        return LayerSimilarity(*self.layers, (self.cross / scale).cpu())


def _grams(features: Sequence[Tensor]) -> Tensor:
    """Products of all rows with each other, a row with itself left out (layers, n, n), centred in scale."""
    made = []
    for each in features:
        rows = each.flatten(1)
        rows = rows - rows.mean(0)  # changes no estimate, and keeps numbers small
        gram = (rows @ rows.t()).double()
        made.append(gram.fill_diagonal_(0))
    return torch.stack(made)


def _products(a: Tensor, b: Tensor) -> Tensor:
    """The unbiased HSIC of every pair of Gram matrices, (layers, n, n) and (others, n, n), but for a common factor."""
    n = a.shape[1]
    together = torch.einsum("aij,bij->ab", a, b)
    rows_a, rows_b = a.sum(2), b.sum(2)
    totals = rows_a.sum(1)[:, None] * rows_b.sum(1)[None, :] / ((n - 1) * (n - 2))
    return (together + totals - 2 / (n - 2) * (rows_a @ rows_b.t())) / (n * (n - 3))
