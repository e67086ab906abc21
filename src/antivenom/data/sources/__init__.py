"""Where data sets come from: one source a file, found by its name.

`load("mnist")` reads a named data set; sources with settings are made by hand: `Npz(path="mine.npz").load()`.
"""

from antivenom.data.dataset import Source, Splits
from antivenom.registry import find, lazily

__getattr__, __dir__ = lazily("datasets")


def load(name: str) -> Splits:
    """Read a named data set with its default settings.

    Args:
        name: `digits`, `mnist`, …; `antivenom list datasets` shows all.

    Raises:
        UnknownComponentError: no data set has that name.
        MissingDataError: it is not below `$ANTIVENOM_DATA`.

    >>> load("digits").train.x.shape
    torch.Size([1347, 1, 8, 8])
    """
    source: Source = find("datasets", name)()
    return source.load()
