"""Autoencoders that generate poison from rows."""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.files.opening import require_file
from antivenom.rng import Rng
from antivenom.shapes import Inputs

Architecture = Literal["dense", "convolutional"]
FORMAT = "antivenom-generator"
MAX_LAYERS = 64
PRETRAINING_BATCH = 128
PRETRAINING_RATE = 1e-3


class Generator(nn.Module):
    """An autoencoder that maps rows to poison. Its output lies within the bounds of the data.

    Args:
        shape: the shape of one row.
        bounds: the bounds of the data, or None if it has none.
        architecture: `dense`, or `convolutional` for images.
        hidden: the width of each dense hidden layer, or the number of filters of each convolution. Each convolution
            halves the height and width of the image; a transposed convolution in the decoder doubles them again.

    Raises:
        SettingsError: `convolutional` with rows that are not images, or with images that are too small.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        bounds: tuple[float, float] | None,
        architecture: Architecture = "dense",
        hidden: tuple[int, ...] = (200, 200),
    ) -> None:
        super().__init__()
        self.shape, self.bounds, self.architecture, self.hidden = tuple(shape), bounds, architecture, tuple(hidden)
        if architecture == "dense":
            self.layers = _dense(math.prod(shape), self.hidden)
        else:
            self.layers = _convolutional(self.shape, self.hidden)

    def forward(self, x: Inputs) -> Inputs:
        """Return poison (n, *shape) for rows (n, *shape). The result is differentiable."""
        low, high = self.bounds or (0.0, 1.0)
        unit: Tensor = self.layers((x - low) / (high - low))
        if self.architecture == "dense":
            unit = unit.unflatten(1, self.shape)
        else:
            unit = unit[:, :, : self.shape[1], : self.shape[2]]
        return unit * (high - low) + low if self.bounds is None else unit.sigmoid() * (high - low) + low

    def poison(self, x: Inputs) -> Inputs:
        """Return poison (n, *shape) for rows (n, *shape), in batches and without gradients."""
        with torch.no_grad():
            return torch.cat([self(part) for part in x.split(1024)]) if len(x) else x.clone()

    def save(self, file: Path | str) -> None:
        """Write weights and settings to a safetensors file."""
        about = {"shape": self.shape, "bounds": self.bounds, "architecture": self.architecture, "hidden": self.hidden}
        state = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(state, file, {FORMAT: json.dumps(about)})

    @classmethod
    def load(cls, file: Path | str) -> "Generator":
        """Read a generator that `save` wrote.

        Raises:
            DataError: the file is missing or damaged, or does not contain a generator.
        """
        try:
            with safe_open(str(require_file(file)), framework="pt") as opened:
                about = json.loads((opened.metadata() or {})[FORMAT])
                state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            bounds = None if about["bounds"] is None else (float(about["bounds"][0]), float(about["bounds"][1]))
            shape, hidden = (tuple(map(int, about[name])) for name in ("shape", "hidden"))
            if len(hidden) > MAX_LAYERS or len(shape) > MAX_LAYERS:
                raise ValueError(f"{len(hidden)} layers")
            with torch.device("meta"):  # a false header must not allocate memory
                made = cls(shape, bounds, about["architecture"], hidden)
            made.load_state_dict(state, assign=True)
        except (OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError, SettingsError) as error:
            raise DataError(f"{file} does not contain a generator, or is damaged: {error}") from error
        return made


def pretrained(
    data: Dataset, architecture: Architecture, hidden: tuple[int, ...], *, steps: int, rng: Rng
) -> Generator:
    """Return a generator that is trained to reconstruct its input, for `steps` batches."""
    with rng.child("weights").torch_globally():
        made = Generator(data.shape, data.bounds, architecture, hidden).to(data.device)
    optimizer = torch.optim.Adam(made.parameters(), lr=PRETRAINING_RATE)
    numbers = torch.arange(steps * PRETRAINING_BATCH, device=data.device)
    rows = rng.child("rows").keys(numbers) % max(1, len(data))
    for part in rows.split(PRETRAINING_BATCH) if len(data) else ():
        x = data.inputs(part)
        loss = functional.mse_loss(made(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return made


def _dense(width: int, hidden: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    sizes = (width, *hidden, width)
    for number, (small, wide) in enumerate(pairwise(sizes)):
        layers += [nn.ReLU()] * bool(number) + [nn.Linear(small, wide)]
    return nn.Sequential(*layers)


def _convolutional(shape: tuple[int, ...], filters: tuple[int, ...]) -> nn.Sequential:
    if len(shape) != 3:
        raise SettingsError([f"'convolutional' requires images; got rows of shape {shape}. Use 'dense'."])
    if min(shape[1:]) < 2 ** len(filters):
        raise SettingsError([f"Images of {shape[1]} × {shape[2]} are too small for {len(filters)} convolutions."])
    sizes = (shape[0], *filters)
    layers: list[nn.Module] = []
    for small, wide in pairwise(sizes):
        layers += [nn.Conv2d(small, wide, 3, stride=2, padding=1), nn.ReLU()]
    for number in range(len(filters), 0, -1):
        layers += [nn.ConvTranspose2d(sizes[number], sizes[number - 1], 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
