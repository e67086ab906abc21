"""Running hostile inputs in child processes, which watch time, memory, writes and imports."""

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from antivenom.errors import AntivenomError
from benchmarks.hostile.growth import Growth, address_space, used
from benchmarks.hostile.watchdog import Watchdog

SECONDS = 10
"""The longest time of one input, in seconds."""

MEMORY = 500 << 20
"""The largest growth of memory of one input, in bytes."""

BATCH = 5000
"""The number of inputs of one child process."""

LEAKED = 1 << 30
"""A child process ends early if its memory has grown by this number of bytes over all of its inputs."""

MARKER = "hostile_marker"
"""A module that hostile files name. It must never be imported."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.mkdir": 0,
    "os.remove": 0,
    "os.rmdir": 0,
    "os.rename": 1,
    "os.symlink": 1,
    "os.link": 1,
    "os.truncate": 0,
}
RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pty.spawn")

Attempt = Callable[[int, Path], str]
"""Makes the input of a number in a folder, gives it to antivenom, and returns the outcome in a word."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one input: `read`, `refused`, or the kind of fault with its details.

    Attributes:
        number: the number of the input.
        result: the outcome in a word.
        details: the place of a fault.
        seconds: the time that it took, by the clock.
        grown: the memory that it took, in bytes.
    """

    number: int
    result: str
    details: str = ""
    seconds: float = 0.0
    grown: int = 0


@dataclass
class Audit:
    """The writes, programs and imports that a child process must not start.

    Attributes:
        folder: the folder that may be written to.
        faults: the faults of the current input.
        on: whether the hook watches.
    """

    folder: str = ""
    faults: list[str] = field(default_factory=list)
    on: bool = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record writes outside of the folder, imports of the marker, and new programs."""
        if not self.on:
            return
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and (flags & WRITES or set("wax+") & set(mode or "")):
                self._written(path)
        elif event in CHANGES and arguments[-1] in (-1, None):  # otherwise the path is relative to an open folder
            self._written(arguments[CHANGES[event]])
        elif event in RUNS:
            self.faults.append(f"it starts a program: {arguments[0]!r}")
        elif event == "import" and str(arguments[0]).partition(".")[0] == MARKER:
            self.faults.append("it imports named code without permission")

    def _written(self, path: Any) -> None:
        if isinstance(path, int):
            return
        file = os.fsdecode(path)
        real = os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))  # noqa: PTH118, PTH119, PTH120
        allowed = (f"{self.folder}/", f"{tempfile.tempdir}/", "/dev/null")
        if not real.startswith(allowed) and real != self.folder:
            self.faults.append(f"it writes outside of its folder: {real!r}")


AUDIT = Audit()


def run(attempt: Attempt, first: int, count: int, root: Path, seconds: float) -> Iterator[Outcome]:
    """Yield the outcome of each input from `first` to `count`, until `seconds` are over.

    Batches run in child processes.
    """
    end, number = time.monotonic() + seconds, first
    while number < count and time.monotonic() < end:
        last = min(number + BATCH, count)
        for outcome in _batch(attempt, number, last, root, end):
            number = outcome.number + 1
            yield outcome


def _batch(attempt: Attempt, first: int, last: int, root: Path, end: float) -> Iterator[Outcome]:
    """Yield the outcomes of one child process. If it dies, the last outcome is a fault."""
    reading, writing = os.pipe()
    log = root / "log"
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(reading)
        _child(attempt, range(first, last), root, writing, log, end)
    os.close(writing)
    done, started = first - 1, first
    try:
        with os.fdopen(reading, encoding="utf-8") as lines:
            for line in lines:
                content = json.loads(line)
                if isinstance(content, int):
                    started = content
                else:
                    done = content[0]
                    yield Outcome(*content)
    except BaseException:  # the benchmark is stopped: nothing may write to the folder any more
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) and started > done:
        places = log.read_text(errors="replace")
        kind = "hangs" if places else "ends the process"
        reason = f"exit {os.waitstatus_to_exitcode(status)}\n{places[:3000]}"
        yield Outcome(started, kind, reason)


def _child(attempt: Attempt, numbers: range, root: Path, writing: int, log: Path, end: float) -> None:
    """Run the inputs with these numbers, and end the process."""
    try:
        with log.open("w") as logged, os.fdopen(writing, "w", encoding="utf-8") as sink:
            _prepare(root)
            watchdog = Watchdog(logged, SECONDS)
            limit = used() + LEAKED
            for number in numbers:
                if time.monotonic() > end or used() > limit:
                    break
                print(number, file=sink, flush=True)
                watchdog.start()
                outcome = _watched(attempt, number, root)
                watchdog.stop()
                print(json.dumps(astuple(outcome)), file=sink, flush=True)
        os._exit(0)
    finally:
        os._exit(3)  # the parent has ended


def _prepare(root: Path) -> None:
    """Take the output, the memory and the signals from a child process, and watch it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    limit = address_space() + (4 << 30)  # the machine is protected; the growth is measured
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    tempfile.tempdir = str(root / "temporary")
    sys.addaudithook(AUDIT.hook)


def _watched(attempt: Attempt, number: int, root: Path) -> Outcome:
    """Try one input, and compare time, memory and writes with the limits."""
    folder = root / "input"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    AUDIT.folder, AUDIT.faults = str(folder.resolve()), []
    growth, began = Growth(), time.monotonic()
    try:
        result, details = attempt(number, folder), ""
    except AntivenomError:
        result, details = "refused", ""
    except BaseException:  # noqa: BLE001 - a traceback is what the benchmark looks for
        result, details = "traceback", traceback.format_exc(limit=-6)
    finally:
        AUDIT.on = False
    took, grown = round(time.monotonic() - began, 3), growth.bytes()
    if AUDIT.faults:
        result, details = "breaks out", "\n".join(AUDIT.faults[:3])
    elif grown > MEMORY and result != "traceback":
        result, details = "fills memory", f"{grown >> 20} MiB"
    return Outcome(number, result, details, took, grown)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Watch the writes and imports of the block: it has only antivenom's own work, not the making of the input."""
    AUDIT.on = True
    try:
        yield
    finally:
        AUDIT.on = False
