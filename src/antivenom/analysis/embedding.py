"""Where rows lie in a representation, drawn in the plane."""

import warnings
from importlib.util import find_spec
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.errors import CapabilityError, SettingsError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Features

Method = Literal["pca", "tsne", "umap"]


@component
class Embedding:
    """The penultimate features of clean test rows and of poisoned rows, in two dimensions, for victim and control.

    Poisoned rows are test rows with the trigger, where there is one; else the attacker's rows with wrong labels. See
    `embed`.

    Args:
        methods: `pca`, `tsne` or `umap`, which needs umap-learn; each is a picture.
        rows: how many clean rows, at most.
        poisoned_rows: how many poisoned rows, at most.

    Raises:
        SettingsError: a method twice, or `umap` without umap-learn.

    >>> Embedding(methods=("pca", "tsne")).rows
    1000
    """

    methods: tuple[Method, ...] = ("pca",)
    rows: AtLeastOne = 1000
    poisoned_rows: AtLeastOne = 200

    def __post_init__(self) -> None:
        if len(set(self.methods)) < len(self.methods) or not self.methods:
            raise SettingsError([f"Embedding.methods must be different methods, one or more; got {self.methods}."])
        if "umap" in self.methods and find_spec("umap") is None:
            raise SettingsError(["Embedding.methods: umap needs umap-learn: pip install umap-learn."])

    def begin(self, scene: Scene, rng: Rng) -> Study:
        """Nothing is looked at meanwhile: few rows are drawn."""
        return Study(lambda: self._finish(scene, rng))

    def _finish(self, scene: Scene, rng: Rng) -> Learned:
        clean = scene.test.subset(rng.child("clean").order(scene.test.ids)[: self.rows])
        pulled, towards = scene.pulled()
        few = rng.child("poisoned").order(pulled.ids)[: self.poisoned_rows]
        inputs = torch.cat([clean.inputs(), pulled.inputs(few)])
        places = [
            [embed(network.features(inputs), method, rng=rng.child(method)) for network in scene.both.values()]
            for method in self.methods
        ]
        return Learned(
            {},
            {
                "places": np.array(places),
                "methods": np.array(self.methods),
                "classes": clean.y,
                "poisoned_classes": pulled.y[few],
                "poisoned_towards": towards[few],
            },
        )


def embed(features: Features, method: Method, *, rng: Rng) -> NDArray[np.float32]:
    """Rows in two dimensions (n, 2): principal components, t-SNE or UMAP.

    Van der Maaten and Hinton, *Visualizing data using t-SNE* (2008); McInnes, Healy and Melville, *UMAP* (2018), where
    umap-learn is installed. These two start from a seed, and draw neighbourhoods, not distances.

    Args:
        features: rows (n, d), four or more.
        method: `pca`, `tsne` or `umap`.
        rng: what t-SNE and UMAP draw from.

    Raises:
        CapabilityError: too few rows, or `umap` without umap-learn.

    >>> embed(torch.eye(8), "pca", rng=Rng(0)).shape
    (8, 2)
    """
    rows = features.detach().float().cpu().numpy()
    if len(rows) < 4:
        raise CapabilityError(f"A picture of a representation needs four rows or more; got {len(rows)}.")
    if rows.shape[1] < 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    if method == "pca":
        from sklearn.decomposition import PCA  # noqa: PLC0415 - it takes its time

        return np.asarray(PCA(2, svd_solver="full").fit_transform(rows), np.float32)
    if method == "tsne":
        from sklearn.manifold import TSNE  # noqa: PLC0415 - it takes its time

        perplexity = min(30.0, (len(rows) - 1) / 3)
        tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=rng.integer(), n_jobs=1)
        return np.asarray(tsne.fit_transform(rows), np.float32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # of the variant that needs TensorFlow
            import umap  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise CapabilityError("UMAP needs umap-learn: pip install umap-learn.") from error
    reducer = umap.UMAP(n_neighbors=min(15, len(rows) - 1), random_state=rng.integer(), n_jobs=1)
    return np.asarray(reducer.fit_transform(rows), np.float32)
