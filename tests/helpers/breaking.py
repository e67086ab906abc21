"""An attack that fails, for tests of executors; processes find it by its import path."""

import os
import signal
from typing import Literal

from antivenom.attacks import LabelFlip
from antivenom.data import Dataset, Poisoned
from antivenom.models import Classifier
from antivenom.rng import Rng
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
