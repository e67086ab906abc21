"""CIFAR-10."""

from pathlib import Path

from antivenom.data.dataset import Splits
from antivenom.data.formats import cifar
from antivenom.data.home import data_home
from antivenom.data.progress import OnProgress, no_op
from antivenom.data.sources._cifar import Layout, Pair, chosen, joined, recorded
from antivenom.settings import component

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@component
class Cifar10:
    """CIFAR-10: 50,000 + 10,000 colour images of 32 × 32 pixels, in `$ANTIVENOM_DATA/cifar10`.

    Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009). Three layouts are supported:
    `cifar-10-batches-bin/` (the binary version), `cifar-10-batches-py/` (the Python version, read as plain data) and
    `cifar10_train.rec` with `cifar10_val.rec` (MXNet's RecordIO).

    Args:
        layout: `binary`, `python`, `recordio`, or `any`: the first of these with all of its files.

    >>> Cifar10(layout="binary").files()[0].name
    'data_batch_1.bin'
    """

    layout: Layout = "any"

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Load both splits.

        Raises:
            MissingDataError: no layout has all of its files.
            DataError: a file is damaged.
        """
        layout = chosen(_files(), self.layout)
        files = _files()[layout]
        parts = [_read(file, layout, on_progress) for file in files]
        train, test = joined(parts[:-1], CLASSES, files[0].parent), joined(parts[-1:], CLASSES, files[-1])
        return Splits(train=train, test=test)

    def files(self) -> tuple[Path, ...]:
        """The training files and, last, the test file."""
        return _files()[chosen(_files(), self.layout)]


def _files() -> dict[str, tuple[Path, ...]]:
    home = data_home() / "cifar10"
    binary, python = home / "cifar-10-batches-bin", home / "cifar-10-batches-py"
    return {
        "binary": (*(binary / f"data_batch_{number}.bin" for number in range(1, 6)), binary / "test_batch.bin"),
        "python": (*(python / f"data_batch_{number}" for number in range(1, 6)), python / "test_batch"),
        "recordio": (home / "cifar10_train.rec", home / "cifar10_val.rec"),
    }


def _read(file: Path, layout: str, on_progress: OnProgress) -> Pair:
    if layout == "binary":
        x, y = cifar.read_binary(file)
        return x, y[:, 0]
    return cifar.read_python(file, "labels") if layout == "python" else recorded(file, on_progress)
