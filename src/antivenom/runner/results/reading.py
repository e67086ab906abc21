"""Reading the JSON files of a run: figures, repeats and the manifest. All content is checked."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from antivenom.charts import Better, Unit, title_of
from antivenom.charts.typed import Reader, short
from antivenom.errors import DataError, RunError
from antivenom.storage.files import read_json

SENTENCES = ("doubts", "assumptions")
MAX_REPEATS = 100_000
MOST = 1 << 53
"""The largest whole number in a figure: a table has it exactly."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure over the repeats of a run, in the form of `metrics.json`.

    Args:
        name: lower-case words with underscores between them.
        component: the component that reports the figure: its kind, and its name if a run may have several of the kind.
        mean: the mean over the repeats; None if the figure does not apply.
        n: the number of repeats in the mean.
        low, high: the bounds of the 95 % interval; None for none.
        unit: the unit.
        better: whether a high or a low value is good for the model's owner.
        subject: the subject of the figure, such as a class, if several figures have the same name.
        control: whether the figure is about the control.
        headline: whether the figure belongs in a short summary.
        paired: whether the figure is the difference of victim and control.
        p_value: the p-value of a paired difference; None for other figures and with fewer than two repeats.
    """

    name: str
    component: str
    mean: float | None
    n: int
    low: float | None
    high: float | None
    unit: Unit
    better: Better | None = None
    subject: str = ""
    control: bool = False
    headline: bool = False
    paired: bool = False
    p_value: float | None = None

    @property
    def title(self) -> str:
        """The name in words."""
        return title_of(self.name)


def read_figures(folder: Path) -> dict[str, Measured]:
    """Return the figures of a run by key, in their order.

    Raises:
        RunError: the figures are missing or damaged.
    """
    file = folder / "metrics.json"
    return _measured(_entries(file), file)


def read_metrics(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of a run by key as mappings, with a value for every field of `Measured`.

    Raises:
        RunError: the figures are missing or damaged.
    """
    file = folder / "metrics.json"
    entries = _entries(file)
    _measured(entries, file)
    defaults = {each.name: each.default for each in fields(Measured) if each.default is not MISSING}
    return {
        key: {**entry, **{name: value for name, value in defaults.items() if name not in entry}}
        for key, entry in entries.items()
    }


def read_repeats(file: Path) -> list[dict[str, float | None]]:
    """Return the figures of each repeat by key, from `repeats.json`.

    Raises:
        RunError: the file is missing or damaged.
    """
    repeats = read_json(file)
    if not isinstance(repeats, list) or not all(isinstance(each, dict) for each in repeats):
        raise RunError(f"{file} must contain a list of figures by key; got {short(repeats)}.")
    if not 0 < len(repeats) <= MAX_REPEATS:
        raise RunError(f"{file} must contain 1 to {MAX_REPEATS:,} repeats; got {len(repeats):,}.")
    try:
        return [
            {key: Reader().read(value, float | None, f"{file}: {short(key)}") for key, value in each.items()}
            for each in repeats
        ]
    except DataError as error:
        raise RunError(str(error)) from error


def checked_about(about: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the content of a manifest. It has a `headline`, `doubts` and `assumptions`; the rest is not checked.

    Args:
        about: the content.
        file: the path of the manifest, for messages.

    Raises:
        RunError: one of these is missing, or is not text.
    """
    content = {"assumptions": [], **about}
    try:
        for name, hint in (("headline", str), *((name, tuple[str, ...]) for name in SENTENCES)):
            if name not in content:
                raise RunError(f"{file} requires the field {name!r}, which is missing.")
            Reader().read(content[name], hint, f"{file}: {name}")
    except DataError as error:
        raise RunError(str(error)) from error
    return content


def _entries(file: Path) -> dict[str, Any]:
    metrics = read_json(file)
    if not isinstance(metrics, dict) or not metrics:
        raise RunError(f"{file} must contain figures by key; got {short(metrics)}.")
    return metrics


def _measured(entries: Mapping[str, Any], file: Path) -> dict[str, Measured]:
    """Return the entries as figures. Entries may have more fields than a figure."""
    known, reader = {each.name for each in fields(Measured)}, Reader()
    try:
        measured = {
            key: reader.make(
                {name: value for name, value in entry.items() if name in known} if isinstance(entry, dict) else entry,
                Measured,
                f"{file}: {short(key)}",
            )
            for key, entry in entries.items()
        }
    except DataError as error:
        raise RunError(str(error)) from error
    for key, figure in measured.items():
        numbers = (figure.n, figure.mean, figure.low, figure.high, figure.p_value)
        if any(isinstance(each, int) and abs(each) > MOST for each in numbers):
            raise RunError(f"{file}: {short(key)} has a whole number beyond ±2^53; got {short(numbers)}.")
    return measured
