"""The contract of a place."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

OnWait = Callable[[str], object]
"""Called once with the owner of a lease, before this worker waits for it."""


class Place(Protocol):
    """Keeps files under names with one slash, such as `ab/fit-abcd.safetensors`.

    Every method raises a `RunError` that says what to do if the place cannot be reached or read, and a `WriteError`
    if it cannot be written to.
    """

    @property
    def address(self) -> str:
        """The path or the URL."""

    def where(self, name: str) -> str:
        """Return the path or the URL of a file, for messages."""

    def as_local_file(self, name: str) -> AbstractContextManager[Path | None]:
        """Yield a file on this machine with the content of a file, or None if it does not exist."""

    def publish(self, name: str, write: Callable[[Path], object]) -> None:
        """Call `write` with a path on this machine. What it writes becomes the file, whole or not at all."""

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""

    def remove(self, *names: str) -> None:
        """Remove files. Files that do not exist are left out."""

    def sizes(self) -> dict[str, int]:
        """Return the size of each finished stage in bytes, by name, in the order of names."""

    def require_usable(self) -> None:
        """Raise an error if the place is certainly wrong, without a request to another machine."""

    def require_writable(self) -> None:
        """Raise an error if the place cannot be written to. Mark it as a cache."""

    def remove_leftovers(self) -> None:
        """Remove temporary files and leases of workers that were killed. Those of running workers stay."""

    def lease(self, key: str, on_wait: OnWait) -> AbstractContextManager[None]:
        """Wait until no other worker holds the lease of a key, then hold it until the block ends."""
