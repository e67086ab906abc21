"""Deep partition aggregation, DPA (Levine and Feizi 2021)."""

from collections.abc import Sequence

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.voting import VotingClassifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.training.contracts import Callback
from antivenom.training.loop import check_learnable
from antivenom.training.partitions import by_hash
from antivenom.training.voting import Ensemble, fit_members, sizes
from antivenom.trial import Trial


@component
class DeepPartition(Ensemble):
    """Train one network on each partition of the rows; they vote. Each prediction has a certificate (DPA).

    A hash of the row, input and label, determines its partition. Each network sees only its own partition, in the order
    of the rows' content, with a random stream of its number. So a row that is inserted or removed changes one network
    and at most one vote. The certificate is the number of insertions and removals that the prediction survives:
    floor((n_c - max over c' of (n_c' + [c' < c])) / 2), where n_c is the number of votes for the prediction c. A
    replaced row, and a changed label, is one removal and one insertion.

    Args:
        partitions: the number of partitions, k. More partitions give larger certificates and weaker networks.

    >>> from antivenom.charts import with_evidence
    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> blank = MLP(hidden=()).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> votes = with_evidence(DeepPartition(partitions=9).fit(blank, digits.train, rng=Rng(0))).result
    >>> votes.threat, int(votes.certified(digits.test.inputs()).max()) in (1, 2, 3, 4)
    ('insertions and removals', True)
    """

    trial = Trial(
        settings={"partitions": 5, "base": {"name": "end_to_end", "epochs": 40, "batch_size": 16}},
        quick={"partitions": 3, "base": {"name": "end_to_end", "epochs": 2}},
    )

    partitions: AtLeastOne = 50

    def wrapped(self, classifier: Classifier) -> VotingClassifier:
        """Return an untrained classifier of the kind that `fit` returns."""
        return VotingClassifier(members=(classifier,) * self.partitions)

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> WithEvidence[Classifier]:
        """Return the vote of one network for each partition, with the numbers of their rows as figures."""
        check_learnable(classifier, data, "DeepPartition")
        parts = by_hash(data, self.partitions)
        members = fit_members(self.base, classifier, len(parts), parts.__getitem__, rng, callbacks, start)
        return WithEvidence(VotingClassifier(members=members), figures=sizes([*map(len, parts)]))
