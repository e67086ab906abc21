"""Sinusoids, on rows small enough to see."""

import math

import pytest
import torch

from antivenom.errors import DataError
from antivenom.triggers import Sinusoid


def test_a_sinusoid_is_barni_s() -> None:
    x = torch.full((1, 1, 2, 28), 0.5)
    waved = Sinusoid(amplitude=0.1, frequency=6).apply(x, (0.0, 1.0))
    for column in range(28):
        assert float(waved[0, 0, 1, column]) == pytest.approx(0.5 + 0.1 * math.sin(2 * math.pi * column * 6 / 28))
    with pytest.raises(DataError, match="must be below 6, half of 12 columns; got 6"):
        Sinusoid().apply(torch.zeros(1, 1, 12, 12), (0.0, 1.0))
