"""Poison from a file."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from antivenom.attacks.budget import PoisonBudget, draw, every_row
from antivenom.data import Dataset, Poisoned
from antivenom.data.formats import rounds as rounds_format
from antivenom.errors import DataError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.trial import Trial


@component
class PoisonFile(PoisonBudget):
    """Poison from an `.npz` file, such as a file that `antivenom craft` writes.

    The file contains `X` (n, rounds, *shape), the poison after every round of its crafting, and `Y` (n, rounds), its
    labels. The seed determines which rows are drawn. A higher rate takes the same rows and more.

    Args:
        path: the path of the file, relative to the current folder.
        round: the round to use, counted from 0; -1 for the last round.
        mode: `replace` puts the poison in the place of rows drawn from the data; `append` appends it.

    Raises:
        SettingsError: the file has too few rows or too few rounds.
        DataError: the rows or labels in the file do not fit the data.

    >>> import numpy as np, tempfile
    >>> from antivenom.data.sources import load
    >>> train, file = load("digits").train, Path(tempfile.mkdtemp()) / "poison.npz"
    >>> np.savez(file, X=np.ones((50, 1, 1, 8, 8), np.float32), Y=np.zeros((50, 1), np.int64))
    >>> len(PoisonFile(path=str(file), count=20).poison(train, rng=Rng(0)).rows)
    20
    """

    trial = Trial(settings={"path": "poison.npz"})

    path: str
    round: int = -1

    def files(self) -> tuple[Path, ...]:
        """Return the file. Its content is part of the cache key."""
        return (Path(self.path),)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """Return the data with rows of the file."""
        self.check(data)
        (x, y), count = self._read(data), self.poison_count(data)
        taken = torch.sort(rng.child("taken").order(torch.arange(len(x)))[:count]).values
        taken = taken.to(data.device)
        goal = Availability()
        if self.appends:
            return Poisoned.append(data, x=x[taken], y=y[taken], goal=goal)
        rows = draw(data, every_row(data), count, rng.child("rows"))
        return Poisoned.replace(data, rows, x=x[taken], y=y[taken], goal=goal)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings or the file do not fit the data."""
        try:
            x, _ = self._read(data)
        except DataError as error:
            yield f"cannot read its file: {error}"
            return
        if (count := self.poison_count(data)) > len(x):
            yield f"needs {count} rows; {self.path} has {len(x)}. Lower its rate or count, or train on fewer rows."
        if not self.appends:
            yield from super().problems(data)

    def _read(self, data: Dataset) -> tuple[Tensor, Tensor]:
        return rounds_format.read(Path(self.path), data, self.round)
