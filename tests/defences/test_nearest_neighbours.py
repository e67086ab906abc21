"""Nearest neighbours, against scikit-learn's."""

import numpy as np
import pytest
import torch

from antivenom import load
from antivenom.defences import NearestNeighbours
from antivenom.errors import DataError
from antivenom.models import MLP, Estimator
from antivenom.rng import Rng


@pytest.mark.parametrize("trusts", ["itself", "others"])
@pytest.mark.parametrize("deep", [False, True])
def test_neighbours_are_scikit_learns(trusts: str, deep: bool) -> None:
    from sklearn.neighbors import NearestNeighbors

    splits = load("digits")
    rows, others = splits.train.subset(torch.arange(300)), splits.test
    model = (MLP(hidden=(16,)) if deep else Estimator(class_name="LogisticRegression")).build(
        input_shape=(1, 8, 8), classes=10, bounds=(0.0, 1.0), rng=Rng(0)
    )
    own = trusts == "itself"
    trusted = rows if own else others
    x, there = (
        (model.features(each.inputs()) if deep else each.inputs().flatten(1)).numpy().astype(np.float64)
        for each in (rows, trusted)
    )
    near = NearestNeighbors(n_neighbors=8, algorithm="brute").fit(there).kneighbors(x, return_distance=False)
    near = np.stack([line[line != row][:7] for row, line in enumerate(near)]) if own else near[:, :7]
    slow = (trusted.y.numpy()[near] != rows.y.numpy()[:, None]).mean(1)
    quick = NearestNeighbours(neighbours=7).score(rows, model, rng=Rng(0), clean=trusted)
    assert np.allclose(quick.numpy(), slow, atol=1e-6), "a row may have been asked about itself"


def test_a_class_without_trusted_rows_is_refused_and_not_suspicious() -> None:
    splits = load("digits")
    model = MLP(hidden=(16,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0.0, 1.0), rng=Rng(0))
    with pytest.raises(DataError, match=r"requires .* each of the 10 classes; got 0 of class '3'"):
        NearestNeighbours().score(splits.train, model, rng=Rng(0), clean=splits.test.subset(splits.test.y != 3))
