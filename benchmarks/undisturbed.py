"""The run that `benchmarks.survival` disturbs, and the comparison with an undisturbed one."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.commands import Done, Running, command

SPEC = """
name: survival
dataset: digits
model: {name: mlp, hidden: [32]}
attack: {name: badnets, target: 7}
training: {name: end_to_end, epochs: 3}
repeats: 2
grid: {attack.rate: [0.05, 0.1, 0.2]}
"""

DIFFERENT = ("manifest.json", "report.html", "status.json", "costs.csv")
"""The files that contain times, so that they differ between two runs."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """The folders of one trial: the working directory with the spec, the run's folder and the store."""

    at: Path
    out: Path
    store: Path

    def run(self, workers: bool = False, file_bytes: int | None = None) -> Running:
        """Start the run."""
        more = ("--workers", "2") if workers else ()
        where = ("run", "spec.yaml", "--out", str(self.out))
        return command(*where, *more, at=self.at, store=self.store, file_bytes=file_bytes)


@dataclass(frozen=True)
class Reference:
    """An undisturbed run: its folders, its content, and its time in seconds alone and with two workers."""

    place: Place
    content: dict[str, bytes]
    seconds: tuple[float, float]

    def problems(self, done: Done, place: Place) -> list[str]:
        """Return what is wrong with the last run of a trial, one line each."""
        if done.status:
            return [f"status {done.status}: {done.err[-600:]}"]
        content = content_of(place.out)
        wrong = [f"{name} is missing" for name in self.content.keys() - content.keys()]
        wrong += [f"{name} was left" for name in content.keys() - self.content.keys()]
        wrong += [
            f"{name} differs" for name in self.content if content.get(name, self.content[name]) != self.content[name]
        ]
        left = [*place.out.rglob(".*"), *place.store.rglob(".*")]
        return wrong + [f"{file} was left" for file in left]


def content_of(out: Path) -> dict[str, bytes]:
    """Return the content of a run's files by name. Those that contain times are empty."""
    files = {file.relative_to(out).as_posix(): file for file in out.rglob("*") if file.is_file()}
    return {name: b"" if file.name in DIFFERENT else file.read_bytes() for name, file in files.items()}


@contextmanager
def new_place(base: Path) -> Iterator[Place]:
    """Yield new folders, which are removed at the end."""
    with tempfile.TemporaryDirectory(dir=base) as folder:
        at = Path(folder)
        (at / "spec.yaml").write_text(SPEC)
        yield Place(at, at / "out", at / "store")


def reference(base: Path) -> Reference:
    """Run without any disturbance: with two workers, then alone."""
    times = []
    for name, workers in (("workers", True), ("alone", False)):
        at = base / name
        at.mkdir()
        (at / "spec.yaml").write_text(SPEC)
        place = Place(at, at / "out", at / "store")
        began = time.perf_counter()
        done = place.run(workers).wait()
        if done.status:
            raise SystemExit(done.err)
        times.append(time.perf_counter() - began)
    return Reference(place, content_of(place.out), (times[1], times[0]))
