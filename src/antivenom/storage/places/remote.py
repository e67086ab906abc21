"""A place that fsspec reaches, such as a bucket of S3, as the place of a store."""

import errno
import re
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from antivenom.errors import RunError
from antivenom.files.writing import require_space
from antivenom.storage.places.local import CACHE_TAG
from antivenom.storage.places.place import OnWait
from antivenom.storage.places.requests import Requests, file_system
from antivenom.storage.places.shared_lease import LEASES, MAX_LEASE_BYTES, OLD_SECONDS, shared_lease

CHUNK = 64 << 20
"""The number of bytes that one request reads."""

MAX_STAGE_BYTES = 64 << 30
"""The size of the largest stage that is read."""

PARTS = "parts"
"""The folder of files that are being written, where writing is not atomic."""

_STAGE = re.compile(r"[^/]{2}/[^/]+\.safetensors")
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "abfss"}
"""Protocols whose files appear as a whole, without folders, and that create a file for one worker only."""

_IN_MEMORY = threading.Lock()
"""The file system `memory` does not exclude threads when it creates a file."""


class RemotePlace:
    """A place with a URL of fsspec.

    Args:
        address: the URL, with options of the file system after a question mark.
        called: what is kept there, for messages: a `store` or a `folder`.

    Raises:
        AntivenomError: its package is not installed, or the URL is wrong.
    """

    def __init__(self, address: str, called: str = "store") -> None:
        self._address = address
        self._system, self._root = file_system(address, called)
        self._requests = Requests(self._system, f"The {called} {address}")
        protocol = self._system.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._is_object_store = bool(_OBJECT_STORES & self._protocols)

    @property
    def address(self) -> str:
        """The URL."""
        return self._address

    def where(self, name: str) -> str:
        """Return the URL of a file, without options."""
        return f"{self._address.partition('?')[0].rstrip('/')}/{name}"

    @contextmanager
    def as_local_file(self, name: str) -> Iterator[Path | None]:
        """Download a file into a temporary folder."""
        with tempfile.TemporaryDirectory(prefix="antivenom-", ignore_cleanup_errors=True) as folder:
            file = Path(folder) / name.rpartition("/")[2]
            yield file if self._download(name, file) else None

    def publish(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a temporary file, then upload it. Where uploads can be seen half, it is renamed at the end."""
        with tempfile.TemporaryDirectory(prefix="antivenom-", ignore_cleanup_errors=True) as folder:
            file = Path(folder) / name.rpartition("/")[2]
            write(file)
            size = file.stat().st_size
            if self._is_object_store:
                self._requests.write("put_file", str(file), self._path(name), size=size)
                return
            part = f"{PARTS}/{secrets.token_hex(8)}"
            self._make_folder(part)
            self._make_folder(name)
            self._requests.write("put_file", str(file), self._path(part), size=size)
            self._requests.write("mv", self._path(part), self._path(name), size=size)

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""
        return self._size(name) is not None

    def remove(self, *names: str) -> None:
        """Remove files, many of them with one request if that is possible."""
        if len(names) > 1:
            with suppress(FileNotFoundError):  # another worker has removed one; then one by one
                self._remove([self._path(name) for name in names], "rm")
                return
        for name in names:
            with suppress(FileNotFoundError):
                self._remove(self._path(name), "rm_file")

    def sizes(self) -> dict[str, int]:
        """Return the sizes by name."""
        entries = self._find("")
        return {name: size for name, size in sorted(entries.items()) if _STAGE.fullmatch(name)}

    def all_sizes(self) -> dict[str, int]:
        """Return the sizes of all files by name, without leases and temporary files."""
        return {name: size for name, size in self._find("").items() if name.partition("/")[0] not in (LEASES, PARTS)}

    def require_usable(self) -> None:
        """Do nothing: the address was checked, and the first request checks the rest."""

    def require_writable(self) -> None:
        """Write CACHEDIR.TAG."""
        self.overwrite("CACHEDIR.TAG", CACHE_TAG)

    def remove_leftovers(self) -> None:
        """Remove leases and temporary files that have not changed for a day, by the clock of the storage."""
        names = [*self._find(LEASES), *self._find(PARTS)]
        ages = {name: self._modified(name) for name in names}
        now = self._modified("CACHEDIR.TAG") if names else None
        if now is not None:
            old = [name for name, at in ages.items() if at is not None and now - at > OLD_SECONDS]
            self.remove(*old)

    def lease(self, key: str, on_wait: OnWait) -> AbstractContextManager[None]:
        """Create a file that is renewed."""
        return shared_lease(self, key, on_wait)

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file. Return False if it exists already; of several workers, only one creates it."""
        self._make_folder(name)
        try:
            with _IN_MEMORY:
                self._requests.write("pipe_file", self._path(name), content, mode="create")
        except FileExistsError:
            return False
        return self._is_object_store or self.read(name) == content

    def overwrite(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._make_folder(name)
        self._requests.write("pipe_file", self._path(name), content)

    def read(self, name: str) -> bytes | None:
        """Return the first `MAX_LEASE_BYTES` bytes of a file, or None if it does not exist."""
        try:
            return self._part(name, 0, MAX_LEASE_BYTES)
        except FileNotFoundError:
            return None

    def names(self, start: str) -> list[str]:
        """Return the names of all files whose name starts like this, as they are now."""
        return [name for name in self._find(start.rpartition("/")[0]) if name.startswith(start)]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _find(self, folder: str) -> dict[str, int]:
        """Return the sizes of all files below a folder, by their names in the store."""
        self._system.invalidate_cache()
        try:
            entries = self._requests.read("find", self._path(folder), detail=True)
        except FileNotFoundError:
            return {}
        return {path.removeprefix(self._root).lstrip("/"): int(about["size"] or 0) for path, about in entries.items()}

    def _part(self, name: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`, or fewer at the end of the file."""
        try:
            content: bytes = self._requests.read("cat_file", self._path(name), size=stop - start, start=start, end=stop)
        except RunError as error:
            if getattr(error.__cause__, "errno", None) != errno.EINVAL:
                raise
            size = self._size(name)  # S3 refuses to read a part that begins at the end of a file
            if size is None:
                raise FileNotFoundError(name) from None
            if size > start:
                raise
            return b""
        return content[: stop - start]

    def _download(self, name: str, file: Path) -> bool:
        """Download a file. Return False if it does not exist.

        Raises:
            RunError: it is too large for this disk, or for a stage.
        """
        try:
            content = self._part(name, 0, CHUNK)
        except FileNotFoundError:
            return False
        with file.open("wb") as stream:
            stream.write(content)
            while len(content) == CHUNK:
                if stream.tell() >= MAX_STAGE_BYTES:
                    raise RunError(f"{self.where(name)} has more than {MAX_STAGE_BYTES:,} bytes. Remove it.")
                require_space(file.parent, CHUNK)
                content = self._part(name, stream.tell(), stream.tell() + CHUNK)
                stream.write(content)
        return True

    def _size(self, name: str) -> int | None:
        self._system.invalidate_cache()
        try:
            return int(self._requests.read("info", self._path(name))["size"] or 0)
        except FileNotFoundError:
            return None

    def _modified(self, name: str) -> float | None:
        """Return when a file was changed, in seconds, by the clock of the storage; None if it does not tell."""
        try:
            return float(self._requests.read("modified", self._path(name)).timestamp())
        except (FileNotFoundError, RunError):
            return None

    def _make_folder(self, name: str) -> None:
        if not self._is_object_store:  # they have no folders, and would create a bucket
            self._requests.write("makedirs", self._path(name).rpartition("/")[0], exist_ok=True)

    def _remove(self, target: Any, method: str) -> None:
        try:
            self._requests.write(method, target)
        except RunError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise error.__cause__ from None
            raise
