"""Poison that was made before."""

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
    """The rows of an `.npz` file, such as `antivenom craft` writes.

    The file has `X` (n, rounds, *shape), the poison after every round of its crafting, and `Y` (n, rounds), its labels.
    Rows are drawn by the seed: a higher rate takes the same rows and more.

    Args:
        path: the file, as seen from the current folder.
        round: which round is taken, from 0; -1 for the last.
        mode: whether poison takes the place of rows drawn from the data, or is appended.

    Raises:
        SettingsError: the file has too few rows, or too few rounds.
        DataError: its rows or labels do not fit the data.

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
        """The file: its bytes are part of what is made with it."""
        return (Path(self.path),)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with the file's rows in it."""
        self.check(data)
        (x, y), wanted = self._read(data), self.poison_count(data)
        taken = torch.sort(rng.child("taken").order(torch.arange(len(x)))[:wanted]).values
        taken = taken.to(data.device)
        goal = Availability()
        if self.appends:
            return Poisoned.append(data, x=x[taken], y=y[taken], goal=goal)
        rows = draw(data, every_row(data), wanted, rng.child("rows"))
        return Poisoned.replace(data, rows, x=x[taken], y=y[taken], goal=goal)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings, or the file, do not fit the data."""
        try:
            x, _ = self._read(data)
        except DataError as error:
            yield f"cannot read its file: {error}"
            return
        if (wanted := self.poison_count(data)) > len(x):
            yield f"needs {wanted} rows; {self.path} has {len(x)}. Lower its rate or count, or train on fewer rows."
        if not self.appends:
            yield from super().problems(data)

    def _read(self, data: Dataset) -> tuple[Tensor, Tensor]:
        return rounds_format.read(Path(self.path), data, self.round)
