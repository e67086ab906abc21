"""A training with a figure and a chart."""

import time
from collections.abc import Sequence

from antivenom import Classifier, Dataset, Rng
from antivenom.charts import Axis, Figure, Lines, Series, WithEvidence, column
from antivenom.metrics import accuracy
from antivenom.settings import component
from antivenom.training import Callback, Epoch
from antivenom.trial import Trial


@component
class InHalves:
    """Trains the model on one half of the rows, then on the other half."""

    needs = frozenset({"incremental"})

    trial = Trial(waive={"training_learns": "two updates are too few to learn the toy images"})

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> WithEvidence[Classifier]:
        """Return a new classifier that was trained on both halves."""
        learner = (start or classifier.fresh(rng.child("weights"))).copy()
        accuracies = []
        for number, rows in enumerate(rng.child("order").order(data.ids).chunk(2), 1):
            began, half = time.perf_counter(), data.subset(rows)
            loss = learner.learn(half.inputs(), half.y)
            accuracies.append(accuracy(learner, half))
            for callback in callbacks:
                callback(Epoch(number, 2, loss, time.perf_counter() - began, learner, number * len(rows)))
        chart = Lines(
            name="halves",
            x=Axis(label="half", whole=True),
            y=Axis(label="accuracy on the half"),
            series=(Series(x=column([1, 2][: len(accuracies)]), y=column(accuracies), marks=True),),
            caption="Accuracy on each half after training on it.",
            alt=f"Accuracy on the halves: {accuracies}.",
        )
        figure = Figure(name="last_half_accuracy", value=accuracies[-1], better="high")
        return WithEvidence(learner, (figure,), (chart,))
