"""Killing a sweep again and again, and going on with it."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from antivenom.terminal import printable

KILLED_TOO_OFTEN = "The worker process died 3 times while it ran this cell"

SECONDS = 0.05
"""The time between two looks at the store."""


@dataclass
class Killed:
    """The state of a sweep that is killed and continued.

    Attributes:
        kills: what each kill ended: the driver or a worker.
        computed_twice: the entries of the store that were written a second time.
        runs: how often the sweep was started.
        given_up: how often a cell was given up because its worker was killed three times while it ran the cell.
    """

    kills: list[str] = field(default_factory=list)
    computed_twice: list[str] = field(default_factory=list)
    runs: int = 0
    given_up: int = 0


def kill_and_continue(spec: Path, out: Path, store: Path, options: list[str], delays: list[float], seed: int) -> Killed:
    """Run `antivenom sweep`, kill the driver or a worker after each delay, and go on until the sweep is finished.

    Args:
        spec: the file of the spec.
        out: the folder of the sweep.
        store: the folder of the store.
        options: further options of the command.
        delays: the seconds between two kills.
        seed: the seed of the choice of the process.

    Raises:
        AssertionError: the last run does not succeed.
    """
    state, dice, left, seen = Killed(), random.Random(seed), list(delays), dict[str, int]()
    while True:
        with tempfile.TemporaryFile("w+") as errors:  # a pipe would be full after some tracebacks of workers
            driver = _start(spec, out, store, options, errors)
            state.runs += 1
            _kill_until_end(driver, store, left, dice, seen, state)
            errors.seek(0)
            text = errors.read()
        if driver.returncode == 0:  # perhaps before the next kill
            return state
        if KILLED_TOO_OFTEN in text:  # by chance, while it ran the same cell: the option --retry-failed runs it again
            state.given_up += 1
        elif driver.returncode != -signal.SIGKILL:
            raise AssertionError(printable(text[-2000:], "ascii"))


def _kill_until_end(
    driver: "subprocess.Popen[bytes]",
    store: Path,
    left: list[float],
    dice: random.Random,
    seen: dict[str, int],
    state: Killed,
) -> None:
    """Kill the driver or a worker after each delay, until the driver has ended. Look at the store all the time."""
    next_kill = time.monotonic() + left[0] if left else float("inf")
    while driver.poll() is None:
        _look(store, seen, state)
        if time.monotonic() >= next_kill:
            workers = _children(driver.pid)
            victim = dice.choice(workers) if workers and dice.random() < 0.5 else driver.pid
            _kill(victim)
            state.kills.append("driver" if victim == driver.pid else "worker")
            left.pop(0)
            next_kill = time.monotonic() + left[0] if left else float("inf")
        time.sleep(SECONDS)
    _look(store, seen, state)


def _start(spec: Path, out: Path, store: Path, options: list[str], errors: IO[str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "antivenom", "sweep", str(spec), "--out", str(out), "--quiet", "--json", *options]
    return subprocess.Popen(
        command,
        env={**os.environ, "ANTIVENOM_STORE": str(store)},
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )


def _look(store: Path, seen: dict[str, int], state: Killed) -> None:
    """Find the entries of the store that were written again since they were first seen."""
    for file in store.glob("??/*.safetensors"):
        try:
            inode = file.stat().st_ino
        except FileNotFoundError:  # a cell that the driver has just taken
            continue
        if file.name.startswith("cell-"):
            continue
        if seen.setdefault(file.name, inode) != inode:
            state.computed_twice.append(file.name)
            seen[file.name] = inode


def _children(parent: int) -> list[int]:
    """The processes that compute below a process: workers of `Processes` or of Ray."""
    parents, commands = dict[int, int](), dict[int, str]()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            content = entry.read_text().rpartition(")")[2].split()
            commands[int(entry.parent.name)] = (entry.parent / "cmdline").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(entry.parent.name)] = int(content[1])
    below = {parent}
    while more := {process for process, above in parents.items() if above in below} - below:
        below |= more
    return sorted(each for each in below if "spawn_main" in commands.get(each, "") or "ray::" in commands.get(each, ""))


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return
