"""Several repairs, one after the other."""

from collections.abc import Iterator
from typing import Annotated

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.models import Classifier
from antivenom.repairs._repair import Repair, apply_repair
from antivenom.repairs.pruning import Pruning
from antivenom.repairs.unlearning import Unlearning
from antivenom.rng import Rng
from antivenom.settings import ChecksItself, Component, component


@component
class Sequential:
    """Several repairs, each of what the one before it gives; all have the verdict on the first classifier.

    Args:
        repairs: in this order. What comes after `filtering` repairs the network behind the filter.

    >>> [type(each).__name__ for each in Sequential().repairs]
    ['Pruning', 'Unlearning']
    """

    repairs: tuple[Annotated[Repair, Component("repairs")], ...] = (Pruning(), Unlearning())

    @property
    def needs(self) -> frozenset[str]:
        """What any of them needs."""
        return frozenset[str]().union(*(each.needs for each in self.repairs))

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings of any of them do not fit the network."""
        for each in self.repairs:
            if isinstance(each, ChecksItself):
                yield from each.problems(classifier)

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """A new classifier, repaired by each."""
        repaired = classifier.copy()
        for number, each in enumerate(self.repairs):
            repaired = apply_repair(each, repaired, clean, rng=rng.child(number), verdict=verdict).result
        return repaired
