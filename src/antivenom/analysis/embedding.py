"""Embedding: rows in a network's representation, drawn in two dimensions."""

import warnings
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.analysis._analysis import AnalysisResult, NoLayers
from antivenom.analysis._context import AnalysisContext
from antivenom.charts import Panels, Points, Scatter, title_of
from antivenom.errors import CapabilityError, SettingsError
from antivenom.extras import missing_packages
from antivenom.models.batches import input_batches
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Features
from antivenom.threads import restored

Method = Literal["pca", "tsne", "umap"]


@component
class Embedding:
    """Draw the penultimate features of clean and of poisoned rows in two dimensions, for victim and control.

    If the goal has a trigger, the poisoned rows are test rows with the trigger. Otherwise they are the attacker's rows
    with wrong labels. See `embed`.

    Args:
        methods: one or more of `pca`, `tsne` and `umap`. Each method has its own chart. `umap` requires umap-learn.
        rows: the largest number of clean rows.
        poisoned_rows: the largest number of poisoned rows.

    Raises:
        SettingsError: `methods` is empty or names a method twice, or umap-learn is not installed for `umap`.

    >>> Embedding(methods=("pca", "tsne")).rows
    1000
    """

    methods: tuple[Method, ...] = ("pca",)
    rows: AtLeastOne = 1000
    poisoned_rows: AtLeastOne = 200

    needs = frozenset({"features"})

    def __post_init__(self) -> None:
        if len(set(self.methods)) < len(self.methods) or not self.methods:
            raise SettingsError(
                [f"Embedding.methods must name at least one method, and each method once; got {self.methods}."]
            )
        if "umap" in self.methods and find_spec("umap") is None:
            raise SettingsError([missing_packages("Embedding.methods: umap", ["umap-learn"])])

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:
        """Return an observer without layers: only a few rows are drawn."""
        return NoLayers(lambda: self._finish(context, rng))

    def _finish(self, context: AnalysisContext, rng: Rng) -> AnalysisResult:
        clean = context.test.subset(rng.child("clean").order(context.test.ids)[: self.rows])
        poisoned, wanted = context.poisoned_rows()
        chosen = rng.child("poisoned").order(poisoned.ids)[: self.poisoned_rows]
        parts = zip(*((each.x, each.y, each.ids) for each in (clean, poisoned.subset(chosen))), strict=True)
        x, y, ids = map(torch.cat, parts)
        rows = replace(clean, x=x, y=y, ids=ids)
        features = [torch.cat([each.features(x) for _, x in input_batches(rows)]) for each in context.networks]
        places = np.array(
            [[embed(each, method, rng=rng.child(method)) for each in features] for method in self.methods]
        )
        data = {
            "places": places,
            "methods": np.array(self.methods),
            "classes": clean.y,
            "poisoned_classes": poisoned.y[chosen],
            "wanted_classes": wanted[chosen],
        }
        names, labels = context.test.classes, clean.y.cpu().numpy()
        goals = sorted({names[int(label)] for label in wanted[chosen]})
        purpose = f" that the attacker wants to be classified as {goals[0]}" if len(goals) == 1 else ""
        alt = f"Penultimate features of {len(labels)} clean test rows and {len(chosen)} poisoned rows{purpose}."
        charts = tuple(
            _chart(method, networks, labels, names, alt) for method, networks in zip(self.methods, places, strict=True)
        )
        return AnalysisResult(charts=charts, data=data)


def _chart(method: str, places: NDArray[Any], labels: NDArray[Any], classes: tuple[str, ...], alt: str) -> Panels:
    """Return a chart of the rows of victim and control (2, n, 2). The first `len(labels)` rows are clean."""
    panels = []
    for role, points in zip(("victim", "control"), places, strict=True):
        clean, poisoned = points[: len(labels)], points[len(labels) :]
        groups = [Points(label=name, xy=clean[labels == label], size=0.8) for label, name in enumerate(classes)]
        groups.append(Points(label="poisoned", xy=poisoned, mark="cross", colour="ink", size=0.7))
        panels.append(
            Scatter(title=f"{role}, {title_of(method)}", groups=tuple(groups), bare=True, legend=role == "victim")
        )
    return Panels(name=method, caption=f"{alt} Crosses are poisoned rows.", alt=alt, charts=tuple(panels), across=2)


def embed(features: Features, method: Method, *, rng: Rng) -> NDArray[np.float32]:
    """Return rows in two dimensions (n, 2), by principal components, t-SNE or UMAP.

    Van der Maaten and Hinton, *Visualizing data using t-SNE* (2008); McInnes, Healy and Melville, *UMAP* (2018). t-SNE
    and UMAP depend on a seed. They preserve neighbourhoods, not distances.

    Args:
        features: the features of at least four rows (n, d).
        method: `pca`, `tsne` or `umap`.
        rng: the random stream of t-SNE and UMAP.

    Raises:
        CapabilityError: there are fewer than four rows, or umap-learn is not installed for `umap`.

    >>> embed(torch.eye(8), "pca", rng=Rng(0)).shape
    (8, 2)
    """
    rows = features.detach().float().cpu().numpy()
    if len(rows) < 4:
        raise CapabilityError(f"An embedding requires at least 4 rows; got {len(rows)}.")
    if rows.shape[1] < 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    if method == "pca":
        from sklearn.decomposition import PCA  # noqa: PLC0415 - the import is slow

        return np.asarray(PCA(2, svd_solver="full").fit_transform(rows), np.float32)
    if method == "tsne":
        from sklearn.manifold import TSNE  # noqa: PLC0415 - the import is slow

        perplexity = min(30.0, (len(rows) - 1) / 3)
        tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=rng.integer(), n_jobs=1)
        return np.asarray(tsne.fit_transform(rows), np.float32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # about a variant of UMAP that requires TensorFlow
            import umap  # noqa: PLC0415 - an optional package, and slow to import
    except ImportError as error:
        raise CapabilityError(missing_packages("UMAP", ["umap-learn"])) from error
    reducer = umap.UMAP(n_neighbors=min(15, len(rows) - 1), random_state=rng.integer(), n_jobs=1)
    with restored():  # Numba sets the number of threads of OpenMP, which is also torch's
        return np.asarray(reducer.fit_transform(rows), np.float32)
