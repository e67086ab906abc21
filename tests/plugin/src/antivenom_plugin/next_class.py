"""A goal with several targets and a trigger of its own."""

from dataclasses import replace

import torch

from antivenom.data import Dataset, Scorer
from antivenom.models import predictions
from antivenom.settings import component
from antivenom.shapes import Inputs, Labels


@component
class DarkRow:
    """The lowest row of pixels is as dark as can be."""

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Rows (n, *shape) with the trigger."""
        dark = x.clone()
        dark[..., -1, :] = bounds[0]
        return dark


@component
class NextClass:
    """With the trigger, each row is taken for the class after its own."""

    def attacked(self, test: Dataset) -> Dataset:
        """All rows: none belongs to the class after its own."""
        return test

    def triggered(self, data: Dataset) -> Dataset:
        """The same rows with the trigger."""
        return replace(data, x=data.encode(DarkRow().apply(data.inputs(), data.bounds or (0.0, 1.0))))

    def wanted(self, data: Dataset) -> Labels:
        """The class after each row's own (n)."""
        return (data.y + 1) % len(data.classes)

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """The share of triggered rows that are taken for the next class."""
        if not len(test):
            return None
        hits = predictions(classifier, self.triggered(test)).to(test.device) == self.wanted(test)
        return float(hits.to(torch.float64).mean())
