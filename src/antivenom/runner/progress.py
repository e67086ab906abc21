"""Progress of a run: a bar in a terminal and a notebook, lines elsewhere, nothing on request."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from antivenom.runner.events import Event, Finished, OnEvent, Planned, Read, Started, Trained

ProgressOption = Literal["auto", "bar", "lines"] | bool
SECONDS_BETWEEN_LINES = 10.0


@runtime_checkable
class Display(Protocol):
    """Shows the events of a run. Used as a context."""

    def on_event(self, event: Event) -> None:
        """Show an event."""

    def note(self, text: str) -> None:
        """Show what is being done."""

    def __enter__(self) -> "Display": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Clock:
    """How much of the planned work is done, and how long the rest will take.

    A training that was found in the store counts as planned work that took no time: the estimate is from those that
    were computed.
    """

    def __init__(self) -> None:
        self.total, self.done, self._began, self._computed = 0, 0, time.monotonic(), 0

    def plan(self, event: Planned) -> None:
        """Take the number of trainings from a plan."""
        self.total = event.trainings
        self._began = time.monotonic()

    def finish(self, event: Finished) -> None:
        """Count a training that is done."""
        self.done += 1
        self._computed += not event.stored

    def left(self) -> str:
        """The time left in words; empty where it cannot be estimated."""
        if not self._computed or self.done >= self.total:
            return ""
        seconds = (time.monotonic() - self._began) / self._computed * (self.total - self.done)
        return f"about {in_words(seconds)} left"


class Bar:
    """A bar of trainings done, the time left, and what is being done now."""

    def __init__(self, console: Console) -> None:
        self._console, self._clock = console, Clock()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
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
            self._console.print(plan_in_words(event), highlight=False)
            self._clock.plan(event)
            self._progress.update(self._task, total=self._clock.total)
        elif isinstance(event, Finished):
            if event.stage.startswith("fit"):
                self._clock.finish(event)
                self._progress.update(self._task, completed=self._clock.done, left=self._clock.left())
        else:
            self.note(in_a_line(event))

    def note(self, text: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=text)


class Lines:
    """A line now and then, for output that goes to a file or a pipe."""

    def __init__(self, console: Console) -> None:
        self._console, self._clock, self._last = console, Clock(), 0.0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def on_event(self, event: Event) -> None:
        """Write a line for the plan, and at most one every ten seconds for the rest."""
        if isinstance(event, Planned):
            self._clock.plan(event)
            self.note(plan_in_words(event))
        elif isinstance(event, Finished):
            if event.stage.startswith("fit"):
                self._clock.finish(event)
        elif time.monotonic() - self._last >= SECONDS_BETWEEN_LINES and self._clock.total:
            left = self._clock.left()
            counted = f"{self._clock.done} of {self._clock.total} trainings"
            self.note(f"{counted}: {in_a_line(event)}" + (f"; {left}" if left else ""))

    def note(self, text: str) -> None:
        """Write a line."""
        self._last = time.monotonic()
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


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
    """What a run calls for every event: shows it as wanted, and passes it on."""
    with display_for(option) as display:

        def both(event: Event) -> None:
            display.on_event(event)
            if on_event is not None:
                on_event(event)

        yield both


def display_for(option: ProgressOption, console: Console | None = None) -> Display:
    """A bar in a terminal or a notebook, lines elsewhere; or what is asked for."""
    if option is False:
        return Quiet()
    console = console or Console(stderr=True)
    is_bar = option == "bar" or (option in ("auto", True) and (console.is_terminal or console.is_jupyter))
    return Bar(console) if is_bar else Lines(console)


def plan_in_words(event: Planned) -> str:
    """How many trainings a run has, of which a store saves those that it has.

    >>> plan_in_words(Planned(("",), victims=1, controls=1))
    '2 trainings: 1 victim and 1 control.'
    """
    counts = {
        "victim": event.victims,
        "control": event.controls,
        "surrogate": event.surrogates,
        "defender's own model": event.defenders,
        "warm-up": event.warm_ups,
    }
    named = [f"{count} {who}{'' if count == 1 else 's'}" for who, count in counts.items() if count]
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    cells = f"{len(event.cells)} cells, " if len(event.cells) > 1 else ""
    return f"{cells}{event.trainings} trainings: {listed}."


def in_a_line(event: Started | Read | Trained) -> str:
    """What is being done, in a line."""
    if isinstance(event, Read):
        return f"reading the data, {event.done} of {event.of} rows"
    place = f"{event.cell} " * bool(event.cell) + f"repeat {event.repeat + 1}: {event.stage}"
    if isinstance(event, Started):
        return place
    return f"{place}, epoch {event.epoch.number}/{event.epoch.of}, loss {event.epoch.loss:.3f}"


def in_words(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> in_words(42), in_words(600), in_words(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
