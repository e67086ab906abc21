"""A goal with several targets and its own trigger."""

from dataclasses import replace

import torch

from antivenom.data import Dataset, Scorer
from antivenom.models import input_batches, predictions
from antivenom.settings import component
from antivenom.shapes import Inputs, Labels


@component
class DarkRow:
    """Sets the lowest row of pixels to the smallest value."""

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Return the rows (n, *shape) with the trigger."""
        dark = x.clone()
        dark[..., -1, :] = bounds[0]
        return dark


@component
class NextClass:
    """The attacker wants each row with the trigger to be classified as the next class."""

    def attacked(self, test: Dataset) -> Dataset:
        """Return all rows, because each row can be misclassified as the next class."""
        return test

    def triggered(self, data: Dataset) -> Dataset:
        """Return the rows with the trigger."""
        x = torch.empty_like(data.x)
        for rows, inputs in input_batches(data):
            x[rows] = data.encode(DarkRow().apply(inputs, data.bounds or (0.0, 1.0)))
        return replace(data, x=x)

    def wanted(self, data: Dataset) -> Labels:
        """Return the next class for each row (n)."""
        return (data.y + 1) % len(data.classes)

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """Return the share of triggered rows that are classified as the next class, or None without rows."""
        if not len(test):
            return None
        hits = predictions(classifier, self.triggered(test)).to(test.device) == self.wanted(test)
        return float(hits.to(torch.float64).mean())
