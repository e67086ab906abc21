"""A repair for any classifier that learns batch by batch, with a figure and a chart."""

from antivenom import Classifier, Dataset, Rng
from antivenom.charts import Figure, Table, WithEvidence
from antivenom.defences import Verdict
from antivenom.metrics import accuracy
from antivenom.settings import component


@component
class StartOver:
    """Forget everything, and learn the clean rows alone."""

    needs = frozenset({"incremental"})

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,
    ) -> WithEvidence[Classifier]:
        """A new classifier that has seen clean rows alone."""
        repaired = classifier.fresh(rng.child("weights"))
        for number in range(30):
            for rows in rng.child("order", number).order(clean.ids).split(max(16, len(clean) // 4)):
                repaired.learn(clean.inputs(rows), clean.y[rows])
        figure = Figure(name="accuracy_on_clean_rows", value=accuracy(repaired, clean), better="high")
        table = Table(name="rows_used", columns=("rows",), rows=((str(len(clean)),),), alt=f"{len(clean)} rows.")
        return WithEvidence(repaired, (figure,), (table,))
