"""An attack that fails, for tests of executors; processes find it by its import path."""

import os
import signal
from typing import Any, Literal

from antivenom.attacks import LabelFlip
from antivenom.data import Dataset, Poisoned
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner import Sweep, load_spec
from antivenom.settings import component


@component
class Breaking(LabelFlip):
    """Flips labels; or raises an error, or ends the process without one."""

    how: Literal["not at all", "raises", "is killed"] = "not at all"

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        if self.how == "raises":
            raise ArithmeticError("as planned")
        if self.how == "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().poison(data, rng=rng, surrogate=surrogate)


SPEC: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "train_rows": 200,
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 1},
    "attack": {"name": "tests.helpers.breaking:Breaking", "rate": 0.2},
}
"""A spec whose run takes a fraction of a second."""


def breaking_sweep(key: str, *values: Any, seeds: int = 1) -> Sweep:
    """A sweep over the values of one setting, and over seeds if there are several."""
    grid = {key: list(values), **({"seed": list(range(seeds))} if seeds > 1 else {})}
    made = load_spec({**SPEC, "grid": grid}, allow_code=True)
    assert isinstance(made, Sweep)
    return made
