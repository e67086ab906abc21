"""MMBD: the class whose margin an input can make much larger than the margins of other classes."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.charts import Axis, Bars, BarSeries, Figure, column
from antivenom.data import Dataset
from antivenom.data.class_order import shown_values
from antivenom.defences._scan import Subject, Verdict
from antivenom.defences._verdict_view import class_names
from antivenom.defences.outliers import MIN_CLASSES, Prior, p_values, thresholds
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.batches import ROWS_IN_CACHE
from antivenom.models.torch_modules import as_module
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, NonNegative, Positive, component
from antivenom.trial import Trial

BETAS, EPSILON = (0.9, 0.99), 1e-12
TINY = 1e-12
LAST_PART = 1 / 4
"""The growth of the margins in this last part of the steps shows whether the search has converged."""

UNTESTED = (
    "Backdoors with several target classes may be missed, because each class is compared with the others.",
    "Backdoors of networks that classify some class with a much larger margin anyway may be missed.",
)


@component
class MMBD:
    """Search inputs with the largest margin of each class. The margin of a backdoor's target is much larger.

    Wang, Xiang, Miller and Kesidis, *MM-BD: post-training detection of backdoor attacks with arbitrary backdoor pattern
    types using a maximum margin statistic* (2023). The margin of a class is its logit minus the largest other logit.
    Adam climbs from random inputs, all classes and starts at once. The statistic is the largest margin that any start
    reaches. It needs no data and does not depend on the form of the trigger. The scan compares the logarithm of each
    margin with those of the other classes by a moderated t-test, corrected for the number of classes. The paper fits a
    gamma distribution instead.

    Args:
        false_alarm_rate: the probability, over all classes together, that a clean classifier may be flagged.
        starts: the number of random inputs per class.
        steps: the number of steps.
        learning_rate: the first step of Adam, as a share of the range of inputs. It decreases to 0 linearly.
        tolerance: the margin of a class has converged if it grew by less than this share in the last quarter of the
            steps. Classes that have not converged are inconclusive.
        spread: the expected standard deviation of the logarithms of clean classes' margins.
        spread_weight: the number of observed margins that `spread` counts as.

    Raises:
        CapabilityError: the classifier does not provide gradients.

    >>> from antivenom.models import MLP
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> verdict = MMBD(starts=2, steps=20).scan(net, None, rng=Rng(0))
    >>> len(verdict.subjects), verdict.triggers is None
    (10, True)
    """

    needs = frozenset({"gradients"})
    trial = Trial(settings={"starts": 8, "steps": 100}, quick={"starts": 1, "steps": 4})

    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    starts: AtLeastOne = 8
    steps: AtLeastOne = 100
    learning_rate: Positive = 0.3
    tolerance: Positive = 0.1
    spread: Positive = 0.2
    spread_weight: NonNegative = 0.0

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        """Return the verdict, one row for each class. `clean` only names the classes, and can be None."""
        network = as_module(classifier, by="MMBD").copy()
        network.module.requires_grad_(False)
        search = MarginSearch(network, self, rng)
        margins, growth = search.run()
        usable = (margins > 0) & (growth <= self.tolerance)
        sizes = torch.where(usable, 1 / margins, torch.nan).numpy()
        prior = Prior(self.spread, self.spread_weight)
        p_value = torch.from_numpy(p_values(sizes, prior=prior))
        threshold = 1 / torch.from_numpy(thresholds(sizes, self.false_alarm_rate, prior=prior))
        flagged = p_value <= self.false_alarm_rate
        return Verdict(
            subjects=tuple(Subject(target=number) for number in range(network.classes)),
            statistic=margins,
            threshold=threshold,
            p_value=p_value,
            flagged=flagged,
            inconclusive=p_value.isnan(),
            false_alarm_rate=self.false_alarm_rate,
            untested=(*self._reasons(margins, growth), *UNTESTED),
            details={"growth": growth},
            figures=(Figure(name="rows_scored", value=search.rows, unit="count"),),
            evidence=(margins_chart(margins, threshold, flagged, clean.classes if clean else ()),),
        )

    def _reasons(self, margins: Tensor, growth: Tensor) -> Iterator[str]:
        """Yield a sentence for each reason why classes are inconclusive."""
        never, growing = ~(margins > 0), (margins > 0) & (growth > self.tolerance)
        for which, reason in (
            (never, "no input was found that the network classifies so"),
            (growing, f"the margin still grew by more than {self.tolerance:.0%} in the last quarter of the steps"),
        ):
            if numbers := which.nonzero().flatten().tolist():
                noun = "Class" if len(numbers) == 1 else "Classes"
                verb = "was" if len(numbers) == 1 else "were"
                yield f"{noun} {shown_values(numbers)} {verb} not tested: {reason}. Use more `steps`."
        if (known := int((~(never | growing)).sum())) < MIN_CLASSES:
            yield f"The margins of {known} classes are known. The scan compares at least {MIN_CLASSES} classes."


class MarginSearch:
    """The search for inputs with the largest margin, for all classes and starts at once.

    All classes begin at the same random inputs.

    Attributes:
        rows: the number of rows that the network scored.
    """

    def __init__(self, network: ModuleClassifier, search: MMBD, rng: Rng) -> None:
        self.network, self.search, self.rows = network, search, 0
        self.low, self.high = network.bounds or (0.0, 1.0)
        start = torch.rand(search.starts, *network.input_shape, generator=rng.child("starts").generator())
        start = self.low + (self.high - self.low) * start.to(network.device)
        self.x = start.repeat(network.classes, *[1] * len(network.input_shape))
        self.targets = torch.arange(network.classes, device=network.device).repeat_interleave(search.starts)
        self.moments = torch.zeros_like(self.x), torch.zeros_like(self.x)

    def run(self) -> tuple[Tensor, Tensor]:
        """Return the largest margin of each class (k), and the share by which it grew in the last part (k)."""
        steps = self.search.steps
        best = before = torch.full((len(self.x),), -torch.inf, device=self.x.device)
        for step in range(steps + 1):
            margins, gradients = self._gradients()
            best = torch.maximum(best, margins)
            if step <= (1 - LAST_PART) * steps:
                before = best
            if step < steps:
                self._move(gradients, step)
        last, earlier = (each.view(self.network.classes, -1).amax(1).double().cpu() for each in (best, before))
        return last, torch.where(last > 0, last / earlier.clamp_min(TINY) - 1, torch.nan)

    def _move(self, gradients: Tensor, step: int) -> None:
        """Run one step of Adam, upwards and within the bounds."""
        first, second = self.moments
        first.lerp_(gradients, 1 - BETAS[0])
        second.lerp_(gradients.square(), 1 - BETAS[1])
        mean, root = (part / (1 - beta ** (step + 1)) for part, beta in zip(self.moments, BETAS, strict=True))
        rate = self.search.learning_rate * (self.high - self.low) * (1 - step / self.search.steps)
        self.x = (self.x + rate * mean / (root.sqrt() + EPSILON)).clamp_(self.low, self.high)

    def _gradients(self) -> tuple[Tensor, Tensor]:
        """Return the margin of each row's class (n), and its gradient by the row (n, *shape)."""
        size = self.network.rows_per_gradient
        if self.x.device.type == "cpu":
            size = min(size, ROWS_IN_CACHE)
        parts = [self._of_batch(*each) for each in zip(self.x.split(size), self.targets.split(size), strict=True)]
        margins, gradients = zip(*parts, strict=True)
        self.rows += len(self.x)
        return torch.cat(margins), torch.cat(gradients)

    def _of_batch(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        logits = self.network.logits(x)
        own = logits.gather(1, targets[:, None])[:, 0]
        margins = own - logits.scatter(1, targets[:, None], -torch.inf).amax(1)
        return margins.detach(), torch.autograd.grad(margins.sum(), x)[0]


def margins_chart(margins: Tensor, threshold: Tensor, flagged: Tensor, classes: tuple[str, ...]) -> Bars:
    """Return a chart of the largest margin of every class, and the margin above which the class would be flagged."""
    names = class_names(classes, len(margins))
    return Bars(
        name="margins",
        categories=names,
        category_label="class",
        series=(BarSeries(values=column(margins), limits=column(threshold), ringed=column(flagged)),),
        value=Axis(label="largest margin"),
        caption="The largest margin of any input found. Short lines mark the thresholds; rings mark flagged classes.",
        alt=f"Of {len(margins)} classes, {names[int(margins.argmax())]} has the largest margin.",
    )
