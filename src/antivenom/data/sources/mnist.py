"""MNIST."""

from pathlib import Path

from antivenom.data.dataset import Splits
from antivenom.data.formats import idx
from antivenom.data.home import data_home
from antivenom.data.progress import OnProgress, no_op
from antivenom.settings import component


@component
class Mnist:
    """MNIST: 60,000 + 10,000 handwritten digits of 28 × 28 pixels, from IDX files in `$ANTIVENOM_DATA/mnist`.

    The four files have their published names, such as `train-images-idx3-ubyte`, maybe with `.gz`.
    LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition* (1998).

    >>> [file.name for file in Mnist().files()][0].removesuffix(".gz")
    'train-images-idx3-ubyte'
    """

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits.

        Raises:
            MissingDataError: the files do not exist.
            DataError: a file is damaged.
        """
        return idx.read_splits(data_home() / "mnist", tuple("0123456789"))

    def files(self) -> tuple[Path, ...]:
        """The four IDX files."""
        return idx.files_in(data_home() / "mnist")
