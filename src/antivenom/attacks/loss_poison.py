"""Copies of the training rows with the highest loss."""

from collections.abc import Iterator

import torch

from antivenom.attacks.budget import Mode, PoisonBudget, draw, every_row
from antivenom.attacks.victim_step import require_surrogate
from antivenom.data import Dataset, Poisoned
from antivenom.goals.availability import Availability
from antivenom.models import Classifier, row_losses
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.trial import Trial


@component
class LossPoison(PoisonBudget):
    """Copies of the training rows with the highest loss, with their own labels. The attacker crafts nothing.

    The loss is that of the surrogate. The number of epochs that it is trained for is a setting of the surrogate:
    `surrogate: {training: {name: end_to_end, epochs: 3}}`.

    Args:
        mode: `append` appends the copies; `replace` puts them in the place of other rows, which are drawn at random.

    Raises:
        SettingsError: the data has too few rows.
        CapabilityError: the surrogate is missing.

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
            "attack_is_reproducible": "the rows with the highest loss do not depend on the seed of the attack",
            "attack_has_an_effect": "its rows are copies of rows of the data",
        },
    )

    mode: Mode = "append"

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """Return the data with copies of the rows with the highest loss."""
        self.check(data)
        losses, count = row_losses(require_surrogate(surrogate, by="LossPoison"), data), self.poison_count(data)
        ties = rng.child("ties").order(data.ids)
        hardest = ties[torch.argsort(losses[ties], descending=True, stable=True)][:count]
        goal = Availability()
        if self.appends:
            return self.contribute(data, hardest, goal=goal)
        others = every_row(data)
        others[hardest] = False
        rows = draw(data, others, count, rng.child("rows"))
        return Poisoned.replace(data, rows, x=data.x[hardest], y=data.y[hardest], goal=goal)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data."""
        yield from super().problems(data)
        if not self.appends and len(data) < 2 * (count := self.poison_count(data)) <= 2 * len(data):
            yield f"needs {count} rows; in mode 'replace' it can copy at most half of the {len(data)} rows."
