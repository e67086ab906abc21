"""A folder of this machine, or of a file server that is mounted, as the place of a store."""

import glob
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from antivenom.errors import DataError, MissingDataError, RunError, WriteError
from antivenom.files.opening import exists, is_folder, read_bytes
from antivenom.files.writing import make_folder, remove_leftovers, write_bytes, write_error
from antivenom.storage.places.flock import NoLocksError, flocked, remove_unlocked
from antivenom.storage.places.place import OnWait
from antivenom.storage.places.shared_lease import LEASES, MAX_LEASE_BYTES, OLD_SECONDS, shared_lease

ADVICE = "Set $ANTIVENOM_STORE to another folder."

CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# antivenom can compute these files again.\n"
"""The file CACHEDIR.TAG: programs that make backups leave the folder out."""


class LocalPlace:
    """A folder.

    Args:
        folder: its path; it may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def address(self) -> str:
        """The path."""
        return str(self.folder)

    def where(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.folder / name)

    @contextmanager
    def as_local_file(self, name: str) -> Iterator[Path | None]:
        """Yield the path of the file itself."""
        file = self.folder / name
        yield file if os.path.lexists(file) else None

    def publish(self, name: str, write: Callable[[Path], object]) -> None:
        """Call `write` with the path. It must write atomically, as everything in `antivenom.storage.files` does."""
        with _advised():
            write(self.folder / name)

    def exists(self, name: str) -> bool:
        """Return whether there is anything with that name."""
        return os.path.lexists(self.folder / name)

    def remove(self, *names: str) -> None:
        """Remove files."""
        for name in names:
            file = self.folder / name
            try:
                file.unlink(missing_ok=True)
            except IsADirectoryError:
                shutil.rmtree(file)
            except OSError as error:
                reason = error.strerror or error
                raise WriteError(f"{file} cannot be removed from the store: {reason}. {ADVICE}") from error

    def sizes(self) -> dict[str, int]:
        """Return the sizes by name. Files that another process has just removed are left out."""
        sizes = {file: _size_of(file) for file in sorted(self.folder.glob("??/*.safetensors"))}
        return {f"{file.parent.name}/{file.name}": size for file, size in sizes.items() if size is not None}

    def require_usable(self) -> None:
        """Raise an error if the path is not a folder."""
        if exists(self.folder) and not is_folder(self.folder):
            raise RunError(f"The store {self.folder} is not a folder. Set $ANTIVENOM_STORE to a folder.")

    def require_writable(self) -> None:
        """Write CACHEDIR.TAG."""
        self.require_usable()
        with _advised():
            write_bytes(self.folder / "CACHEDIR.TAG", CACHE_TAG)

    def remove_leftovers(self) -> None:
        """Remove what no process has locked, and leases that were not renewed for a day."""
        for folder in (self.folder, *self.folder.glob("??")):
            remove_leftovers(folder)
        for lock in (self.folder / LEASES).glob("*.lock"):
            remove_unlocked(lock)
        for lease in (self.folder / LEASES).glob("*.json"):
            with suppress(OSError):  # another process has just removed it, or the folder is read-only
                if time.time() - lease.lstat().st_mtime > OLD_SECONDS:
                    lease.unlink()

    @contextmanager
    def lease(self, key: str, on_wait: OnWait) -> Iterator[None]:
        """Lock a file. Where the file system has no locks, leases that are renewed take their place."""
        with ExitStack() as stack:
            with _advised():
                try:
                    stack.enter_context(flocked(self.folder / LEASES / f"{key}.lock", on_wait))
                except NoLocksError:
                    stack.enter_context(shared_lease(LocalLeaseFiles(self.folder), key, on_wait))
            yield


class LocalLeaseFiles:
    """The files of leases in a folder, for file systems without locks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file. Return False if it exists already."""
        make_folder((self._folder / name).parent)
        try:
            with (self._folder / name).open("xb") as stream:
                stream.write(content)
        except FileExistsError:
            return False
        except OSError as error:
            raise write_error(self._folder / name, error) from error
        return True

    def overwrite(self, name: str, content: bytes) -> None:
        """Write a file, atomically."""
        write_bytes(self._folder / name, content)

    def read(self, name: str) -> bytes | None:
        """Return the content, or None if the file does not exist."""
        try:
            return read_bytes(self._folder / name, MAX_LEASE_BYTES)
        except MissingDataError:
            return None
        except DataError as error:
            raise RunError(f"{error} Remove it.") from error

    def remove(self, *names: str) -> None:
        """Remove files."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def names(self, start: str) -> list[str]:
        """Return the names of all files whose name starts like this."""
        folder, _, prefix = start.rpartition("/")
        return [f"{folder}/{file.name}" for file in (self._folder / folder).glob(f"{glob.escape(prefix)}*.json")]


@contextmanager
def _advised() -> Iterator[None]:
    """Add what to do to an error about writing."""
    try:
        yield
    except WriteError as error:
        raise WriteError(f"The store cannot be written to: {error} {ADVICE}") from error


def _size_of(file: Path) -> int | None:
    """Return the size of a file in bytes, or None if another process has just removed it."""
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return None
