"""CIFAR-100 in every layout."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from antivenom.data.formats import recordio
from antivenom.data.sources.cifar100 import Cifar100
from tests.helpers.data_files import (
    ROWS,
    binary,
    png,
    some,
)


@pytest.mark.parametrize("labels", ["fine", "coarse"])
@pytest.mark.parametrize("layout", ["binary", "python", "recordio"])
def test_cifar100_has_two_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str, layout: str) -> None:
    x, fine = some(classes=100)
    coarse = fine // 5
    home = tmp_path / "cifar100"
    names = {"fine": [f"f{n}" for n in range(100)], "coarse": [f"c{n}" for n in range(20)]}
    for name in ("train", "test"):
        if layout == "binary":
            file, held = home / f"cifar-100-binary/{name}.bin", binary(x, coarse, fine)
        elif layout == "python":
            table = {"data": x.reshape(ROWS, -1), "fine_labels": fine.tolist(), "coarse_labels": coarse.tolist()}
            file, held = home / f"cifar-100-python/{name}", pickle.dumps(table, protocol=4)
        else:
            file = home / f"cifar100_{'train' if name == 'train' else 'val'}.rec"
            pairs = zip(x, coarse, fine, strict=True)
            held = recordio.write(recordio.Record((float(c), float(f)), (0, 0), png(row), 0) for row, c, f in pairs)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(held)
        if layout == "binary":
            (file.parent / f"{'fine' if name == 'train' else 'coarse'}_label_names.txt").write_text(
                "\n".join(names["fine" if name == "train" else "coarse"]) + "\n"
            )
        if layout == "python":
            meta = {f"{kind}_label_names": found for kind, found in names.items()}
            (file.parent / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    train = Cifar100(labels=labels).load().train  # type: ignore[arg-type]
    assert np.array_equal(train.x.numpy(), x)
    assert train.y.tolist() == (fine if labels == "fine" else coarse).tolist()
    count = 100 if labels == "fine" else 20
    expected = map(str, range(count)) if layout == "recordio" else names[labels]
    assert train.classes == tuple(expected)
