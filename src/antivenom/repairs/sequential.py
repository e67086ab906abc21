"""Several repairs in sequence."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.models import Classifier
from antivenom.repairs._classes import AssumesOfRows
from antivenom.repairs._repair import Repair, apply_repair
from antivenom.repairs.pruning import Pruning
from antivenom.repairs.unlearning import Unlearning
from antivenom.rng import Rng
from antivenom.settings import ChecksCleanRows, ChecksItself, Component, component


@component
class Sequential:
    """Several repairs in sequence. Each repairs the result of the one before. All receive the same verdict.

    The figures and charts of the first repair have the prefix `step_1_` in their names, those of the second `step_2_`,
    and so on.

    Args:
        repairs: the repairs, in order. Repairs after `filtering` change the network behind the filter.

    >>> [type(each).__name__ for each in Sequential().repairs]
    ['Pruning', 'Unlearning']
    """

    repairs: tuple[Annotated[Repair, Component("repairs")], ...] = (Pruning(), Unlearning())

    @property
    def needs(self) -> frozenset[str]:
        """The requirements of all repairs."""
        return frozenset[str]().union(*(each.needs for each in self.repairs))

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings of a repair do not fit the network."""
        for each in self.repairs:
            if isinstance(each, ChecksItself):
                yield from each.problems(classifier)

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        """Yield the reasons why the trusted rows are too few for a repair."""
        for each in self.repairs:
            if isinstance(each, ChecksCleanRows):
                yield from (f"({type(each).__name__}) {problem}" for problem in each.clean_problems(clean))

    def assumptions_about(self, clean: Dataset) -> Iterator[str]:
        """Yield what the repairs assume about the trusted rows."""
        for each in self.repairs:
            if isinstance(each, AssumesOfRows):
                yield from each.assumptions_about(clean)

    def repair(
        self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None
    ) -> WithEvidence[Classifier]:
        """Return a new classifier that all repairs have changed, with the figures and charts of each of them."""
        repaired = WithEvidence(classifier.copy())
        for number, each in enumerate(self.repairs):
            step = apply_repair(each, repaired.result, clean, rng=rng.child(number), verdict=verdict)
            prefix = f"step_{number + 1}_"
            figures = tuple(replace(figure, name=prefix + figure.name) for figure in step.figures)
            charts = tuple(replace(chart, name=prefix + chart.name) for chart in step.charts)
            repaired = WithEvidence(step.result, repaired.figures + figures, repaired.charts + charts)
        return repaired
