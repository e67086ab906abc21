"""An analysis with its own figure and chart."""

import torch

from antivenom import Rng
from antivenom.analysis import AnalysisContext, AnalysisResult, NoLayers
from antivenom.charts import Axis, Histogram, Values, column, pair
from antivenom.models import input_batches
from antivenom.settings import component


@component
class Confidence:
    """The confidence of victim and control in their predictions for clean test rows.

    Args:
        scale: a factor for the scores. It distinguishes two of these analyses in one spec.
    """

    scale: float = 1.0

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:
        """Return an observer that needs no layers, because the scores are enough."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        victim, control = (
            torch.cat([each.scores(x).amax(1) * self.scale for _, x in input_batches(context.test)])
            for each in context.networks
        )
        chart = Histogram(
            name="confidence",
            groups=(
                Values(label="victim", values=column(victim), role="victim"),
                Values(label="control", values=column(control), role="control"),
            ),
            x=Axis(label="largest score"),
            caption="The largest score of each test row, for victim and control.",
            alt=f"The victim's mean is {float(victim.mean()):.3f}.",
        )
        figures = pair("mean_confidence", float(victim.mean()), float(control.mean()), unit="none")
        return AnalysisResult(figures=figures, charts=(chart,))
