"""Networks of usual kinds, with attention, recurrence, experts and normalisation."""

import random

import torch
from torch import Tensor, nn

SHAPE = (1, 8, 8)
CHOICES = {"heads": (1, 2, 4), "size": (4, 8, 16), "tokens": (1, 4, 8, 16), "depth": (1, 2, 3), "classes": (2, 3, 10)}


class Attention(nn.Module):
    """Cuts each row into tokens, and applies layers of attention to them."""

    def __init__(self, seed: int, *, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(seed)
        pick = {name: random.Random(f"{seed}{name}").choice(values) for name, values in CHOICES.items()}
        width, self.tokens = pick["heads"] * pick["size"], pick["tokens"]
        self.kind = ("encoder", "plain", "residual", "norm")[seed % 4]
        self.embed = nn.Linear(64 // self.tokens, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, pick["heads"], 2 * width, batch_first=batch_first)
            if self.kind == "encoder"
            else nn.MultiheadAttention(width, pick["heads"], batch_first=batch_first)
            for _ in range(pick["depth"])
        )
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, pick["classes"])

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.reshape(len(x), self.tokens, -1))
        for block in self.blocks:
            if self.kind == "encoder":
                x = block(x)
                continue
            seen = block(x, x, x, need_weights=False)[0]
            x = {"plain": seen, "residual": x + seen, "norm": self.norm(x + seen)}[self.kind]
        return self.out(x.mean(1))  # type: ignore[no-any-return]


class Experts(nn.Module):
    """Sends each row to one of four layers, so that their batches have other sizes with other rows."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(64, 4), nn.ModuleList(nn.Linear(64, 5) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        chosen, out = self.gate(x).argmax(1), x.new_zeros(len(x), 5)
        for number, expert in enumerate(self.experts):
            out[chosen == number] = expert(x[chosen == number])
        return out


class Recurrent(nn.Module):
    """Reads the lines of an image one by one."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        self.recurrent, self.out = nn.LSTM(8, 6, batch_first=batch_first), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.recurrent(x.squeeze(1))[0][:, -1])  # type: ignore[no-any-return]


class Spectrum(nn.Module):
    """Learns from the frequencies of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(40, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.fft.rfft2(x).abs().flatten(1))  # type: ignore[no-any-return]


def deep(seed: int) -> nn.Module:
    """Return a deep network of convolutions with normalisation whose kind depends on the seed."""
    torch.manual_seed(seed)
    norm = (nn.BatchNorm2d, lambda n: nn.GroupNorm(4, n), nn.InstanceNorm2d, lambda _: nn.Identity())[seed % 4]
    act = (nn.ReLU, nn.GELU, nn.Tanh)[seed % 3]
    blocks = [layer for _ in range(1 + 2 * seed) for layer in (nn.Conv2d(8, 8, 3, padding=1), norm(8), act())]
    return nn.Sequential(nn.Conv2d(1, 8, 3), *blocks, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4))


def wide(seed: int) -> nn.Module:
    """Return a perceptron with large weights."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 7))
    for weight in net.parameters():
        weight.data *= 10**seed / 10
    return net


NORMAL = [
    *(lambda seed=seed: Attention(seed, batch_first=True) for seed in range(12)),
    *(lambda seed=seed: deep(seed) for seed in range(10)),
    *(lambda seed=seed: wide(seed) for seed in range(5)),
    Experts,
    Spectrum,
    lambda: Recurrent(batch_first=True),
]
