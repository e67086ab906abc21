"""Neural Cleanse."""

from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.defences._inversion import Inversion, Search, sought_again
from antivenom.defences._outliers import Prior
from antivenom.defences._verdict import Verdict, held_against, trigger_success, verdict_of
from antivenom.errors import DataError
from antivenom.models import Classifier, as_module
from antivenom.rng import Rng
from antivenom.settings import NonNegative, Positive, component

JUDGED = 500
"""On so many clean rows, at most, it is counted how often a recovered trigger works."""


@component
class NeuralCleanse(Search):
    """For each class the smallest trigger that sends clean rows to it; a backdoor's is much smaller than the others'.

    Wang, Yao, Shan, Li, Viswanath, Zheng and Zhao, *Neural Cleanse: identifying and mitigating backdoor attacks in
    neural networks* (2019). A mask and a pattern are found by Adam for all classes at once, one mini-batch a step. The
    cost of the mask's norm goes up while the trigger works and down while it does not; the smallest mask that works is
    kept. A class is flagged by the logarithm of its mask's L1 norm, held against the other classes' by a moderated t,
    corrected for their number; the paper's anomaly index is shown beside it. With the schedule `successive` the norms
    are those at one and the same step, early in the search, and only flagged classes' masks are the smallest possible.

    Args:
        false_alarm_rate: the chance, over all classes together, with which a clean classifier may be flagged.
        spread: the standard deviation that is expected of the logarithms of clean classes' norms.
        spread_weight: as many classes' norms as that expectation counts for. 0 for none: then the promise holds for
            lognormal norms of any spread, but classes that happen to be alike make another suspicious.

    Raises:
        CapabilityError: a classifier without gradients.
        DataError: no rows.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> NeuralCleanse(steps=20).scan(net, digits.test, rng=Rng(0)).masks.shape
    torch.Size([10, 1, 8, 8])
    """

    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    spread: Positive = 0.35
    spread_weight: NonNegative = 10.0

    def scan(self, classifier: Classifier, clean: Dataset, *, rng: Rng) -> Verdict:
        """What is found for each class."""
        network = as_module(classifier, by="NeuralCleanse")
        if not len(clean):
            raise DataError("NeuralCleanse needs clean rows; there are none.")
        inversion = Inversion(network, clean, torch.arange(classifier.classes), self, rng)
        compared = torch.arange(classifier.classes)
        if self.schedule == "all":
            inversion.finish(compared)
        else:
            compared = inversion.screen().cpu()
            inversion.squeeze(compared)
        norms, prior = inversion.found().norms(), Prior(self.spread, self.spread_weight)
        p_value, _ = held_against(norms, compared, self.false_alarm_rate, prior)
        suspicious = torch.nonzero(p_value <= self.false_alarm_rate).flatten()
        inversion.finish(suspicious)
        found, rows = inversion.found(), inversion.rows
        if self.restarts and len(suspicious):
            found, more = sought_again(inversion, suspicious.to(inversion.device), self.restarts)
            rows += more
        success, some = torch.full_like(norms, torch.nan), clean.subset(rng.child("judge").order(clean.ids)[:JUDGED])
        for target in compared.tolist():
            trigger = found.masks[target], found.patterns[target]
            success[target] = trigger_success(inversion.classifier, some, *trigger, target)
        return verdict_of(
            found.masks,
            found.patterns,
            success,
            norms,
            compared,
            prior=prior,
            false_alarm_rate=self.false_alarm_rate,
            rows=rows,
        )
