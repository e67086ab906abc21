"""Checks of trackers."""

import contextlib
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from antivenom.charts import Evidence, Figure, Lines, Series
from antivenom.testing._toys import global_state_untouched
from antivenom.testing.register import check
from antivenom.trackers import RunLog, Tracker

SPEC: dict[str, Any] = {"name": "toy", "attack": {"name": "badnets", "rate": 0.1}, "repeats": 2, "train_rows": None}


@check
def tracker_names_its_packages(tracker: Tracker) -> None:
    """The tracker declares its packages as a mapping of names in Python to names for pip."""
    named = tracker.packages
    texts = [text for pair in named.items() for text in pair]
    assert all(isinstance(text, str) and text for text in texts), f"`packages` must map names to names; got {named!r}"


@check
def tracker_takes_a_run(tracker: Tracker) -> None:
    """The tracker takes losses, figures and charts of several runs, also after a failure. Needs its packages."""
    with _installed_in_a_folder(tracker) as installed, global_state_untouched():
        if not installed:
            return
        chart = Lines(name="line", series=(Series(x=np.arange(3.0), y=np.arange(3.0)),))
        charts = Evidence.of("attack", charts=[chart]).charts
        key = Figure(name="success_rate", value=0.5).key
        metrics: dict[str, dict[str, Any]] = {
            f"attack.{key}": {"mean": 0.5, "low": 0.4, "high": 0.6},
            "repair.pruning(rank=effect).clean_accuracy": {"mean": None, "low": None, "high": None},
        }
        logs = [tracker.track(name, SPEC) for name in ("toy", "toy/1-rate-0.1", "toy/2-rate-0.2")]
        assert all(isinstance(log, RunLog) for log in logs), f"track() must return a RunLog; got {logs[0]!r}"
        for log in logs[:2]:
            for epoch, loss in enumerate((0.7, float("inf"), float("nan")), 1):
                log.log_loss("fit victim", 0, epoch, loss)
            log.log_result(metrics, charts)
        for log in logs:
            log.close(failed=log is logs[-1])


@contextlib.contextmanager
def _installed_in_a_folder(tracker: Tracker) -> Iterator[bool]:
    """Yield whether all packages are installed, in a new working directory: the defaults write to it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield all(find_spec(name) is not None for name in tracker.packages)
