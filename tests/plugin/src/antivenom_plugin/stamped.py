"""An attack with cover rows, a figure and a chart."""

import torch

from antivenom import Classifier, Dataset, Poisoned, Rng
from antivenom.attacks import CoverBudget
from antivenom.charts import Bars, BarSeries, Figure, column
from antivenom.settings import component
from antivenom_plugin.next_class import NextClass


@component
class Stamped(CoverBudget):
    """Rows with the trigger of `NextClass` and the next class as label. Cover rows keep their true label."""

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """Return the data with poison and cover rows."""
        goal, rows = NextClass(), self.choose(data, rng)
        chosen = data.subset(rows)
        poisoned = self.contribute(data, rows, x=goal.triggered(chosen).x, y=goal.wanted(chosen), goal=goal)
        covers = self.choose_covers(data, rows, rng)
        poisoned = self.cover(poisoned, covers, x=goal.triggered(data.subset(covers)).x)
        darkest = float(goal.triggered(chosen).inputs()[..., -1, :].mean()) if len(rows) else None
        counts = torch.bincount(chosen.y, minlength=len(data.classes))
        chart = Bars(
            name="stamped_rows",
            categories=data.classes,
            series=(BarSeries(values=column(counts)),),
            caption="The number of poisoned rows from each class.",
            alt=f"{int(counts.sum())} poisoned rows.",
        )
        return poisoned.with_evidence((Figure(name="stamp_brightness", value=darkest, unit="none"),), (chart,))
