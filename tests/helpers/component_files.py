"""The files that components read when they are tried: poison for toy images, and a small data set of each format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom.testing import Case
from tests.helpers.data_files import binary, idx_bytes, parquet_of, png, some, write_binary, write_folder


def named(found: Iterable[Case]) -> list[Any]:
    """Cases as parameters of a test, with names that read well."""
    return [pytest.param(*case, id=f"{case.name}-{case.check.__name__}") for case in found]


def write_component_files(folder: Path) -> None:
    """Write all of them."""
    write_poison(folder / "poison.npz")
    (x, y), test = some(), some(1, 4)
    np.savez(folder / "mine.npz", x=x, y=y)
    (folder / "mine.csv").write_text("a,b,c\n" + "".join(f"{n},{n * n},{n % 2}\n" for n in range(8)))
    (folder / "mine.parquet").write_bytes(parquet_of(image=[png(row) for row in x], label=y.tolist()))
    write_folder(folder / "mine", x, y, *test)
    write_binary(folder, x, y, *test)
    for name in ("mnist", "fashion_mnist"):
        (folder / name).mkdir()
        for part in ("train", "t10k"):
            (folder / f"{name}/{part}-images-idx3-ubyte").write_bytes(idx_bytes(x[:, 0]))
            (folder / f"{name}/{part}-labels-idx1-ubyte").write_bytes(idx_bytes(y))
    write_cifar100(folder / "cifar100/cifar-100-binary", x, y)


def write_poison(file: Path) -> None:
    x = np.random.default_rng(0).random((300, 2, 1, 6, 6), np.float32)
    np.savez(file, X=x, Y=np.arange(600).reshape(300, 2) % 4)


def write_cifar100(home: Path, x: np.ndarray, y: np.ndarray) -> None:
    home.mkdir(parents=True)
    for name in ("train", "test"):
        (home / f"{name}.bin").write_bytes(binary(x, y, y))
    for name, count in (("coarse", 20), ("fine", 100)):
        (home / f"{name}_label_names.txt").write_text("\n".join(map(str, range(count))))
