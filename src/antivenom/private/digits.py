"""The file of scikit-learn's digits, read without scikit-learn: its import takes longer than many small runs."""

import gzip
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.files.opening import is_file, read_bytes

FILE = Path("datasets", "data", "digits.csv.gz")
"""The file in the folder of scikit-learn: one line a row, 64 grey levels from 0 to 16 and the class."""


def digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the images (1797, 8, 8) with values from 0 to 16 and their classes (1797), as `load_digits` does.

    A version of scikit-learn that has another file is asked for them instead.

    >>> images, classes = digits()
    >>> images.shape, int(images.max()), int(classes.max())
    ((1797, 8, 8), 16, 9)
    """
    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or ()) if package else ():
        file = Path(folder) / FILE
        if is_file(file):
            rows = np.loadtxt(BytesIO(gzip.decompress(read_bytes(file))), delimiter=",")
            return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(int)
    from sklearn.datasets import load_digits  # noqa: PLC0415 - see above

    bunch = load_digits()
    return bunch.images, bunch.target
