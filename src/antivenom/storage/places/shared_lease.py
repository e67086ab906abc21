"""Leases of several machines, as files that their owners renew.

A lease of a key is the file `leases/KEY.N.json`. Creating it succeeds for one worker only. Its owner changes it every
few seconds. A worker that waits compares its content: if it stays the same for a minute of the waiter's own clock, the
owner is dead, and the waiter creates the file with the next number. So the clocks of the machines may differ. Every
worker that has created a file lists all files of the key again, and gives its own up if there is another one that it
did not watch for that long. So at most one worker holds the lease, and an owner that was only suspended removes no
file but its own. An error in all this costs time, never a result: two workers then compute the same stage.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from antivenom.errors import AntivenomError
from antivenom.storage.places.flock import owner
from antivenom.storage.places.place import OnWait

LEASES = "leases"
"""The folder of all leases in a store."""

BEAT_SECONDS = 10.0
"""The time between two changes of a lease by its owner."""

STALE_SECONDS = 60.0
"""A lease that does not change for this time has no owner any more."""

OLD_SECONDS = 86_400.0
"""Leases and temporary files that are older are removed when a run starts."""

SHORTEST, LONGEST = 0.05, 2.0
"""The first and the longest pause between two looks at a lease, in seconds."""

MAX_LEASE_BYTES = 4096
_NUMBER = re.compile(r"\.(\d{1,9})\.json$", re.ASCII)


class LeaseFiles(Protocol):
    """The files of a store, as far as leases need them."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file. Return False if it exists already; of several workers, only one creates it."""

    def overwrite(self, name: str, content: bytes) -> None:
        """Write a file."""

    def read(self, name: str) -> bytes | None:
        """Return the first `MAX_LEASE_BYTES` bytes of a file, or None if it does not exist."""

    def remove(self, *names: str) -> None:
        """Remove files. Files that do not exist are left out."""

    def names(self, start: str) -> list[str]:
        """Return the names of all files whose name starts like this, as they are now."""


@contextmanager
def shared_lease(files: LeaseFiles, key: str, on_wait: OnWait) -> Iterator[None]:
    """Wait until no other worker holds the lease of a key, then hold it until the block ends.

    Args:
        files: the files of the store.
        key: the key.
        on_wait: called once with the owner of the lease if there is one.
    """
    lease = _Lease(files, key)
    try:
        lease.acquire(on_wait)
        beating = threading.Thread(target=lease.renew_until_done, name="lease of the store", daemon=True)
        beating.start()
        try:
            yield
        finally:
            lease.done.set()
            beating.join()  # otherwise it could write the file again after it was removed
    finally:
        with suppress(AntivenomError):  # the stage is finished; the others see that this lease is not renewed
            lease.release()


class _Lease:
    """The lease of one key, as one worker sees it."""

    def __init__(self, files: LeaseFiles, key: str) -> None:
        self._files, self._start = files, f"{LEASES}/{key}."
        self._id, self._beat = secrets.token_hex(8), 0
        self._own: str | None = None
        self._watched = dict[str, tuple[bytes, float]]()
        self.done = threading.Event()

    def acquire(self, on_wait: OnWait) -> None:
        """Return when this worker holds the lease."""
        pause, stale = 0.0, dict[str, bytes]()
        while not self._create(stale):
            while (abandoned := self._find_stale()) is None:
                if not pause:
                    on_wait(self._owner())
                pause = min(LONGEST, max(SHORTEST, 1.5 * pause))
                time.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))  # so that not all come at the same moment
            stale = abandoned

    def release(self) -> None:
        """Remove the own file, if there is one and it is still this worker's."""
        own, self._own = self._own, None
        if own is not None and self._is_own(own):
            self._files.remove(own)

    def renew_until_done(self) -> None:
        """Change the own file from time to time, so that the others see that this worker lives."""
        while not self.done.wait(BEAT_SECONDS):
            with suppress(AntivenomError):  # a broken connection: the next beat tries again
                if self._own is None or not self._is_own(self._own):
                    return  # this process was suspended, and another worker has taken over
                self._beat += 1
                self._files.overwrite(self._own, self._content())

    def _create(self, stale: dict[str, bytes]) -> bool:
        """Create the next file. Give it up if another worker, who is not known to be dead, has one."""
        name = f"{self._start}{1 + max(map(_number, stale), default=-1)}.json"
        self._own = name  # before the request: its answer may be lost
        if not self._files.create(name, self._content()) and not self._is_own(name):
            self._own = None
            return False
        others = [other for other in self._names() if other != name]
        if any(self._files.read(other) not in (None, stale.get(other)) for other in others):
            self.release()
            return False
        self._files.remove(*others)
        return True

    def _find_stale(self) -> dict[str, bytes] | None:
        """Return the abandoned files if all are, or None if another worker may live."""
        contents = {name: self._files.read(name) for name in self._names()}
        now = time.monotonic()
        before, self._watched = self._watched, {}
        for name, content in contents.items():
            if content is not None:
                known, since = before.get(name, (None, now))
                self._watched[name] = (content, since if known == content else now)
        if any(now - since < STALE_SECONDS for _, since in self._watched.values()):
            return None
        return {name: content for name, (content, _) in self._watched.items()}

    def _names(self) -> list[str]:
        return [name for name in self._files.names(self._start) if _NUMBER.search(name)]

    def _content(self) -> bytes:
        return json.dumps({"owner": owner(), "id": self._id, "beat": self._beat}).encode()

    def _is_own(self, name: str) -> bool:
        return f'"id": "{self._id}"'.encode() in (self._files.read(name) or b"")

    def _owner(self) -> str:
        try:
            content = json.loads(next(iter(self._watched.values()))[0])
            return str(content["owner"])[:200]
        except (StopIteration, ValueError, LookupError, TypeError, RecursionError):
            return "another worker"


def _number(name: str) -> int:
    match = _NUMBER.search(name)
    return int(match[1]) if match else 0
