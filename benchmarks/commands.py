"""The `antivenom` command in forks of this process, which has loaded the libraries: for many short runs."""

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

import antivenom.report
import antivenom.runner  # noqa: F401 - loaded once, before all forks
from antivenom.cli import main

torch.set_num_threads(1)

LIMIT = 600.0
"""The time limit of a command, in seconds."""


@dataclass(frozen=True)
class Done:
    """An ended command: its status (negative for a signal), its output and its messages."""

    status: int
    out: str
    err: str

    @property
    def is_clear(self) -> bool:
        """True if it failed with one clear line: status 2, one line that starts with the cross, and no traceback."""
        lines = [line for line in self.err.splitlines() if line.startswith("✗ ")]
        return self.status == 2 and len(lines) == 1 and len(lines[0]) > 20 and "Traceback" not in self.err


@dataclass(frozen=True)
class Running:
    """A process that was started, as the leader of its own process group."""

    pid: int
    out: int
    err: int

    def kill(self, *, group: bool = True) -> None:
        """Kill the process, and its workers if `group`, as the system does when memory is short."""
        with suppress(ProcessLookupError):  # it has ended
            (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)

    def ended(self) -> bool:
        """Return whether the process has ended. It is not removed from the table of processes."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> Done:
        """Wait for the end of the process, and of all others that write to its output."""
        deadline = time.monotonic() + LIMIT
        while not self.ended():
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.01)
        out, err = (os.fdopen(each, "rb").read().decode(errors="replace") for each in (self.out, self.err))
        return Done(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), out, err)


def start(
    call: Callable[[], object], *, at: Path, environment: Mapping[str, str] | None = None, file_bytes: int | None = None
) -> Running:
    """Call a function in a new process.

    Args:
        call: the function.
        at: the working directory of the process.
        environment: variables to set in addition.
        file_bytes: the largest possible size of a file in bytes, as if the disk were full then.
    """
    sys.stdout.flush()
    out, err = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        for number, name in ((1, out[1]), (2, err[1])):
            os.dup2(name, number)
        for each in (*out, *err):
            os.close(each)
        sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115 - open until the process ends
        os._exit(_call(call, at, environment or {}, file_bytes))
    os.close(out[1])
    os.close(err[1])
    return Running(child, out[0], err[0])


def command(
    *arguments: str, at: Path, store: Path, file_bytes: int | None = None, environment: Mapping[str, str] | None = None
) -> Running:
    """Start `antivenom` with arguments, in a working directory and with a store."""

    def call() -> None:
        sys.argv[:] = ["antivenom", *arguments]
        main()

    places = {"ANTIVENOM_STORE": str(store), "COLUMNS": "200", **(environment or {})}
    return start(call, at=at, environment=places, file_bytes=file_bytes)


def _call(call: Callable[[], object], at: Path, environment: Mapping[str, str], file_bytes: int | None) -> int:
    os.chdir(at)
    os.environ.update(environment)
    sys.modules["__main__"] = ModuleType("__main__")  # workers do not load the benchmark
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    code = 0
    try:
        call()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as Python does at the end of a script
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code
