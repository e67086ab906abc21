"""Your own arrays, in an .npz file."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Interval
from numpy.typing import NDArray

from antivenom.data.arrays import Channels
from antivenom.data.class_order import shown_values
from antivenom.data.dataset import Dataset, Splits
from antivenom.data.formats import npz
from antivenom.data.progress import OnProgress, no_op
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.trial import Trial

_NAMES = {
    "x": ("x", "X", "x_train", "X_train"),
    "y": ("y", "Y", "y_train", "Y_train"),
    "x_test": ("x_test", "X_test"),
    "y_test": ("y_test", "Y_test"),
    "classes": ("classes", "Classes"),
}
"""The arrays that are read, with the names that they may have in a file; the first that occurs is read."""

_REQUIRED = ("x", "y")


@component
class Npz:
    """Your own arrays: `x` and `y`, and optionally `x_test` and `y_test`.

    Images may be (n, h, w), (n, c, h, w) or (n, h, w, c). uint8 stays uint8, and all other numbers become float32.
    Labels are whole numbers, text, or one-hot rows. An optional array `classes` contains the names of all classes as
    text. Arrays of Python objects are refused. `X` and `Y`, and `x_train` and `y_train`, are accepted too.

    Args:
        path: the file. A relative path starts at the current folder.
        test_share: the share of the rows for testing, in (0, 1), if the file has no `x_test`.
        bounds: the smallest and largest possible value of a number in `x`; uint8 is scaled to them. (0, 1) for uint8 if
            omitted.
        channels: the layout of images: `first`, `last` or `none`; if omitted, the axis of length 1, 3 or 4.

    Raises:
        DataError: on loading; the message names the file and the problem.

    >>> import numpy as np, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(file, x=np.zeros((8, 5, 5), np.uint8), y=np.arange(8) % 2)
    >>> len(Npz(path=str(file)).load().train)
    6
    """

    trial = Trial(settings={"path": "mine.npz"})

    path: str
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25
    bounds: tuple[float, float] | None = None
    channels: Channels | None = None

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits."""
        arrays, notes = _read(Path(self.path))
        try:
            return self._splits(arrays, notes)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file."""
        return (Path(self.path),)

    def _splits(self, arrays: dict[str, NDArray[Any]], notes: tuple[str, ...]) -> Splits:
        if ("x_test" in arrays) != ("y_test" in arrays):
            raise DataError("x_test and y_test must both exist or both be absent; got only one of them.")
        names = _names(arrays["classes"]) if "classes" in arrays else None
        pairs = [(arrays[f"x{part}"], arrays[f"y{part}"]) for part in ("", "_test") if f"x{part}" in arrays]
        sets = Dataset.several_from_arrays(
            pairs, classes=names, bounds=self.bounds, channels=self.channels, renumber=names is None
        )
        sets = [replace(data, assumptions=(*notes, *data.assumptions)) for data in sets]
        return (
            sets[0].split(self.test_share, Rng(0).child("npz"))
            if len(sets) == 1
            else Splits(train=sets[0], test=sets[1])
        )


def _read(file: Path) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return the arrays by their usual names, and sentences about other names and about arrays that are not used.

    Raises:
        DataError: an array is missing.
    """
    stored = npz.names(file)
    wanted = {name: next((each for each in others if each in stored), name) for name, others in _NAMES.items()}
    absent = [name for name in _REQUIRED if wanted[name] not in stored]
    if absent:
        example = stored[0] if stored else "images"
        raise DataError(
            f"{file} has no array {' and '.join(map(repr, absent))}. Its arrays are: {', '.join(stored) or 'nothing'}. "
            f"Save them with these names: a = np.load(FILE); np.savez(NEW_FILE, x=a[{example!r}], y=…)."
        )
    optional = [wanted[name] for name in _NAMES if name not in _REQUIRED]
    read = npz.read(file, [wanted[name] for name in _REQUIRED], optional)
    arrays = {name: read[one] for name, one in wanted.items() if one in read}
    renamed = [f"the array {wanted[name]} is read as {name}" for name in arrays if wanted[name] != name]
    notes = [f"{', and '.join(renamed).replace('the', 'The', 1)}."] if renamed else []
    unused = [name for name in stored if name not in read]
    if unused:
        notes.append(f"These arrays are not used: {shown_values(unused)}. Only {', '.join(read)} are read.")
    return arrays, tuple(notes)


def _names(array: NDArray[Any]) -> list[str]:
    """Return class names from an array of text (n)."""
    try:
        names = [str(name) for name in array.astype(str)]
        "".join(names).encode()
    except (TypeError, ValueError) as error:
        raise DataError(f"classes must be an array of text; got {array.dtype} of shape {array.shape}.") from error
    return names
