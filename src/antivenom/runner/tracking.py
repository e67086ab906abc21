"""Reporting to trackers: losses while models are trained, figures and charts when a run or a cell is finished."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from antivenom.calling import guarded
from antivenom.charts import Chart
from antivenom.errors import SettingsError
from antivenom.extras import missing_packages
from antivenom.registry import name_of
from antivenom.runner.events import CellFailed, CellFinished, Event, OnEvent, Trained
from antivenom.runner.results.reading import read_metrics
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe_fields
from antivenom.storage.chart_files import read_charts
from antivenom.trackers import RunLog, Tracker


class Tracking:
    """The logs of a run, or of the cells of a sweep. A log begins with the first event of its cell.

    Args:
        name: the name of the run.
        experiments: the experiments by cell; a run without a grid has one, with an empty name.
        trackers: trackers in addition to those of the experiments.
        folder: the folder of the cells of a sweep.

    Raises:
        SettingsError: a package of a tracker is not installed.
    """

    def __init__(
        self,
        name: str,
        experiments: Mapping[str, ExperimentSettings],
        trackers: Sequence[Tracker] = (),
        folder: Path | None = None,
    ) -> None:
        self._name, self._experiments, self._more, self._folder = name, experiments, tuple(trackers), folder
        self._logs: dict[str, list[tuple[Tracker, RunLog]]] = {}
        every = [each for experiment in experiments.values() for each in self._trackers_of(experiment)]
        problems = (_lacking(tracker) for tracker in every)
        if sentences := dict.fromkeys(problem for problem in problems if problem):
            raise SettingsError(sentences)

    def on_event(self, event: Event) -> None:
        """Log an event, if it is the loss of an epoch or the end of a cell."""
        if isinstance(event, Trained):
            for tracker, log in self.begin(event.cell):
                guarded(log, RunLog.log_loss, None, owner=tracker)(
                    event.stage, event.repeat, event.epoch.number, float(event.epoch.loss)
                )
        elif isinstance(event, CellFinished) and not event.kept and self._folder is not None:
            if self._trackers_of(self._experiments[event.cell]):
                cell = self._folder / event.cell
                self.finish(event.cell, read_metrics(cell), read_charts(cell))
        elif isinstance(event, CellFailed):
            self._close(event.cell, failed=True)

    def begin(self, cell: str) -> list[tuple[Tracker, RunLog]]:
        """Return the logs of a cell. They begin at the first call."""
        if cell not in self._logs:
            experiment = self._experiments[cell]
            name, spec = f"{self._name}/{cell}" if cell else self._name, describe_fields(experiment)
            self._logs[cell] = []
            for tracker in self._trackers_of(experiment):
                self._logs[cell].append((tracker, guarded(tracker, Tracker.track, RunLog)(name, spec)))
        return self._logs[cell]

    def finish(self, cell: str, metrics: Mapping[str, Mapping[str, Any]], charts: Mapping[str, Chart]) -> None:
        """Log the figures and the charts of a cell, and end its logs."""
        for tracker, log in self.begin(cell):
            guarded(log, RunLog.log_result, None, owner=tracker)(metrics, charts)
        self._close(cell, failed=False)

    def close(self, *, failed: bool) -> None:
        """End all logs that are still open."""
        for cell in list(self._logs):
            self._close(cell, failed=failed)

    def _close(self, cell: str, *, failed: bool) -> None:
        for tracker, log in self._logs.pop(cell, []):
            guarded(log, RunLog.close, None, owner=tracker)(failed)

    def _trackers_of(self, experiment: ExperimentSettings) -> tuple[Tracker, ...]:
        return tuple(dict.fromkeys((*experiment.trackers, *self._more)))


@contextmanager
def tracking(
    name: str,
    experiments: Mapping[str, ExperimentSettings],
    trackers: Sequence[Tracker],
    on_event: OnEvent,
    folder: Path | None = None,
) -> Iterator[tuple[Tracking, OnEvent]]:
    """Yield the logs, and a function that logs every event and passes it on. The logs end with the block.

    The arguments are those of `Tracking`, and `on_event`, which is called with every event.

    Raises:
        SettingsError: a package of a tracker is not installed.
    """
    logs = Tracking(name, experiments, trackers, folder)

    def log_and_pass_on(event: Event) -> None:
        on_event(event)
        logs.on_event(event)

    try:
        yield logs, log_and_pass_on
    except BaseException:
        logs.close(failed=True)
        raise
    logs.close(failed=False)


def _lacking(tracker: Tracker) -> str:
    """Return a sentence about the packages of a tracker that are not installed; empty text if it has all."""
    absent = [package for module, package in tracker.packages.items() if find_spec(module) is None]
    return missing_packages(f"The tracker '{name_of('trackers', type(tracker))}'", absent) if absent else ""
