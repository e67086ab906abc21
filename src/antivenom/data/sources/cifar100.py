"""CIFAR-100."""

from pathlib import Path
from typing import Literal

from antivenom.data.dataset import Splits
from antivenom.data.formats import cifar
from antivenom.data.home import data_home
from antivenom.data.progress import OnProgress, no_op
from antivenom.data.sources._cifar import Layout, Pair, chosen, joined, recorded
from antivenom.settings import component

COUNTS = {"fine": 100, "coarse": 20}


@component
class Cifar100:
    """CIFAR-100: 50,000 + 10,000 colour images of 32 × 32 pixels, in `$ANTIVENOM_DATA/cifar100`.

    Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009). Three layouts are supported:
    `cifar-100-binary/`, `cifar-100-python/` (read as plain data) and `cifar100_train.rec` with `cifar100_val.rec`.

    Args:
        labels: `fine` (100 classes) or `coarse` (20 classes).
        layout: `binary`, `python`, `recordio`, or `any`: the first of these with all of its files. A `.rec` contains
            the labels that it was packed with. If a record has two labels, they are coarse and fine.

    >>> Cifar100(layout="python").files()[0].name
    'train'
    """

    labels: Literal["fine", "coarse"] = "fine"
    layout: Layout = "any"

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Load both splits.

        Raises:
            MissingDataError: no layout has all of its files.
            DataError: a file is damaged.
        """
        layout = chosen(_files(), self.layout)
        train, test, *names = _files()[layout]
        classes = self._classes(layout, names)
        sets = [joined([self._read(file, layout, on_progress)], classes, file) for file in (train, test)]
        return Splits(train=sets[0], test=sets[1])

    def files(self) -> tuple[Path, ...]:
        """The training file, the test file, and the files of class names."""
        return _files()[chosen(_files(), self.layout)]

    def _read(self, file: Path, layout: str, on_progress: OnProgress) -> Pair:
        if layout == "binary":
            x, y = cifar.read_binary(file, labels=2)
            return x, y[:, ("coarse", "fine").index(self.labels)]
        if layout == "python":
            return cifar.read_python(file, f"{self.labels}_labels")
        return recorded(file, on_progress, ("coarse", "fine").index(self.labels))

    def _classes(self, layout: str, names: list[Path]) -> tuple[str, ...]:
        if layout == "recordio":
            return tuple(map(str, range(COUNTS[self.labels])))
        if layout == "python":
            return cifar.names_in_python(names[0], f"{self.labels}_label_names")
        return cifar.names_in_text(names[("coarse", "fine").index(self.labels)])


def _files() -> dict[str, tuple[Path, ...]]:
    home = data_home() / "cifar100"
    binary, python = home / "cifar-100-binary", home / "cifar-100-python"
    return {
        "binary": (
            binary / "train.bin",
            binary / "test.bin",
            binary / "coarse_label_names.txt",
            binary / "fine_label_names.txt",
        ),
        "python": (python / "train", python / "test", python / "meta"),
        "recordio": (home / "cifar100_train.rec", home / "cifar100_val.rec"),
    }
