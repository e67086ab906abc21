"""Points in the plane."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Interval
from sklearn.datasets import make_blobs, make_circles, make_classification, make_moons

from antivenom.data.dataset import Dataset, OnProgress, Splits, no_op
from antivenom.errors import SettingsError
from antivenom.settings import Count, component

NOISE = {"moons": 0.2, "circles": 0.1, "blobs": 1.0}


@component
class Plane:
    """Two classes of points in the plane, as scikit-learn makes them: to see a decision boundary whole.

    The first half of the rows is to train on, the second to measure on, in the order in which they are made. With the
    defaults they are the points of `make_classification(n_samples=200, n_features=2, n_informative=2, n_redundant=0,
    weights=[0.5, 0.5], random_state=17)`.

    Args:
        shape: `classification`, clusters; `moons`, two interleaving half circles; `circles`, one in the other, of twice
            the radius; `blobs`, a normal cloud around (-1, -1) and one around (1, 1).
        rows: how many, in both halves together.
        noise: the standard deviation of what is added to moons (0.2 where left out) and circles (0.1), or of a blob
            (1).
        random_state: scikit-learn's seed.

    Raises:
        SettingsError: noise for `classification`, which has none.

    >>> splits = Plane(shape="moons").load()
    >>> splits.train.x.shape, splits.train.classes
    (torch.Size([100, 2]), ('0', '1'))
    """

    shape: Literal["classification", "moons", "circles", "blobs"] = "classification"
    rows: Annotated[int, Interval(ge=8, le=100_000)] = 200
    noise: Annotated[float, Interval(ge=0, le=10)] | None = None
    random_state: Annotated[Count, Interval(le=2**32 - 1)] = 17

    def __post_init__(self) -> None:
        if self.shape == "classification" and self.noise is not None:
            raise SettingsError(["Plane.noise is for moons, circles and blobs; classification has none."])

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Both splits."""
        noise = self.noise if self.noise is not None else NOISE.get(self.shape, 0.0)
        if self.shape == "classification":
            x, y = make_classification(
                n_samples=self.rows,
                n_features=2,
                n_informative=2,
                n_redundant=0,
                weights=[0.5, 0.5],
                random_state=self.random_state,
            )
        elif self.shape == "moons":
            x, y = make_moons(self.rows, noise=noise, random_state=self.random_state)
        elif self.shape == "circles":
            x, y = make_circles(2 * (self.rows // 2), noise=noise, factor=0.5, random_state=self.random_state)
            x = 2 * x
        else:
            centres = np.array([[-1.0, -1.0], [1.0, 1.0]])
            x, y = make_blobs(self.rows, centers=centres, cluster_std=noise, random_state=self.random_state)
        data = Dataset.from_arrays(x.astype(np.float32), y.astype(np.int64), classes=("0", "1"))
        first = torch.arange(len(data)) < len(data) // 2
        return Splits(train=data.subset(first), test=data.subset(~first))

    def files(self) -> tuple[Path, ...]:
        """None: the points are made."""
        return ()
