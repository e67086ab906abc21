"""Unlearning a recovered trigger."""

from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.models import Classifier
from antivenom.models.torch_modules import as_module
from antivenom.repairs._repair import highest_success, split_validation, suspected_triggers, with_trigger
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.training.loop import Recipe, train
from antivenom.trial import Trial


@component
class Unlearning:
    """Training on clean rows, some of them with the recovered trigger, all with their true labels.

    Wang et al., *Neural Cleanse* (2019): the trigger on 20 % of the rows, one epoch. Here rows of all classes have it,
    and it goes on, to `epochs` at most, until the trigger fails on rows held out.

    Args:
        trigger_share: the share of the rows that get the trigger; of several suspected classes, in turn.
        epochs: at most; the paper's is 1.
        enough: the success of the recovered trigger, on rows held out, at which it has failed.
        held_out: the share of the clean rows that are held out.
        learning_rate: Adam's.
        batch_size: rows an update.

    Raises:
        CapabilityError: no verdict, or a classifier without gradients.
    """

    needs = frozenset({"gradients", "triggers"})
    trial = Trial(settings={"epochs": 15, "batch_size": 16, "learning_rate": 0.003}, quick={"epochs": 1})

    trigger_share: Annotated[float, Interval(gt=0, le=1)] = 0.2
    epochs: AtLeastOne = 5
    enough: Annotated[float, Interval(ge=0, lt=1)] = 0.002
    held_out: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    learning_rate: Positive = 1e-3
    batch_size: AtLeastOne = 32

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """A new classifier, trained on; the same again where nothing is suspected."""
        repaired: Classifier = as_module(classifier, by="Unlearning").copy()
        targets, triggers = suspected_triggers(verdict, by="Unlearning")
        if not targets or triggers is None:
            return repaired
        used, held_out = split_validation(clean, self.held_out, rng.child("held out"))
        recipe = Recipe(epochs=1, batch_size=self.batch_size, learning_rate=self.learning_rate)
        for epoch in range(self.epochs):
            chosen = rng.child("trigger", epoch).order(used.ids)[: round(self.trigger_share * len(used))]
            x = used.x
            for target, rows in zip(targets, torch.tensor_split(chosen, len(targets)), strict=True):
                x = with_trigger(replace(used, x=x), rows, triggers, target)
            repaired = train(repaired, replace(used, x=x), recipe, rng=rng.child("epoch", epoch))
            if highest_success(repaired, held_out, triggers, targets) <= self.enough:
                break
        return repaired
