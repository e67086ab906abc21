"""The rows that a model finds hardest."""

from collections.abc import Iterator

import torch

from antivenom.attacks._victim_step import require_surrogate
from antivenom.attacks.budget import Mode, PoisonBudget, draw, every_row
from antivenom.data import Dataset, Poisoned
from antivenom.goals.availability import Availability
from antivenom.models import Classifier, row_losses
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.trial import Trial


@component
class LossPoison(PoisonBudget):
    """The training rows of the highest loss, with their own labels, once more: poison that nobody has to make.

    The loss is the surrogate's, a model that was trained for some epochs: how many is the surrogate's own setting,
    `surrogate: {training: {name: end_to_end, epochs: 3}}`.

    Args:
        mode: whether they take the place of other rows, drawn from the rest, or are appended.

    Raises:
        SettingsError: too few rows.
        CapabilityError: no surrogate.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> train = load("digits").train
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> poisoned = LossPoison(count=20).poison(train, rng=Rng(0), surrogate=model)
    >>> poisoned.appended, len(poisoned.data)
    (20, 1367)
    """

    needs = frozenset({"surrogate"})
    trial = Trial(
        waive={
            "attack_is_reproducible": "which rows a model finds hardest does not depend on the attack's seed",
            "attack_has_an_effect": "its rows are the data's own, once more",
        },
    )

    mode: Mode = "append"

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with its hardest rows in it once more."""
        self.check(data)
        losses, wanted = row_losses(require_surrogate(surrogate, by="LossPoison"), data), self.poison_count(data)
        ties = rng.child("ties").order(data.ids)
        hardest = ties[torch.argsort(losses[ties], descending=True, stable=True)][:wanted]
        goal = Availability()
        if self.appends:
            return self.contribute(data, hardest, goal=goal)
        others = every_row(data)
        others[hardest] = False
        rows = draw(data, others, wanted, rng.child("rows"))
        return Poisoned.replace(data, rows, x=data.x[hardest], y=data.y[hardest], goal=goal)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        yield from super().problems(data)
        if not self.appends and len(data) < 2 * (wanted := self.poison_count(data)) <= 2 * len(data):
            yield f"needs {wanted} rows in the place of others; it can take at most half of {len(data)} rows."
