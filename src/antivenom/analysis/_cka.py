"""Linear centred kernel alignment (CKA) of features and of layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.errors import DataError
from antivenom.shapes import Features, ShortRepr


def cka(x: Features, y: Tensor) -> float:
    """Return the linear centred kernel alignment of two sets of features of the same rows, (n, d) and (n, e).

    Kornblith, Norouzi, Lee and Hinton, *Similarity of neural network representations revisited* (2019), with the
    unbiased estimator of Nguyen, Raghu and Kornblith (2021). The result is at most 1, and can be slightly below 0.

    Raises:
        DataError: there are fewer than four rows, or `x` and `y` have different numbers of rows.

    >>> x = torch.arange(20.0).reshape(10, 2) ** 0.5
    >>> round(cka(x, 3 * x.flip(1) + 1), 4)
    1.0
    """
    if len(x) != len(y) or len(x) < 4:
        raise DataError(f"CKA requires at least 4 rows, the same number in both; got {len(x)} and {len(y)}.")
    grams = _grams([x, y])
    products = _products(grams, grams)
    return float(products[0, 1] / (products[0, 0] * products[1, 1]).sqrt())


@dataclass(frozen=True, eq=False, repr=False)
class LayerSimilarity(ShortRepr):
    """Linear CKA between every layer of one network and every layer of another.

    Attributes:
        layers: the names of the first network's layers (a).
        others: the names of the second network's layers (b).
        matrix: the CKA of each pair of layers (a, b), from about 0, nothing in common, to 1, equal except for rotation
            and scale.
    """

    layers: tuple[str, ...]
    others: tuple[str, ...]
    matrix: Tensor

    @property
    def same(self) -> dict[str, float]:
        """Return the CKA of each layer with the layer of the same name in the other network."""
        place = {name: index for index, name in enumerate(self.others)}
        return {name: float(self.matrix[index, place[name]]) for index, name in enumerate(self.layers) if name in place}


class Alignment:
    """The sums over batches from which CKA is computed: an `Observer` of two networks.

    Args:
        layers: the first network's layers.
        others: the second network's layers.
    """

    def __init__(self, layers: tuple[str, ...], others: tuple[str, ...]) -> None:
        self.layers = (layers, others)
        self.batches = 0
        self.cross = torch.zeros(len(layers), len(others), dtype=torch.float64)
        self.own = [torch.zeros(len(names), dtype=torch.float64) for names in self.layers]

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Add a batch to the sums."""
        if rows.stop - rows.start < 4:
            return  # the unbiased estimate requires at least four rows
        self.batches += 1
        a, b = (_grams([each[name] for name in names]) for each, names in zip(activations, self.layers, strict=True))
        self.cross = self.cross.to(a.device) + _products(a, b)
        self.own = [
            sums.to(a.device) + _products(each, each).diagonal() for sums, each in zip(self.own, (a, b), strict=True)
        ]

    def similarity(self) -> LayerSimilarity:
        """Return the CKA of all batches so far."""
        scale = (self.own[0].clamp_min(0)[:, None] * self.own[1].clamp_min(0)[None, :]).sqrt()
        return LayerSimilarity(*self.layers, (self.cross / scale).cpu())


def _grams(features: Sequence[Tensor]) -> Tensor:
    """Return the products of all rows with each other (layers, n, n), of centred features, with 0 on the diagonal."""
    grams = []
    for each in features:
        rows = each.flatten(1)
        rows = rows - rows.mean(0)  # does not change the estimate, and keeps the numbers small
        gram = (rows @ rows.t()).double()
        grams.append(gram.fill_diagonal_(0))
    return torch.stack(grams)


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Return the unbiased HSIC of every pair of Gram matrices, (layers, n, n) and (others, n, n), up to one factor."""
    n = a.shape[1]
    together = torch.einsum("aij,bij->ab", a, b)
    rows_a, rows_b = a.sum(2), b.sum(2)
    totals = rows_a.sum(1)[:, None] * rows_b.sum(1)[None, :] / ((n - 1) * (n - 2))
    return (together + totals - 2 / (n - 2) * (rows_a @ rows_b.t())) / (n * (n - 3))
