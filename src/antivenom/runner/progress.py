"""Progress of a run: a bar in a terminal or a notebook, lines elsewhere, or nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Protocol, runtime_checkable

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from antivenom.runner.events import (
    CellFailed,
    CellFinished,
    CellStarted,
    CellWaiting,
    Damaged,
    Event,
    Finished,
    FolderTaken,
    OnEvent,
    Planned,
    Read,
    Started,
    Trained,
    Waiting,
)
from antivenom.terminal import Terminal, printable

ProgressOption = Literal["auto", "bar", "lines"] | bool
SECONDS_BETWEEN_LINES = 10.0


@runtime_checkable
class Display(Protocol):
    """Shows the events of a run. It is used as a context manager."""

    def on_event(self, event: Event) -> None:
        """Show an event."""

    def note(self, text: str) -> None:
        """Show a text about the current work."""

    def __enter__(self) -> "Display": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Clock:
    """Counts finished trainings, and estimates how long the rest will take.

    The estimate uses only trainings that were computed, because reading one from the store takes no time.
    """

    def __init__(self) -> None:
        self.total, self.done, self._began, self._computed = 0, 0, time.monotonic(), 0
        self._failed = 0

    def plan(self, event: Planned) -> None:
        """Take the number of trainings from a plan."""
        self.total = event.trainings
        self._began = time.monotonic()

    def finish(self, event: Finished) -> None:
        """Count a finished training."""
        self.done += 1
        self._computed += not event.stored

    def fail(self) -> None:
        """Count a cell that failed."""
        self._failed += 1

    def failures(self) -> str:
        """Return the number of cells that failed, as the start of a line; empty if none has."""
        return f"{self._failed} failed, " if self._failed else ""

    def left(self) -> str:
        """Return the remaining time in words; empty if it cannot be estimated yet."""
        if not self._computed or self.done >= self.total:
            return ""
        seconds = (time.monotonic() - self._began) / self._computed * (self.total - self.done)
        return f"about {format_duration(seconds)} left"


class Bar:
    """A progress bar with the finished trainings, the remaining time and the current work."""

    def __init__(self, console: Terminal) -> None:
        self._console, self._clock = console, Clock()
        self._progress = Progress(
            SpinnerColumn("line" if console.options.ascii_only else "dots"),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("trainings"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("reading the data", total=None, left="")

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_event(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Planned):
            for line in format_plan(event):
                self._console.print(line)
            self._clock.plan(event)
            self._progress.update(self._task, total=self._clock.total)
        elif isinstance(event, Finished):
            if event.stage.startswith("fit"):
                self._clock.finish(event)
                self._progress.update(self._task, completed=self._clock.done, left=self._clock.left())
        elif isinstance(event, Damaged):
            self._console.print(format_damage(event))
        elif isinstance(event, CellFailed):
            self._clock.fail()
            self._console.print(format_failure(event))
        elif isinstance(event, CellWaiting | FolderTaken):
            self._console.print(format_wait(event))
        elif isinstance(event, Started | Read | Trained | Waiting):
            self.note(f"{self._clock.failures()}{format_event(event)}")

    def note(self, text: str) -> None:
        """Show a text about the current work."""
        self._progress.update(self._task, description=printable(text, self._console.encoding))


class Lines:
    """A line from time to time, for output that goes to a file or a pipe."""

    def __init__(self, console: Terminal) -> None:
        self._console, self._clock, self._last = console, Clock(), 0.0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def on_event(self, event: Event) -> None:
        """Write a line for the plan, and then at most one line every ten seconds."""
        if isinstance(event, Planned):
            self._clock.plan(event)
            for line in format_plan(event):
                self.note(line)
        elif isinstance(event, Finished):
            if event.stage.startswith("fit"):
                self._clock.finish(event)
        elif isinstance(event, Damaged):
            self.note(format_damage(event))
        elif isinstance(event, CellFailed):
            self._clock.fail()
            self.note(format_failure(event))
        elif isinstance(event, CellWaiting | FolderTaken):
            self.note(format_wait(event))
        elif isinstance(event, CellStarted | CellFinished):
            return
        elif time.monotonic() - self._last >= SECONDS_BETWEEN_LINES and self._clock.total:
            left = self._clock.left()
            counted = f"{self._clock.failures()}{self._clock.done} of {self._clock.total} trainings"
            self.note(f"{counted}: {format_event(event)}" + (f"; {left}" if left else ""))

    def note(self, text: str) -> None:
        """Write a line."""
        self._last = time.monotonic()
        self._console.print(text, soft_wrap=True)


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> "Quiet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def on_event(self, event: Event) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


@contextmanager
def progress_for(option: ProgressOption, on_event: OnEvent | None) -> Iterator[OnEvent]:
    """Yield the function that a run calls with every event. It shows the event and passes it to `on_event`."""
    with display_for(option) as display:

        def show_and_pass_on(event: Event) -> None:
            display.on_event(event)
            if on_event is not None:
                on_event(event)

        yield show_and_pass_on


def display_for(option: ProgressOption, console: Terminal | None = None) -> Display:
    """Return the display for an option. `auto` is a bar in a terminal or a notebook, and lines elsewhere."""
    if option is False:
        return Quiet()
    console = console or Terminal(stderr=True)
    is_bar = option == "bar" or (option in ("auto", True) and (console.is_interactive or console.is_jupyter))
    return Bar(console) if is_bar else Lines(console)


def format_assumption(sentence: str) -> str:
    """Return an assumption as one line of text.

    >>> format_assumption("The last column contains the labels.")
    'Assumed: The last column contains the labels.'
    """
    return f"Assumed: {sentence}"


def format_plan(event: Planned) -> list[str]:
    """Return the assumptions of a run, and the number of its trainings. Some may be in the store already.

    >>> format_plan(Planned(("",), victims=1, controls=1))
    ['2 trainings: 1 victim and 1 control.']
    """
    counts = {
        "victim": event.victims,
        "control": event.controls,
        "surrogate": event.surrogates,
        "defender model": event.defenders,
        "warm-up": event.warm_ups,
    }
    named = [f"{count} {who}{'' if count == 1 else 's'}" for who, count in counts.items() if count]
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else "".join(named)
    cells = f"{len(event.cells)} cells, " if len(event.cells) > 1 or event.kept else ""
    kept = f" {event.kept} cells are finished already." if event.kept else ""
    if not event.cells:
        return [*map(format_assumption, event.assumptions), f"Nothing is left to run.{kept}"]
    count = f"{'at most ' if cells else 'At most '}{event.trainings}" if event.at_most else str(event.trainings)
    return [*map(format_assumption, event.assumptions), f"{cells}{count} trainings: {listed}.{kept}"]


def format_damage(event: Damaged) -> str:
    """Return one line about a damaged stage.

    >>> format_damage(Damaged("", 0, "fit victim", "its checksum differs."))
    'The stage `fit victim` in the store was damaged and is computed again: its checksum differs.'
    """
    place = f"{event.cell} " * bool(event.cell)
    return f"{place}The stage `{event.stage}` in the store was damaged and is computed again: {event.reason}"


def format_failure(event: CellFailed) -> str:
    """Return one line about a cell that failed.

    >>> format_failure(CellFailed("3-mlp", "DataError", "a.npz is missing.", ""))
    '3-mlp failed: DataError: a.npz is missing. The other cells go on.'
    """
    when, then = ("earlier", "--retry-failed runs it again.") if event.kept else ("", "The other cells go on.")
    return f"{event.cell} failed{' ' * event.kept}{when}: {event.error}: {event.message} {then}"


def format_wait(event: CellWaiting | FolderTaken) -> str:
    """Return one line about a cell that no machine of a cluster can run, or about a folder that another run uses.

    >>> format_wait(CellWaiting("3-mlp", "8 cores and 1 GPU"))
    '3-mlp waits for a machine with 8 cores and 1 GPU. The cluster has none.'
    """
    if isinstance(event, FolderTaken):
        return f"{event.owner} writes to {event.address}. This run waits until it ends."
    return f"{event.cell} waits for a machine with {event.needs}. The cluster has none."


def format_event(event: Started | Read | Trained | Waiting) -> str:
    """Return an event as one line of text."""
    if isinstance(event, Read):
        return f"reading the data, {event.done} of {event.of} rows"
    place = f"{event.cell} " * bool(event.cell) + f"repeat {event.repeat + 1}: {event.stage}"
    if isinstance(event, Started):
        return place
    if isinstance(event, Waiting):
        return f"{place}, waiting for {event.owner}, which computes it"
    return f"{place}, epoch {event.epoch.number}/{event.epoch.of}, loss {event.epoch.loss:.3f}"


def format_duration(seconds: float) -> str:
    """Return a time in seconds, minutes or hours.

    >>> format_duration(42), format_duration(600), format_duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
