"""The rows of the networks. antivenom reads the files; all else is plain PyTorch."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from antivenom import load

DIGITS_TRAIN = 1000
"""The first rows of scikit-learn's digits are for training; the other 797 are never trained on."""
MEASURED = {"mnist": 2000, "cifar10": 2000, "digits": 400}
"""The number of test rows on which accuracy and attack success are measured. The others are for a defender."""


@dataclass(frozen=True)
class Rows:
    """Images as float32 in [0, 1] and their labels.

    Attributes:
        x: images (n, channels, height, width).
        y: labels (n,), int64.
    """

    x: Tensor
    y: Tensor

    def at(self, positions: Tensor) -> "Rows":
        """Return the rows at some positions (k,)."""
        return Rows(self.x[positions], self.y[positions])


@cache
def pixels(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images as uint8 (n, channels, height, width) and labels: of the training set and of the test set."""
    splits = load(name)
    x = torch.cat([splits.train.x, splits.test.x])
    y = torch.cat([splits.train.y, splits.test.y])
    train = DIGITS_TRAIN if name == "digits" else len(splits.train)
    return x[:train], y[:train], x[train:], y[train:]


def training_rows(name: str, count: int, seed: int) -> Rows:
    """Return `count` random rows of the training set."""
    x, y, _, _ = pixels(name)
    return _chosen(x, y, _order(len(y), seed)[:count])


def measured_rows(name: str, seed: int) -> Rows:
    """Return the test rows on which a network is measured."""
    _, _, x, y = pixels(name)
    return _chosen(x, y, _order(len(y), seed)[: MEASURED[name]])


def defender_rows(name: str, seed: int, count: int) -> Rows:
    """Return `count` random test rows on which nothing was trained or measured.

    Raises:
        ValueError: there are fewer rows.
    """
    _, _, x, y = pixels(name)
    order = _order(len(y), seed)[MEASURED[name] :]
    if not 1 <= count <= len(order):
        raise ValueError(f"count must be between 1 and {len(order)} for {name}; got {count}.")
    return _chosen(x, y, order[:count])


def _order(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def _chosen(x: Tensor, y: Tensor, positions: Tensor) -> Rows:
    return Rows(x[positions].float() / 255, y[positions])
