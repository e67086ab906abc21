"""A scan for any classifier that recovers no triggers, with a figure and a chart."""

from typing import Annotated

import torch
from annotated_types import Interval

from antivenom import Classifier, Dataset, Rng
from antivenom.charts import Bars, BarSeries, Figure, column
from antivenom.defences import Subject, Verdict
from antivenom.errors import DataError
from antivenom.settings import component
from antivenom.trial import Trial


@component
class PriorShift:
    """Flags a model that classifies random noise as one class far more often than as the others.

    Args:
        false_alarm_rate: the largest acceptable chance that a clean classifier is flagged.
        rows: the number of noise rows.
    """

    trial = Trial(
        waive={"scan_finds_a_backdoor": "the planted backdoor does not change predictions for noise"},
    )

    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    rows: int = 200

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        """Return a verdict on the whole model."""
        if clean is None:
            raise DataError("PriorShift requires clean rows, because it makes noise from their values. Pass clean=….")
        values = clean.inputs(slice(0, self.rows)).flatten(1).cpu().numpy()
        x = torch.from_numpy(rng.child("pixels").numpy().permuted(values, axis=1)).reshape(-1, *clean.shape)
        shares = torch.bincount(classifier.scores(x).argmax(1).cpu(), minlength=classifier.classes) / len(x)
        largest = float(shares.max())
        p_value = torch.tensor([max(1e-6, 1 - largest) if largest > 0.9 else 1.0], dtype=torch.float64)
        chart = Bars(
            name="shares",
            categories=tuple(map(str, range(classifier.classes))),
            series=(BarSeries(values=column(shares)),),
            caption="The share of noise rows that are classified as each class.",
            alt=f"The largest share is {largest:.2f}.",
        )
        return Verdict(
            subjects=(Subject(),),
            statistic=torch.tensor([largest], dtype=torch.float64),
            p_value=p_value,
            flagged=p_value <= self.false_alarm_rate,
            inconclusive=torch.tensor([False]),
            false_alarm_rate=self.false_alarm_rate,
            untested=("Backdoors that do not change predictions for noise.",),
            figures=(Figure(name="largest_share", value=largest, better="low"),),
            evidence=(chart,),
        )
