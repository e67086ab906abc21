"""MNIST, plain and packed."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from antivenom.data.formats import idx
from antivenom.data.sources.mnist import Mnist
from antivenom.errors import AntivenomError, MissingDataError
from antivenom.rng import Rng
from tests.helpers.data_files import idx_bytes


def images(rows: int, seed: int = 0) -> np.ndarray:
    return Rng(seed).child("images").numpy().integers(0, 256, (rows, 4, 5), dtype=np.uint8)


@pytest.fixture
def mnist() -> Path:
    """A small MNIST where `$ANTIVENOM_DATA` points to."""
    folder = Path(os.environ["ANTIVENOM_DATA"]) / "mnist"
    folder.mkdir(parents=True)
    for (x, y), rows in zip(idx.NAMES.values(), (20, 10), strict=True):
        (folder / x).write_bytes(idx_bytes(images(rows)))
        (folder / f"{y}.gz").write_bytes(gzip.compress(idx_bytes(np.arange(rows) % 10)))
    return folder


def test_mnist_is_read_plain_and_packed(mnist: Path) -> None:
    splits = Mnist().load()
    assert (len(splits.train), len(splits.test), splits.train.shape) == (20, 10, (1, 4, 5))
    assert splits.train.classes == tuple("0123456789")
    assert np.array_equal(splits.train.x[:, 0].numpy(), images(20))
    assert [file.name for file in Mnist().files()] == [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte.gz",
    ]


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"])
def test_a_missing_file_is_named(mnist: Path, name: str) -> None:
    (mnist / name).unlink()
    with pytest.raises(MissingDataError, match=name.removesuffix(".gz")):
        Mnist().load()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("train-labels-idx1-ubyte", np.arange(19) % 10),
        ("train-labels-idx1-ubyte", np.full(20, 10)),
        ("train-labels-idx1-ubyte", np.zeros((20, 1))),
        ("train-images-idx3-ubyte", np.zeros((20, 4))),
        ("t10k-images-idx3-ubyte", np.zeros((10, 5, 4))),
        ("train-images-idx3-ubyte", np.zeros((20, 0, 0))),
    ],
)
def test_files_that_do_not_belong_together_are_refused(mnist: Path, name: str, array: np.ndarray) -> None:
    (mnist / name).write_bytes(idx_bytes(array))
    with pytest.raises(AntivenomError):
        Mnist().load()
