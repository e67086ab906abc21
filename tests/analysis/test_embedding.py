"""Places of rows in the plane."""

import numpy as np
import pytest
import torch

from antivenom.analysis import (
    embed,
)
from antivenom.rng import Rng


@pytest.mark.slow
def test_embeddings_keep_neighbours_together() -> None:
    """Two clouds far apart stay apart; principal components are those of the singular value decomposition."""
    generator = Rng(0).child("clouds").generator()
    rows = torch.randn(60, 8, generator=generator)
    rows[30:] += 12
    for method in ("pca", "tsne", "umap"):
        places = embed(rows, method, rng=Rng(1))
        assert places.shape == (60, 2)
        centres = places[:30].mean(0), places[30:].mean(0)
        spread = max(places[:30].std(), places[30:].std())
        assert np.linalg.norm(centres[0] - centres[1]) > 2 * spread
        assert np.array_equal(places, embed(rows, method, rng=Rng(1)))
    values = torch.linalg.svdvals(rows - rows.mean(0))
    assert np.allclose(np.linalg.norm(embed(rows, "pca", rng=Rng(0)), axis=0), values[:2], rtol=1e-4)
