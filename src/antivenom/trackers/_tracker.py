"""The contract of trackers."""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import yaml
from PIL import Image

from antivenom.charts import Chart, Images, Table

OTHER = re.compile(r"[^A-Za-z0-9_.\- ]+")


@runtime_checkable
class RunLog(Protocol):
    """The log of one run, or of one cell of a sweep."""

    def log_loss(self, stage: str, repeat: int, epoch: int, loss: float) -> None:
        """Log the mean loss of an epoch.

        Args:
            stage: the training, such as `fit victim`.
            repeat: the number of the repeat, from 0.
            epoch: the number of the epoch, from 1.
            loss: the mean loss; it may be infinite or NaN.
        """

    def log_result(self, metrics: Mapping[str, Mapping[str, Any]], charts: Mapping[str, Chart]) -> None:
        """Log the figures with the ends of their intervals, in the form of `metrics.json`, and the charts."""

    def close(self, failed: bool) -> None:
        """End the log. It is called once, also after an error of the run."""


@runtime_checkable
class Tracker(Protocol):
    """A program that runs report to: a component, such as `TensorBoard`.

    A tracker declares the packages that it imports, such as `{"umap": "umap-learn"}`: the name in Python
    and the name for pip. A run that asks for it without these packages is refused before anything is trained. Its
    methods import them, so that `antivenom list` needs none of them.
    """

    packages: ClassVar[Mapping[str, str]]

    def track(self, name: str, spec: Mapping[str, Any]) -> RunLog:
        """Begin the log of a run.

        Args:
            name: the name of the run, and of the cell of a sweep after a slash.
            spec: the settings, with every default written out.
        """


def values_of(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the numbers to log: `KEY`, and `KEY.low` and `KEY.high` for the interval. A figure may have no value.

    Characters of a key other than letters, digits and `_.- ` become underscores.

    >>> values_of({"attack.rate": {"mean": 0.5, "low": 0.4, "high": None}})
    {'attack.rate': 0.5, 'attack.rate.low': 0.4}
    >>> list(values_of({"repair.pruning(rank=effect).clean_accuracy": {"mean": 0.5, "low": None, "high": None}}))
    ['repair.pruning_rank_effect_.clean_accuracy']
    """
    parts = (("", "mean"), (".low", "low"), (".high", "high"))
    return {
        f"{plain_key(key)}{end}": float(entry[part])
        for key, entry in metrics.items()
        for end, part in parts
        if entry[part] is not None
    }


def spec_text(spec: Mapping[str, Any]) -> str:
    """Return a spec in YAML, in the order of its settings."""
    return yaml.safe_dump(dict(spec), sort_keys=False, allow_unicode=True)


def plain_key(key: str) -> str:
    """Return a key with letters, digits and `_.- ` only. All trackers accept these."""
    return OTHER.sub("_", key)


def pictures_of(charts: Mapping[str, Chart]) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name and the picture, in RGB, of each chart that is drawn: all but tables and small images."""
    for key, chart in charts.items():
        if not isinstance(chart, Table | Images):
            with Image.open(io.BytesIO(chart.to_png())) as picture:
                yield plain_key(key), picture.convert("RGB")


def loss_key(stage: str, repeat: int) -> str:
    """Return the name of a loss.

    >>> loss_key("fit victim", 0)
    'loss.victim.repeat_1'
    """
    return f"loss.{plain_key(stage.removeprefix('fit '))}.repeat_{repeat + 1}"
