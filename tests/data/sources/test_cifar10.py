"""CIFAR-10 in every layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from antivenom.data.sources.cifar10 import CLASSES, Cifar10
from antivenom.errors import MissingDataError
from tests.helpers.data_files import (
    ROWS,
    some,
    write_binary,
    write_python,
    write_recordio,
)

WRITERS: dict[str, Callable[..., None]] = {
    "binary": write_binary,
    "python": write_python,
    "recordio": write_recordio,
}


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_of_cifar10_gives_the_same_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    x, y = some()
    test_x, test_y = some(1, 4)
    WRITERS[layout](tmp_path, x, y, test_x, test_y)
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    for source in (Cifar10(), Cifar10(layout=layout)):  # type: ignore[arg-type]
        splits = source.load()
        assert np.array_equal(splits.train.x.numpy(), x)
        assert splits.train.y.tolist() == y.tolist()
        assert np.array_equal(splits.test.x.numpy(), test_x)
        assert splits.test.y.tolist() == test_y.tolist()
        assert splits.train.classes == CLASSES
        assert len(source.files()) == (2 if layout == "recordio" else 6)


def test_a_layout_that_is_there_in_part_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"Looked for .*data_batch_1.bin.*cifar10_train.rec"):
        Cifar10().load()
    write_python(tmp_path, *some(), *some(1, 4))
    (tmp_path / "cifar10/cifar-10-batches-bin").mkdir()
    (tmp_path / "cifar10/cifar-10-batches-bin/data_batch_1.bin").write_bytes(b"")
    assert len(Cifar10().load().train) == ROWS
