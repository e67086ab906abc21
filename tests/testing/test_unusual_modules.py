"""The checks with unusual modules find what they are for."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from antivenom.errors import CapabilityError, ComponentError
from antivenom.testing.unusual_modules import (
    filter_takes_unusual_modules,
    training_takes_unusual_modules,
    unusual_modules,
)


@dataclass
class Flags:
    """A filter of which each fault can be planted."""

    fault: str
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Tensor, classifier: Any, *, rng: Any, clean: Any) -> Tensor:
        if self.fault == "type" and classifier.classes == 2:
            raise TypeError("it takes four classes")
        if self.fault == "refusal":
            raise CapabilityError("It requires four classes.")
        return torch.full((len(x) - (self.fault == "rows"),), float("nan") if self.fault == "nan" else 0.5)


class Thaws:
    """A training that does not keep frozen weights."""

    def fit(self, classifier: Any, data: Any, *, rng: Any, start: Any = None, callbacks: Any = ()) -> Any:
        trained = classifier.copy()
        with torch.no_grad():
            for weight in trained.module.parameters():
                weight.add_(1)
        return trained


def test_faults_are_found_and_refusals_are_not_faults() -> None:
    for fault, error in (("type", ComponentError), ("nan", AssertionError), ("rows", AssertionError)):
        with pytest.raises(error):
            filter_takes_unusual_modules(Flags(fault))
    filter_takes_unusual_modules(Flags("refusal"))
    filter_takes_unusual_modules(Flags("none"))
    with pytest.raises(AssertionError, match=r"changed the frozen weights conv\.bias, conv\.weight"):
        training_takes_unusual_modules(Thaws())


def test_the_modules_are_unusual() -> None:
    (four, _), (two, _) = unusual_modules()
    text = " ".join((*four.assumptions, *two.assumptions))
    assert all(word in text for word in ("lazy", "frozen", "tuple", "one number"))
    assert not four.channels_last_filters
    four.module.train()
    assert four.requires_two_rows()
