"""Finite aggregation (Wang, Levine and Feizi 2022)."""

from collections.abc import Sequence

import torch

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.voting import VotingClassifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.training.contracts import Callback
from antivenom.training.loop import check_learnable
from antivenom.training.partitions import by_hash, joined
from antivenom.training.voting import Ensemble, fit_members, sizes
from antivenom.trial import Trial


@component
class FiniteAggregation(Ensemble):
    """Train networks on overlapping sets of partitions; they vote. Each prediction has a certificate.

    A hash of the row, input and label, puts it into one of k d buckets. Each of k d networks trains on d buckets, so on
    about 1 / k of the rows, and each bucket feeds d networks: bucket j feeds the networks (j + s) mod k d, for d shifts
    s that `spread_seed` draws once. A row that is inserted or removed changes these d networks. The certificate is
    that of the paper: for each other class, the largest sums of margin that r buckets can remove, which depend on how
    their networks voted. With one copy it is deep partition aggregation.

    Args:
        partitions: k, the inverse of the share of the rows that each network learns from.
        copies: d, the number of networks that each row feeds. The training takes d times as long.
        spread_seed: the seed of the shifts. They do not depend on the data.

    >>> from antivenom.charts import with_evidence
    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> blank = MLP(hidden=()).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> votes = with_evidence(FiniteAggregation(partitions=5, copies=2).fit(blank, digits.train, rng=Rng(0))).result
    >>> len(votes.members), len(votes.shifts)
    (10, 2)
    """

    trial = Trial(
        settings={"partitions": 4, "copies": 2, "base": {"name": "end_to_end", "epochs": 40, "batch_size": 16}},
        quick={"partitions": 2, "copies": 2, "base": {"name": "end_to_end", "epochs": 2}},
    )

    partitions: AtLeastOne = 50
    copies: AtLeastOne = 4
    spread_seed: int = 0

    @property
    def shifts(self) -> tuple[int, ...]:
        """The shifts (d), different numbers from 0 to k d - 1, in increasing order."""
        order = Rng(self.spread_seed).child("spread").order(torch.arange(self.partitions * self.copies))
        return tuple(sorted(order[: self.copies].tolist()))

    def wrapped(self, classifier: Classifier) -> VotingClassifier:
        """Return an untrained classifier of the kind that `fit` returns."""
        return VotingClassifier(members=(classifier,) * (self.partitions * self.copies), shifts=self.shifts)

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> WithEvidence[Classifier]:
        """Return the vote of all networks, with the numbers of their rows as figures."""
        check_learnable(classifier, data, "FiniteAggregation")
        count, shifts = self.partitions * self.copies, self.shifts
        buckets = by_hash(data, count)

        def rows_of(member: int) -> Dataset:
            return joined(buckets, [(member - shift) % count for shift in shifts])

        members = fit_members(self.base, classifier, count, rows_of, rng, callbacks, start)
        rows = [sum(len(buckets[(member - shift) % count]) for shift in shifts) for member in range(count)]
        return WithEvidence(VotingClassifier(members=members, shifts=shifts), figures=sizes(rows))
