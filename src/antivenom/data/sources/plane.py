"""Points in the plane."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Interval
from sklearn.datasets import make_blobs, make_circles, make_classification, make_moons

from antivenom.data.dataset import Dataset, Splits
from antivenom.data.progress import OnProgress, no_op
from antivenom.errors import SettingsError
from antivenom.settings import Count, component

NOISE = {"moons": 0.2, "circles": 0.1, "blobs": 1.0}


@component
class Plane:
    """Two classes of points in the plane, from scikit-learn. They show a complete decision boundary.

    The first half of the rows is for training, the second half for testing. With the defaults the points are those of
    `make_classification(n_samples=200, n_features=2, n_informative=2, n_redundant=0, weights=[0.5, 0.5],
    random_state=17)`.

    Args:
        shape: `classification`, clusters; `moons`, two interleaving half circles; `circles`, two concentric circles of
            radius 1 and 2; `blobs`, normal distributions around (-1, -1) and (1, 1).
        rows: the number of rows in both halves together.
        noise: the standard deviation of the noise of moons (0.2 if omitted) and circles (0.1 if omitted), or of a blob
            (1 if omitted).
        random_state: the seed of scikit-learn.

    Raises:
        SettingsError: noise is set for `classification`, which does not use it.

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
            raise SettingsError([f"Plane.noise must be null for the shape 'classification'; got {self.noise}."])

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits."""
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
        """Return no files: the points are generated."""
        return ()
