"""Sources of data sets, one per file. The name of the file is the name of the source.

`load("mnist")` reads a named data set with its default settings. `Npz(path="mine.npz").load()` sets them.
"""

from antivenom.data.dataset import Splits
from antivenom.data.source import Source
from antivenom.registry import find, lazily

__getattr__, __dir__ = lazily("datasets")


def load(name: str) -> Splits:
    """Load a named data set with its default settings.

    Args:
        name: `digits`, `mnist`, …; `antivenom list datasets` shows all.

    Raises:
        UnknownComponentError: no data set has that name.
        MissingDataError: its files are not in `$ANTIVENOM_DATA`.

    >>> load("digits").train.x.shape
    torch.Size([1347, 1, 8, 8])
    """
    source: Source = find("datasets", name)()
    return source.load()
