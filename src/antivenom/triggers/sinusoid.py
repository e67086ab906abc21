"""A weak sinusoid over the whole row."""

import math

import torch

from antivenom.errors import DataError
from antivenom.settings import Positive, Rate, component
from antivenom.shapes import Inputs


@component
class Sinusoid:
    """A sinusoid along the columns is added to every row (SIG; Barni, Kallas and Tondi 2019).

    Args:
        amplitude: the amplitude, as a share of the data's range. The paper uses 20/255 on CIFAR-10 and 40/255 on MNIST.
        frequency: the number of periods across the columns, below half the number of columns.

    Raises:
        DataError: the rows have too few columns for this frequency.

    >>> Sinusoid(amplitude=0.5, frequency=1).apply(torch.zeros(1, 1, 1, 4), (0.0, 1.0)).round(decimals=2).tolist()
    [[[[0.0, 0.5, 0.0, 0.0]]]]
    """

    amplitude: Rate = 20 / 255
    frequency: Positive = 6.0

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Return rows (n, *shape) with the sinusoid, clipped to the bounds."""
        low, high = bounds
        columns = x.shape[-1]
        if 2 * self.frequency >= columns:
            raise DataError(
                f"Sinusoid.frequency must be below {columns / 2:g}, half of {columns} columns; got {self.frequency:g}."
            )
        position = torch.arange(columns, dtype=torch.float64) / columns
        wave = self.amplitude * (high - low) * torch.sin(2 * math.pi * self.frequency * position)
        return (x + wave.to(x)).clamp(low, high)
