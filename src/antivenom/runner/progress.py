"""A run's progress on the terminal."""

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from antivenom.runner.events import Event, Finished, Planned, Read, Started, Trained


class Display:
    """A bar of trainings done, and what is being done now. Use as a context; give `tell` to a run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("trainings"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("reading the data", total=None)

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Planned(cells, victims, controls, surrogates, defenders, warm_ups):
                plural = f"{len(cells)} cells, " if len(cells) > 1 else ""
                counts = {
                    "victims": victims,
                    "controls": controls,
                    "surrogates": surrogates,
                    "defenders' own": defenders,
                    "warm-ups": warm_ups,
                }
                named = [f"{count} {who}" for who, count in counts.items() if count]
                whom = f"{', '.join(named[:-1])} and {named[-1]}"
                self._console.print(f"{plural}{sum(counts.values())} trainings at most: {whom}.", highlight=False)
                self._progress.update(self._task, total=2 * victims + surrogates + defenders + warm_ups)
            case Started(cell, repeat, stage):
                self.note(f"{cell} " * bool(cell) + f"repeat {repeat + 1}: {stage}")
            case Read(done=done, of=of):
                self.note(f"reading the data, {done} of {of} rows")
            case Trained(cell, repeat, stage, epoch):
                place = f"{cell} " * bool(cell) + f"repeat {repeat + 1}"
                self.note(f"{place}: {stage}, epoch {epoch.number}/{epoch.of}, loss {epoch.loss:.3f}")
            case Finished(stage=stage):
                if stage.startswith("fit"):
                    self._progress.advance(self._task)

    def note(self, text: str) -> None:
        """Say what is being done."""
        self._progress.update(self._task, description=text)
