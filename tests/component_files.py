"""The files that components read when they are tried: poison for toy images, and a small data set of each format."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom.testing import Case
from tests.data.formats.test_formats import binary, png, some, write_binary, write_folder
from tests.data.formats.test_hostile_files import parquet_of
from tests.data.formats.test_idx import content

__all__ = ["component_files", "named", "written_files"]


def named(found: Iterable[Case]) -> list[Any]:
    """Cases as parameters of a test, with names that read well."""
    return [pytest.param(*case, id=f"{case.name}-{case.check.__name__}") for case in found]


@pytest.fixture(scope="session")
def written_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of them, written once."""
    folder = tmp_path_factory.mktemp("component_files")
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
            (folder / f"{name}/{part}-images-idx3-ubyte").write_bytes(content(x[:, 0]))
            (folder / f"{name}/{part}-labels-idx1-ubyte").write_bytes(content(y))
    write_cifar100(folder / "cifar100/cifar-100-binary", x, y)
    return folder


def write_poison(file: Path) -> None:
    x = np.random.default_rng(0).random((300, 2, 1, 6, 6), np.float32)
    np.savez(file, X=x, Y=np.arange(600).reshape(300, 2) % 4)


def write_cifar100(home: Path, x: np.ndarray, y: np.ndarray) -> None:
    home.mkdir(parents=True)
    for name in ("train", "test"):
        (home / f"{name}.bin").write_bytes(binary(x, y, y))
    for name, count in (("coarse", 20), ("fine", 100)):
        (home / f"{name}_label_names.txt").write_text("\n".join(map(str, range(count))))


@pytest.fixture
def component_files(written_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder, as the current one and as `$ANTIVENOM_DATA`."""
    monkeypatch.chdir(written_files)
    monkeypatch.setenv("ANTIVENOM_DATA", str(written_files))
    yield written_files
