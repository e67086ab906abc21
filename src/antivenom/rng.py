"""Named random streams, the only source of randomness in antivenom. The global random state is not used.

A stream is a seed and a path of names. `Rng(0).child("attack")` always has the same numbers, so a new stream does not
change another. The number of a row depends only on its id, not on other rows. So two trainings with some different rows
use the same order for the shared rows.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from antivenom.shapes import Ids

_MASK = (1 << 63) - 1


@dataclass(frozen=True)
class Rng:
    """A named random stream. It has no state: equal `Rng` objects always produce the same numbers.

    Args:
        seed: any whole number.
        path: the names of the stream; `child` adds names.

    >>> a = Rng(0).child("attack")
    >>> bool((a.keys(torch.arange(3)) == Rng(0).child("attack").keys(torch.arange(3))).all())
    True
    >>> a.integer() == Rng(1).child("attack").integer()
    False
    """

    seed: int
    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", int(self.seed))  # NumPy's integers have another repr

    def child(self, *names: object) -> "Rng":
        """Return the child stream with this name; several names go down several levels."""
        return Rng(self.seed, (*self.path, *map(str, names)))

    def integer(self, below: int = 1 << 32) -> int:
        """Return a whole number in [0, below), for example for scikit-learn's `random_state`."""
        return self._key() % below

    def generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """Return a new torch generator on `device`, at the start of this stream."""
        return torch.Generator(device=device).manual_seed(self._key())

    def numpy(self) -> np.random.Generator:
        """Return a new NumPy generator at the start of this stream."""
        return np.random.default_rng(self._key())

    def keys(self, ids: Ids) -> Ids:
        """Return a number in [0, 2**63) for each id (n, int64). It does not depend on other ids."""
        mixed = _splitmix(ids * _signed(0x9E3779B97F4A7C15) + _signed(self._key()))
        return mixed & _MASK

    def order(self, ids: Ids) -> Ids:
        """Return the positions of the rows in a random order (n).

        Two data sets that share rows have these rows in the same order.

        Args:
            ids: the ids of the rows (n).

        >>> Rng(0).order(torch.arange(3)).sort().values
        tensor([0, 1, 2])
        """
        return torch.argsort(self.keys(ids), stable=True)

    @contextmanager
    def torch_globally(self, device: torch.device | str = "cpu") -> Iterator[None]:
        """Seed torch's global generators (dropout, initialisers) from this stream; afterwards restore them."""
        device = torch.device(device)
        others = [] if device.type in ("cpu", "mps") else [device.index or 0]  # MPS has no list of generators
        with torch.random.fork_rng(devices=others, device_type=device.type):
            torch.default_generator.manual_seed(self._key())
            for index in others:
                torch.get_device_module(device).default_generators[index].manual_seed(self._key())
            yield

    def _key(self) -> int:
        text = repr((self.seed, self.path)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) & _MASK


def orders(streams: Sequence[Rng], ids: Sequence[Tensor]) -> list[Tensor]:
    """Return `stream.order(ids)` of each stream and its ids, computed at once.

    Args:
        streams: the streams (k).
        ids: the ids of the rows of each stream (k tensors, n each; the numbers of rows may differ), on one device.

    >>> [order.tolist() for order in orders([Rng(0)], [torch.arange(3)])] == [Rng(0).order(torch.arange(3)).tolist()]
    True
    """
    lengths = torch.tensor([len(each) for each in ids], device=ids[0].device)
    padded = torch.nn.utils.rnn.pad_sequence(list(ids), batch_first=True)
    keys = torch.tensor([stream.integer(1 << 63) for stream in streams], device=padded.device)
    mixed = _splitmix(padded * _signed(0x9E3779B97F4A7C15) + keys.unsqueeze(1)) & _MASK
    beyond = torch.arange(padded.shape[1], device=padded.device) >= lengths.unsqueeze(1)
    sorted_ = torch.argsort(mixed.masked_fill_(beyond, _MASK), dim=1, stable=True)  # padding comes last, also in a tie
    return [order[: len(each)] for order, each in zip(sorted_, ids, strict=True)]


def _splitmix(x: Tensor) -> Tensor:
    """Apply Sebastiano Vigna's splitmix64 finaliser, in int64 with overflow."""
    x = (x ^ _shift(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Shift right logically; `>>` of int64 keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
