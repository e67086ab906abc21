"""Fashion-MNIST."""

from pathlib import Path

import numpy as np
import pytest

from antivenom.data.sources.fashion_mnist import FashionMnist
from tests.helpers.data_files import (
    ROWS,
    idx_bytes,
    some,
)


def test_fashion_mnist_lies_where_mnist_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    (tmp_path / "fashion_mnist").mkdir()
    x, y = some()[0][:, 0, :28, :28], np.arange(ROWS) % 10
    for part in ("train", "t10k"):
        (tmp_path / f"fashion_mnist/{part}-images-idx3-ubyte").write_bytes(idx_bytes(x))
        (tmp_path / f"fashion_mnist/{part}-labels-idx1-ubyte").write_bytes(idx_bytes(y))
    data = FashionMnist().load().train
    assert np.array_equal(data.x[:, 0].numpy(), x)
    assert data.classes[9] == "Ankle boot"
