"""BadNets."""

from collections.abc import Iterator
from typing import Annotated

import torch

from antivenom.attacks.budget import PoisonBudget, unknown_classes
from antivenom.data import Dataset, Poisoned
from antivenom.errors import DataError, SettingsError
from antivenom.goals.backdoor import Backdoor
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import ClassNumber, Component, component
from antivenom.shapes import Chosen
from antivenom.triggers import Trigger, apply_trigger
from antivenom.triggers.patch import Patch


@component
class BadNets(PoisonBudget):
    """Some rows carry a trigger and the label of the target class, so that the model learns a backdoor.

    Gu, Dolan-Gavitt and Garg, *BadNets: Identifying vulnerabilities in the machine learning model supply chain*
    (2017). Rows of the target class are not poisoned, because they would teach the model nothing.

    Args:
        target: the target class, which the attacker wants to be predicted for rows with the trigger.
        source: the only class whose rows are poisoned, or null for all classes.
        trigger: the trigger.

    Raises:
        SettingsError: the data does not have a class, or too few rows are eligible.

    >>> from antivenom.data.sources import load
    >>> poisoned = BadNets(rate=0.1, target=7).poison(load("digits").train, rng=Rng(0))
    >>> len(poisoned.rows), poisoned.y.unique().tolist()
    (135, [7])
    """

    needs = frozenset({"bounds"})

    target: ClassNumber = 0
    source: ClassNumber | None = None
    trigger: Annotated[Trigger, Component("triggers")] = Patch()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source == self.target:
            raise SettingsError([f"BadNets.source must differ from target; got {self.target} for both."])

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """Return the data with poisoned rows, which carry the trigger."""
        rows = self.choose(data, rng)
        goal = Backdoor(trigger=self.trigger, target=self.target, source=self.source)
        x = goal.triggered(data.subset(rows)).x
        return self.contribute(data, rows, x=x, y=torch.full_like(rows, self.target), goal=goal)

    def eligible(self, data: Dataset) -> Chosen:
        """Return the rows that may be poisoned (n): those of the source class, or of all classes but the target."""
        return (data.y != self.target) if self.source is None else (data.y == self.source)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data."""
        if unknown := list(unknown_classes(data, target=self.target, source=self.source)):
            yield from unknown
            return
        yield from super().problems(data)
        if data.bounds is not None:
            try:
                apply_trigger(self.trigger, data.inputs(slice(0, 1)), data.bounds)
            except DataError as error:
                yield f"cannot add its trigger to the data: {error}"
