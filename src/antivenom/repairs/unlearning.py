"""Unlearning of a recovered trigger."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.models import Classifier
from antivenom.models.torch_modules import as_module
from antivenom.repairs._classes import AllClasses
from antivenom.repairs._repair import (
    highest_success,
    split_validation,
    suspected_triggers,
    unchanged,
    validation_rows,
    with_trigger,
)
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.training.last_batch import training_problems
from antivenom.training.loop import Recipe, train
from antivenom.trial import Trial


@component
class Unlearning(AllClasses):
    """Further training on clean rows with true labels, where some rows carry the recovered trigger.

    Wang et al., *Neural Cleanse* (2019), train for one epoch with the trigger on 20 % of the rows. Here rows of all
    classes get the trigger, and training continues, for at most `epochs`, until the trigger fails on validation rows.

    Args:
        trigger_share: the share of the rows that get the trigger. Several suspected classes share these rows.
        epochs: the largest number of epochs; 1 in the paper.
        enough: the trigger fails if its success on the validation rows is at most this share.
        held_out: the share of the clean rows that are held out as validation rows.
        learning_rate: the learning rate of Adam.
        batch_size: the number of rows per update.

    Raises:
        CapabilityError: the verdict is missing or undecided, or the classifier does not provide gradients.
    """

    needs = frozenset({"gradients", "triggers"})
    rows_per_class = 2
    trial = Trial(settings={"epochs": 15, "batch_size": 16, "learning_rate": 0.003}, quick={"epochs": 1})

    trigger_share: Annotated[float, Interval(gt=0, le=1)] = 0.2
    epochs: AtLeastOne = 5
    enough: Annotated[float, Interval(ge=0, lt=1)] = 0.002
    held_out: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    learning_rate: Positive = 1e-3
    batch_size: AtLeastOne = 32

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        yield from training_problems(classifier, self.batch_size)

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        """Yield a sentence if there are few rows of a class, or so few that none of them would carry the trigger."""
        if self._rows_with_trigger(len(clean)):
            yield from super().clean_problems(clean)
        else:
            yield (
                f"requires more trusted rows; got {len(clean)}, of which a `trigger_share` of {self.trigger_share:g} "
                "gives no row with the trigger."
            )

    def _rows_with_trigger(self, rows: int) -> int:
        """Return how many of the trusted rows carry the trigger."""
        return round(self.trigger_share * (rows - validation_rows(rows, self.held_out)))

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """Return a new classifier that is trained further, or an unchanged copy if the scan flags no class."""
        network = as_module(classifier, by="Unlearning")
        targets, triggers = suspected_triggers(verdict, by="Unlearning")
        if not targets or triggers is None:
            return unchanged(network, by="Unlearning")
        repaired = network.copy()
        used, validation = split_validation(clean, self.held_out, rng.child("held out"))
        recipe = Recipe(epochs=1, batch_size=self.batch_size, learning_rate=self.learning_rate)
        for epoch in range(self.epochs):
            chosen = rng.child("trigger", epoch).order(used.ids)[: self._rows_with_trigger(len(clean))]
            x = used.x
            for target, rows in zip(targets, torch.tensor_split(chosen, len(targets)), strict=True):
                x = with_trigger(replace(used, x=x), rows, triggers, target)
            repaired = train(repaired, replace(used, x=x), recipe, rng=rng.child("epoch", epoch), by="Unlearning")
            if highest_success(repaired, validation, triggers, targets) <= self.enough:
                break
        return self._saying(repaired, clean)
