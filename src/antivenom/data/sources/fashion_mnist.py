"""Fashion-MNIST."""

from pathlib import Path

from antivenom.data.dataset import Splits
from antivenom.data.formats import idx
from antivenom.data.home import data_home
from antivenom.data.progress import OnProgress, no_op
from antivenom.settings import component

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@component
class FashionMnist:
    """Fashion-MNIST: 70,000 images of clothes, 28 × 28 pixels, from IDX files in `$ANTIVENOM_DATA/fashion_mnist`.

    60,000 are for training. The four files have the same names as MNIST's files, maybe with `.gz`. Xiao, Rasul and
    Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms* (2017).

    >>> len(FashionMnist().files())
    4
    """

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits.

        Raises:
            MissingDataError: the files do not exist.
            DataError: a file is damaged.
        """
        return idx.read_splits(data_home() / "fashion_mnist", CLASSES)

    def files(self) -> tuple[Path, ...]:
        """The four IDX files."""
        return idx.files_in(data_home() / "fashion_mnist")
