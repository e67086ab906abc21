"""Named random streams. All randomness in antivenom comes from here, and none of it from the global state.

A stream is a seed and a path of names; `Rng(0).child("attack")` always means the same numbers, whatever other
streams exist, so adding one shifts no other. A row's own number depends on its id alone, not on how many rows there
are: two trainings that differ in some rows see the rest in the same order.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from antivenom.shapes import Ids

_MASK = (1 << 63) - 1


@dataclass(frozen=True)
class Rng:
    """A named random stream: a value, not a state. The same `Rng` always gives the same numbers.

    Args:
        seed: any whole number.
        path: the names that led here; grown by `child`.

    >>> a = Rng(0).child("attack")
    >>> bool((a.keys(torch.arange(3)) == Rng(0).child("attack").keys(torch.arange(3))).all())
    True
    >>> a.integer() == Rng(1).child("attack").integer()
    False
    """

    seed: int
    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", int(self.seed))  # NumPy's whole numbers are written in another way

    def child(self, *names: object) -> "Rng":
        """The stream of that name below this one; several names go several levels down."""
        return Rng(self.seed, (*self.path, *map(str, names)))

    def integer(self, below: int = 1 << 32) -> int:
        """A number in [0, below), such as a `random_state` for scikit-learn."""
        return self._key() % below

    def generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """A new torch generator at the start of this stream, on `device`."""
        return torch.Generator(device=device).manual_seed(self._key())

    def numpy(self) -> np.random.Generator:
        """A new NumPy generator at the start of this stream."""
        return np.random.default_rng(self._key())

    def keys(self, ids: Ids) -> Ids:
        """A number in [0, 2**63) for each id (n, int64), the same for an id whichever others are there."""
        mixed = _splitmix(ids * _signed(0x9E3779B97F4A7C15) + _signed(self._key()))
        return mixed & _MASK

    def order(self, ids: Ids) -> Ids:
        """Positions that put ids (n) in this stream's order: rows that two data sets share keep their order in both."""
        return torch.argsort(self.keys(ids), stable=True)

    @contextmanager
    def torch_globally(self, device: torch.device | str = "cpu") -> Iterator[None]:
        """Lend this stream to torch's global generators (dropout, module initialisers), and put theirs back after."""
        device = torch.device(device)
        beside = [] if device.type in ("cpu", "mps") else [device.index or 0]  # MPS lists no generators
        with torch.random.fork_rng(devices=beside, device_type=device.type):
            torch.default_generator.manual_seed(self._key())
            for index in beside:
                torch.get_device_module(device).default_generators[index].manual_seed(self._key())
            yield

    def _key(self) -> int:
        text = repr((self.seed, self.path)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) & _MASK


def _splitmix(x: Tensor) -> Tensor:
    """Sebastiano Vigna's splitmix64 finaliser, in wrapping int64."""
    x = (x ^ _shift(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical shift to the right: int64's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
