"""Easy problems, and what all checks have in common."""

import dataclasses
import json
import pickle  # noqa: TID251 - settings made here are copied; no file is read
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.settings import build, describe
from antivenom.testing._device import here

CLASSES = 4


def toy_images(rows: int = 240, seed: int = 0) -> Dataset:
    """Images of 6 × 6 in uint8: each class is bright in a corner of its own, under noise. Easy to learn.

    >>> toy_images().x.shape
    torch.Size([240, 1, 6, 6])
    """
    y = torch.arange(rows) % CLASSES
    noise = torch.rand(rows, 1, 6, 6, generator=Rng(seed).child("toy").generator())
    x = (noise * 120).to(torch.uint8)
    for label, (row, column) in enumerate(((0, 0), (0, 3), (3, 0), (2, 2))):
        x[y == label, :, row : row + 3, column : column + 3] += 110
    return Dataset.from_arrays(x, y).to(here())


def toy_table(rows: int = 240, seed: int = 0) -> Dataset:
    """Rows of 8 numbers in [0, 1]: each class is high in two of them. Easy to learn."""
    y = torch.arange(rows) % CLASSES
    x = torch.rand(rows, 8, generator=Rng(seed).child("toy").generator()) * 0.5
    for label in range(CLASSES):
        x[y == label, 2 * label : 2 * label + 2] += 0.45
    return Dataset.from_arrays(x, y, bounds=(0.0, 1.0)).to(here())


@contextmanager
def global_state_untouched() -> Iterator[None]:
    """Fail where the block draws from, or seeds, a global random stream."""
    before = torch.random.get_rng_state(), _numpy_state(), _device_state()
    yield
    after = torch.random.get_rng_state(), _numpy_state(), _device_state()
    assert torch.equal(before[0], after[0]), "torch's global random state was touched"
    assert before[1] == after[1], "NumPy's global random state was touched"
    assert torch.equal(before[2], after[2]), f"torch's global random state on '{here()}' was touched"


def settings_round_trip(kind: str, made: Any) -> None:
    """Settings survive JSON and pickle."""
    assert dataclasses.is_dataclass(made), "a component is a dataclass; decorate it with @component"
    plain = json.loads(json.dumps(describe(kind, made)))
    assert build(kind, plain, path=kind, allow_code=True) == made, "settings changed on the way through JSON"
    assert pickle.loads(pickle.dumps(made)) == made, "settings changed on the way through pickle"  # noqa: S301
    try:
        setattr(made, dataclasses.fields(made)[0].name if dataclasses.fields(made) else "x", None)
    except dataclasses.FrozenInstanceError:
        return
    raise AssertionError("settings must be frozen")


def toy_model(data: Dataset) -> Classifier:
    built = MLP(hidden=(16,)).build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=Rng(0))
    return built.to(here())


def check_all(checks: tuple[Callable[..., None], ...], given: tuple[Any, ...], waive: Mapping[str, str] | None) -> None:
    unknown = set(waive or ()) - {check.__name__ for check in checks}
    assert not unknown, f"no such check to waive: {', '.join(sorted(unknown))}"
    for check in checks:
        if check.__name__ not in (waive or {}):
            check(*given)


def bytes_of(classifier: Classifier) -> bytes:
    return b"".join(value.cpu().numpy().tobytes() for value in classifier.state().values())


def _numpy_state() -> bytes:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - only looked at
    return bytes(state["key"].tobytes()) + bytes([state["pos"] % 256])


def _device_state() -> Tensor:
    if here().type == "cpu":
        return torch.random.get_rng_state()
    return torch.get_device_module(here()).get_rng_state(here())  # type: ignore[no-any-return]
