"""NeuralCleanse: the scan and its verdict."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.charts import Figure
from antivenom.data import Dataset
from antivenom.defences._recovered_triggers import RecoveredTriggers, trigger_success
from antivenom.defences._scan import Subject, Verdict, clean_rows_for
from antivenom.defences.neural_cleanse._charts import norms_chart, triggers_chart
from antivenom.defences.neural_cleanse._testable import (
    certain_problems,
    testable_classes,
    tried_rows,
    untested_classes,
)
from antivenom.defences.neural_cleanse.inversion import Inversion, Recovered
from antivenom.defences.neural_cleanse.restarts import restart_search
from antivenom.defences.neural_cleanse.search_settings import Search
from antivenom.defences.outliers import MIN_CLASSES, Prior, anomaly_index, p_values_and_thresholds
from antivenom.models import Classifier
from antivenom.models.torch_modules import as_module
from antivenom.rng import Rng
from antivenom.settings import NonNegative, Positive, component
from antivenom.trial import Trial

ROWS_JUDGED = 500
"""The largest number of clean rows on which the success of a recovered trigger is measured."""

UNTESTED = (
    "Triggers that change the whole input, such as warps or faint patterns, may not have a small mask.",
    "Triggers that work only on rows of one class may be missed, because the scan tests rows of all classes together.",
    "Backdoors with several target classes may be missed, because each class is compared with the others.",
)


@component
class NeuralCleanse(Search):
    """Recover the smallest trigger of each class. The trigger of a backdoor is much smaller than the others.

    Wang, Yao, Shan, Li, Viswanath, Zheng and Zhao, *Neural Cleanse: identifying and mitigating backdoor attacks in
    neural networks* (2019). Adam optimises a mask and a pattern for all classes at once, one mini-batch per step. The
    cost of the mask's norm increases while the trigger works and decreases while it does not. The smallest mask that
    works is kept. The scan compares the logarithm of each mask's L1 norm with those of the other classes by a moderated
    t-test, corrected for the number of classes. `Verdict.details` has the paper's anomaly index. With the schedule
    `successive`, the norms are compared at one step early in the search, and only the masks of flagged classes become
    as small as possible.

    Args:
        false_alarm_rate: the probability, over all classes together, that a clean classifier may be flagged.
        spread: the expected standard deviation of the logarithms of clean classes' norms.
        spread_weight: the number of observed norms that `spread` counts as. With 0 the false-alarm rate is exact for
            lognormal norms of any spread, but classes with similar norms make a slightly smaller norm suspicious.

    Raises:
        CapabilityError: the classifier does not provide gradients.
        DataError: `clean` is None, or has too few rows of other classes to test any class.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> NeuralCleanse(steps=20).scan(net, digits.test, rng=Rng(0)).triggers.masks.shape
    torch.Size([10, 1, 8, 8])
    """

    needs = frozenset({"gradients"})
    recovers_triggers = True
    trial = Trial(settings={"steps": 300, "batch_size": 24}, quick={"steps": 6})

    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    spread: Positive = 0.35
    spread_weight: NonNegative = 10.0

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        """Yield a sentence if the trusted rows can test no class, whatever the network predicts."""
        yield from certain_problems(clean)

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        """Return the verdict, one row for each class."""
        network, clean = as_module(classifier, by="NeuralCleanse"), clean_rows_for(self, clean)
        inversion = Inversion(network, clean, torch.arange(network.classes), self, rng)
        tried = tried_rows(clean, inversion.predicted, network.classes)
        testable = testable_classes(tried, len(clean))
        compared = torch.nonzero(testable).flatten()
        if self.schedule == "all":
            inversion.finish(compared)
        else:
            compared = inversion.screen(compared).cpu()
            inversion.run_to_first_failure(compared)
        norms = inversion.result().norms()
        p_value, threshold = self._compare(norms, compared, testable)
        suspicious = torch.nonzero(p_value <= self.false_alarm_rate).flatten()
        inversion.finish(suspicious)
        recovered, rows = inversion.result(), inversion.rows
        if self.restarts and len(suspicious):
            recovered, more = restart_search(inversion, suspicious.to(inversion.device), self.restarts)
            rows += more
        sample = clean.subset(rng.child("judge").order(clean.ids)[:ROWS_JUDGED])
        success = torch.full_like(norms, torch.nan)
        for target in compared.tolist():
            trigger = recovered.masks[target], recovered.patterns[target]
            success[target] = trigger_success(inversion.classifier, sample, *trigger, target)
        untested = (*untested_classes(tried, clean, testable), *self._few(norms), *UNTESTED)
        return self._verdict(recovered, norms, (p_value, threshold), success, clean.classes, rows, untested)

    def _few(self, norms: Tensor) -> Iterator[str]:
        """Yield a sentence if too few classes have a trigger that works."""
        known = int((~norms.isnan()).sum())
        if known < MIN_CLASSES:
            yield (
                f"A trigger that works was found for {known} of {len(norms)} classes. With fewer than four classes, "
                f"norms are compared by the setting `spread` ({self.spread:g}): the scan can find a backdoor, but "
                "classes that are not flagged are inconclusive."
            )

    def _compare(self, norms: Tensor, compared: Tensor, testable: Tensor) -> tuple[Tensor, Tensor]:
        """Return each class's p-value (NaN if inconclusive), and the norm at which it would be flagged (both k)."""
        prior = Prior(self.spread, self.spread_weight)
        p_value, threshold = (torch.full_like(norms, torch.nan) for _ in range(2))
        among = torch.nonzero(torch.isin(torch.nonzero(testable).flatten(), compared)).flatten()
        p_value[testable], threshold[testable] = p_values_and_thresholds(
            norms[testable], among, self.false_alarm_rate, prior
        )
        if int((~norms.isnan()).sum()) < MIN_CLASSES:
            p_value[p_value > self.false_alarm_rate] = torch.nan
        return p_value, threshold

    def _verdict(
        self,
        recovered: Recovered,
        norms: Tensor,
        compared: tuple[Tensor, Tensor],
        success: Tensor,
        classes: tuple[str, ...],
        rows: int,
        untested: tuple[str, ...],
    ) -> Verdict:
        p_value, threshold = compared
        targets = torch.arange(len(norms))
        masks, patterns = recovered.masks.cpu(), recovered.patterns.cpu()
        flagged = p_value <= self.false_alarm_rate
        return Verdict(
            subjects=tuple(Subject(target=number) for number in targets.tolist()),
            statistic=norms,
            threshold=threshold,
            p_value=p_value,
            flagged=flagged,
            inconclusive=p_value.isnan(),
            false_alarm_rate=self.false_alarm_rate,
            untested=untested,
            triggers=RecoveredTriggers(targets=targets, masks=masks, patterns=patterns, success=success),
            details={"anomaly_index": torch.from_numpy(anomaly_index(norms.numpy()))},
            figures=(Figure(name="rows_scored", value=rows, unit="count"),),
            evidence=(
                norms_chart(norms, threshold, flagged, classes),
                *triggers_chart(masks, patterns, p_value, classes),
            ),
        )
