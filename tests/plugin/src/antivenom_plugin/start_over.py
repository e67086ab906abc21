"""A repair for any classifier that learns in batches, with a figure and a table."""

from antivenom import Classifier, Dataset, Rng
from antivenom.charts import Figure, Table, WithEvidence
from antivenom.defences import Verdict
from antivenom.metrics import accuracy
from antivenom.settings import component


@component
class StartOver:
    """Trains a new model on the clean rows only."""

    needs = frozenset({"incremental"})

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,
    ) -> WithEvidence[Classifier]:
        """Return a new classifier that was trained on the clean rows only."""
        repaired = classifier.fresh(rng.child("weights"))
        for number in range(30):
            for rows in rng.child("order", number).order(clean.ids).split(max(16, len(clean) // 4)):
                repaired.learn(clean.inputs(rows), clean.y[rows])
        figure = Figure(name="accuracy_on_clean_rows", value=accuracy(repaired, clean), better="high")
        table = Table(name="rows_used", columns=("rows",), rows=((str(len(clean)),),), alt=f"{len(clean)} rows.")
        return WithEvidence(repaired, (figure,), (table,))
