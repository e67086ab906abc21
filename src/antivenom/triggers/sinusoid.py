"""A faint sinusoid over the whole row."""

import math

import torch

from antivenom.errors import DataError
from antivenom.settings import Positive, Rate, component
from antivenom.shapes import Inputs


@component
class Sinusoid:
    """A sinusoid along the columns is added to every row (SIG; Barni, Kallas and Tondi 2019).

    Args:
        amplitude: in shares of the data's range; the paper's is 20/255 on CIFAR-10 and 40/255 on MNIST.
        frequency: how many periods a row has; at most half as many as columns.

    Raises:
        DataError: more periods than the columns can show.

    >>> Sinusoid(amplitude=0.5, frequency=1).apply(torch.zeros(1, 1, 1, 4), (0.0, 1.0)).round(decimals=2).tolist()
    [[[[0.0, 0.5, 0.0, 0.0]]]]
    """

    amplitude: Rate = 20 / 255
    frequency: Positive = 6.0

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Rows (n, *shape) with the sinusoid, cut off at the bounds."""
        low, high = bounds
        columns = x.shape[-1]
        if 2 * self.frequency >= columns:
            raise DataError(f"A sinusoid of {self.frequency:g} periods does not fit into rows of {columns} columns.")
        place = torch.arange(columns, dtype=torch.float64) / columns
        wave = self.amplitude * (high - low) * torch.sin(2 * math.pi * self.frequency * place)
        return (x + wave.to(x)).clamp(low, high)
