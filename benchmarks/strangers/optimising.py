"""Optimisers, schedules and augmentations that the recipes name."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

MakeOptimiser = Callable[[Iterable[nn.Parameter], float], Optimizer]
Schedule = Callable[[float], float]
"""From the finished share of the training to the factor of the learning rate."""
Augment = Callable[[Tensor, torch.Generator], Tensor]


def sgd(parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Return SGD with momentum."""
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=5e-4)


def nesterov(parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Return SGD with Nesterov's momentum and a weight decay."""
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=1e-3)


def adam(parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Return Adam."""
    return torch.optim.Adam(parameters, lr=rate)


def nadam(parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Return NAdam."""
    return torch.optim.NAdam(parameters, lr=rate)


def adamw(parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Return AdamW with a strong weight decay."""
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=0.05)


def rmsprop(parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """Return RMSprop with momentum."""
    return torch.optim.RMSprop(parameters, lr=rate, alpha=0.95, momentum=0.9, weight_decay=1e-5)


def constant(_: float) -> float:
    """Return 1."""
    return 1.0


def step(done: float) -> float:
    """Return 1, and a tenth in the last third."""
    return 1.0 if done < 2 / 3 else 0.1


def exponential(done: float) -> float:
    """Return a factor that decays to a twentieth."""
    return float(0.05**done)


def cosine(done: float) -> float:
    """Return half a cosine, from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * done))


def one_cycle(done: float) -> float:
    """Return a rise from 0.1 to 1 in the first third, and a linear fall to 0."""
    return 0.1 + 2.7 * done if done < 1 / 3 else 1.5 * (1 - done)


def warm_up(done: float) -> float:
    """Return a linear rise in the first fifth, and half a cosine afterwards."""
    return done * 5 + 0.01 if done < 0.2 else cosine((done - 0.2) / 0.8)


def flip(x: Tensor, random: torch.Generator) -> Tensor:
    """Return each image, half of them mirrored."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=random) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def flip_and_crop(x: Tensor, random: torch.Generator) -> Tensor:
    """Return each image, half of them mirrored, all of them moved by at most 2 pixels."""
    padded = F.pad(flip(x, random), (2, 2, 2, 2))
    side = x.shape[2]
    top, left = torch.randint(5, (2, len(x)), generator=random)
    rows = top[:, None] + torch.arange(side)
    columns = left[:, None] + torch.arange(side)
    images = torch.arange(len(x))[:, None, None]
    return padded.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def flip_and_cutout(x: Tensor, random: torch.Generator) -> Tensor:
    """Return each image, half of them mirrored, with a grey square of 8 × 8 pixels at a random position."""
    x = flip(x, random).clone()
    top, left = torch.randint(x.shape[2] - 7, (2, len(x), 1, 1), generator=random)
    line = torch.arange(x.shape[2])
    down, right = line.view(1, -1, 1), line.view(1, 1, -1)
    inside = (down >= top) & (down < top + 8) & (right >= left) & (right < left + 8)
    return x.masked_fill(inside[:, None], 0.5)
