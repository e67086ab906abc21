"""A run's charts as files: `charts.json` contains structure and text, `charts.npz` the arrays."""

from collections.abc import Mapping
from pathlib import Path

from antivenom.charts import Chart
from antivenom.charts.packing import pack, unpack
from antivenom.data.formats import npz
from antivenom.errors import DataError, RunError
from antivenom.storage.files import read_json, write_arrays, write_json

STRUCTURE, ARRAYS = "charts.json", "charts.npz"
MAX_ARRAY_BYTES = 1 << 30


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
        return unpack(content, npz.read(folder / ARRAYS, names, most_bytes=MAX_ARRAY_BYTES))
    except DataError as error:
        raise RunError(f"The charts of {folder} cannot be read: {error}") from error
