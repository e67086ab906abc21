"""The growth of a process's memory while it reads one input."""

import contextlib
import os
import resource
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")

SLACK = 64 << 20
"""The peak of memory is started again only if it is this many bytes above the memory in use: to start it is slow."""


def used() -> int:
    """Return the resident memory, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def address_space() -> int:
    """Return the size of the address space, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * PAGE


def peak() -> int:
    """Return the largest resident memory since the peak was started again, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class Growth:
    """Measures by how much an input makes the memory grow, at its peak."""

    def __init__(self) -> None:
        self.before, self.peak_before = used(), peak()
        if self.peak_before > self.before + SLACK:
            with contextlib.suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
            self.peak_before = peak()

    def bytes(self) -> int:
        """Return the growth. It is 0 below the peak that other inputs have left, which is at most `SLACK` above."""
        now = peak()
        return now - self.before if now > self.peak_before else 0
