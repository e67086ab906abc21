"""A run's charts as files: `charts.json` contains structure and text, `charts.npz` the arrays."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.charts import Chart
from antivenom.charts.packing import pack, unpack
from antivenom.data.formats import npz
from antivenom.errors import DataError, RunError
from antivenom.storage.files import read_json, write_arrays, write_json

IMAGE_AXES = 3
STRUCTURE, ARRAYS = "charts.json", "charts.npz"
MAX_ARRAY_BYTES = 256 << 20
"""The largest size of the arrays of all charts, in bytes."""

MAX_CONVERTED_BYTES = 64 << 20
"""The most memory for arrays that become float64, in bytes. The charts of a run are written as float64 already."""


def write_charts(folder: Path, charts: Mapping[str, Chart]) -> None:
    """Write charts to a folder, in their order.

    Args:
        folder: the folder of a run.
        charts: the charts by key, such as `scan.neural_cleanse.norms`.

    Raises:
        DataError: a chart contains a value that its type does not allow.

    >>> import tempfile
    >>> from antivenom.charts import Table
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_charts(folder, {"model.note": Table(name="note", columns=("a",), rows=(("1",),))})
    >>> read_charts(folder)["model.note"].rows
    (('1',),)
    """
    content, arrays = pack(charts)
    write_arrays(folder / ARRAYS, arrays)
    write_json(folder / STRUCTURE, content)


def read_charts(folder: Path) -> dict[str, Chart]:
    """Return the charts of a folder, by key. All content of the files is checked.

    Raises:
        RunError: a file is missing, damaged or too large, or contains something that is not a chart.
    """
    structure = folder / STRUCTURE
    try:
        content = read_json(structure)
        names = npz.names(folder / ARRAYS)
        arrays = npz.read(folder / ARRAYS, names, most_bytes=MAX_ARRAY_BYTES)
        size = _converted_bytes(arrays.values())
        if size > MAX_CONVERTED_BYTES:
            raise DataError(
                f"arrays of other types must have at most {MAX_CONVERTED_BYTES:,} bytes as float64; got {size:,}."
            )
        return unpack(content, arrays)
    except DataError as error:
        raise RunError(f"The charts of {folder} cannot be read: {error}") from error


def _converted_bytes(arrays: Collection[NDArray[Any]]) -> int:
    """Return the bytes that are needed at once when arrays become float64. Pictures are converted one by one."""
    others = [array for array in arrays if array.dtype != np.float64]
    pictures = [array.size for array in others if array.ndim == IMAGE_AXES and array.dtype != np.uint8]
    return 8 * (sum(array.size for array in others if array.ndim != IMAGE_AXES) + max(pictures, default=0))
