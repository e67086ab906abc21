"""Neural Cleanse."""

from typing import Annotated

import torch
from annotated_types import Interval

from bezoar.data import Dataset
from bezoar.defences._inversion import Inversion, Norm, Search, success_of
from bezoar.defences._verdict import Verdict, verdict_of
from bezoar.errors import CapabilityError, DataError
from bezoar.models import Classifier
from bezoar.models.module import ModuleClassifier
from bezoar.rng import Rng
from bezoar.settings import AtLeastOne, Positive, component

MEMORY = 256 << 20
"""So many bytes of rows, at most, go through the classifier at once; activations come on top."""


@component
class NeuralCleanse:
    """For each class the smallest trigger that sends clean rows to it; a backdoor's is much smaller than the others'.

    Wang, Yao, Shan, Li, Viswanath, Zheng and Zhao, *Neural Cleanse: identifying and mitigating backdoor attacks in
    neural networks* (2019). A mask and a pattern are found by Adam for all classes at once, one mini-batch a step. The
    cost of the mask's norm goes up while the trigger works and down while it does not; the smallest mask that works is
    kept. A class is flagged by the logarithm of its mask's L1 norm, held against the other classes' by Student's t,
    corrected for their number; the paper's anomaly index is shown beside it.

    Args:
        steps: at most; a step is one mini-batch.
        batch_size: rows a step.
        norm: what of the mask is made small: `l1`, `l2` or `linf`.
        per_channel: whether a mask has a channel for each of the image's; one for all otherwise.
        learning_rate: Adam's.
        init_cost: the norm's cost, once the trigger has worked without any.
        cost_multiplier: the cost goes up by it, and down by its power of 1.5.
        attack_success_threshold: the share of rows that a trigger must send to its class, over the last `window` steps.
        patience: how many steps in a row the trigger must work, or not, for the cost to change.
        window: over how many steps success is averaged.
        early_stop: whether a class is done when its mask has stopped becoming smaller.
        early_stop_threshold: a mask is smaller if its norm is below so many times the best.
        early_stop_patience: for so many steps it must not be.
        false_alarm_rate: the chance, over all classes together, with which a clean classifier may be flagged.

    Raises:
        CapabilityError: a classifier without gradients.
        DataError: no rows.

    >>> from bezoar.data.sources import load
    >>> from bezoar.models import MLP
    >>> digits = load("digits")
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> NeuralCleanse(steps=20).scan(net, digits.test, rng=Rng(0)).masks.shape
    torch.Size([10, 1, 8, 8])
    """

    steps: AtLeastOne = 1000
    batch_size: AtLeastOne = 32
    norm: Norm = "l1"
    per_channel: bool = False
    learning_rate: Positive = 0.1
    init_cost: Positive = 1e-3
    cost_multiplier: Annotated[float, Interval(gt=1)] = 1.5
    attack_success_threshold: Annotated[float, Interval(gt=0, le=1)] = 0.99
    patience: AtLeastOne = 5
    window: AtLeastOne = 10
    early_stop: bool = True
    early_stop_threshold: Annotated[float, Interval(gt=0, le=1)] = 0.99
    early_stop_patience: AtLeastOne = 50
    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05

    def scan(self, classifier: Classifier, clean: Dataset, *, rng: Rng) -> Verdict:
        """What is found for each class."""
        if not isinstance(classifier, ModuleClassifier):
            raise CapabilityError(f"NeuralCleanse needs gradients, which {type(classifier).__name__} has not.")
        if not len(clean):
            raise DataError("NeuralCleanse needs clean rows; there are none.")
        search = Search(
            steps=self.steps,
            batch_size=self.batch_size,
            norm=self.norm,
            per_channel=self.per_channel,
            learning_rate=self.learning_rate,
            init_cost=self.init_cost,
            cost_multiplier=self.cost_multiplier,
            attack_success_threshold=self.attack_success_threshold,
            patience=self.patience,
            window=self.window,
            early_stop=self.early_stop,
            early_stop_threshold=self.early_stop_threshold,
            early_stop_patience=self.early_stop_patience,
        )
        targets = torch.arange(classifier.classes)
        inversion = Inversion(classifier, clean, targets, search, rng)
        found = inversion.run(MEMORY)
        success = success_of(inversion.classifier, clean, found.masks, found.patterns, targets)
        return verdict_of(
            found.masks,
            found.patterns,
            success,
            found.reached,
            false_alarm_rate=self.false_alarm_rate,
            rows=inversion.rows,
        )
