"""An analysis with a figure and a chart of its own."""

from antivenom import Rng
from antivenom.analysis import AnalysisContext, AnalysisResult, NoLayers
from antivenom.charts import Axis, Histogram, Values, column, pair
from antivenom.settings import component


@component
class Confidence:
    """How sure victim and control are of what they predict for clean test rows.

    Args:
        scale: what the scores are multiplied by, so that two of them can be told apart.
    """

    scale: float = 1.0

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:
        """No layer is observed: the scores are enough."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        x = context.test.inputs()
        victim, control = (each.scores(x).amax(1) * self.scale for each in (context.victim, context.control))
        chart = Histogram(
            name="confidence",
            groups=(
                Values(label="victim", values=column(victim), role="victim"),
                Values(label="control", values=column(control), role="control"),
            ),
            x=Axis(label="largest score"),
            caption="How sure victim and control are.",
            alt=f"The victim's mean is {float(victim.mean()):.3f}.",
        )
        figures = pair("mean_confidence", float(victim.mean()), float(control.mean()), unit="none")
        return AnalysisResult(figures=figures, charts=(chart,))
