"""The store of finished stages. The key of a stage is made of all its inputs."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import platformdirs
from torch import Tensor

from antivenom.errors import AntivenomError, RunError, WriteError
from antivenom.files.opening import exists, is_folder
from antivenom.files.writing import remove_leftovers, write_bytes
from antivenom.storage.files import read_tensors, write_tensors

ADVICE = "Set $ANTIVENOM_STORE to another folder."

CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# antivenom can compute these files again.\n"
"""The file CACHEDIR.TAG: programs that make backups leave the folder out."""

T = TypeVar("T")
Entry = tuple[dict[str, Tensor], dict[str, Any]]
"""What the store keeps of a stage: tensors by name, and plain values."""

DAMAGE = (AntivenomError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError)
"""What the conversion of a wrong entry may raise."""


@dataclass(frozen=True)
class Store:
    """A folder of finished stages. Every entry has a checksum, which is compared when the entry is read.

    Args:
        folder: the folder. `Store.default()` uses `$ANTIVENOM_STORE`, or `store` in your cache folder.

    >>> import tempfile, torch
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> key = store.key("poison", {"rate": 0.1})
    >>> store.put(key, {"x": torch.ones(2)}, {"seconds": 1})
    >>> tensors, about = store.get(key)
    >>> about["seconds"], store.get(store.key("poison", {"rate": 0.2}))
    (1, None)
    """

    folder: Path

    @classmethod
    def default(cls) -> "Store":
        """Return the default store: `$ANTIVENOM_STORE`, or `store` in your cache folder."""
        named = os.environ.get("ANTIVENOM_STORE")
        return cls(Path(named) if named else platformdirs.user_cache_path("antivenom") / "store")

    def key(self, stage: str, parts: Mapping[str, Any]) -> str:
        """Return the key of a stage with these inputs."""
        text = json.dumps(parts, sort_keys=True, allow_nan=False)
        return f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"

    @overload
    def get(self, key: str) -> Entry | None: ...

    @overload
    def get(
        self, key: str, unpack: Callable[[dict[str, Tensor], dict[str, Any]], T], on_damage: Callable[[str], object]
    ) -> T | None: ...

    def get(
        self,
        key: str,
        unpack: Callable[[dict[str, Tensor], dict[str, Any]], Any] | None = None,
        on_damage: Callable[[str], object] = str,
    ) -> Any:
        """Return the stage with a key, or None if the store does not have it. A damaged entry is removed.

        Args:
            key: the key.
            unpack: converts tensors and plain values to the result of the stage. An entry is damaged, too, if this
                raises an exception.
            on_damage: called with the reason before a damaged entry is removed.

        Raises:
            RunError: the store is not a folder, or the damaged entry cannot be removed.
        """
        file = self._file(key)
        self._usable()
        if not os.path.lexists(file):
            return None
        try:
            entry = read_tensors(file, checked=True)
            return entry if unpack is None else unpack(*entry)
        except DAMAGE as error:
            if not os.path.lexists(file):  # another process has just removed it
                return None
            on_damage(str(error) or type(error).__name__)
            self._remove(file)
            return None

    def put(self, key: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Write a finished stage to the store.

        Raises:
            WriteError: the store cannot be written to, or its disk is full.
        """
        with _advised():
            write_tensors(self._file(key), tensors, about)

    def remove(self, key: str) -> None:
        """Remove a stage, if the store has it.

        Raises:
            WriteError: it cannot be removed.
        """
        self._remove(self._file(key))

    def require_writable(self) -> None:
        """Raise an error if the store cannot be written to. Remove what killed processes left in it.

        Raises:
            WriteError: the store cannot be written to, or its disk is full.
        """
        self._usable()
        with _advised():
            write_bytes(self.folder / "CACHEDIR.TAG", CACHE_TAG)
        self._remove_leftovers()

    def size(self) -> tuple[int, int]:
        """Return the number of stages in the store, and their total size in bytes."""
        self._usable()
        sizes = [size for size in map(_size_of, self._files()) if size is not None]
        return len(sizes), sum(sizes)

    def clean(self) -> tuple[int, int]:
        """Remove all stages, and what killed processes left. Return the number of stages, and their size in bytes.

        Runs that write to the store at this time go on: they compute again what they need.
        """
        count = total = 0
        self._usable()
        for file in self._files():
            size = _size_of(file)
            if size is not None:
                self._remove(file)
                count, total = count + 1, total + size
        self._remove_leftovers()
        return count, total

    def verify(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Compare the checksum of every stage. Damaged stages are removed.

        Returns:
            The number of stages that are intact, and the name and the reason of each removed stage.

        Raises:
            RunError: the store is not a folder, or a damaged stage cannot be removed.
        """
        self._usable()
        damaged = []
        intact = 0
        for file in self._files():
            try:
                read_tensors(file, checked=True)
                intact += 1
            except RunError as error:
                if os.path.lexists(file):  # otherwise another process has just removed it
                    damaged.append((file.name, str(error)))
                    self._remove(file)
        return intact, tuple(damaged)

    def _usable(self) -> None:
        if exists(self.folder) and not is_folder(self.folder):
            raise RunError(f"The store {self.folder} is not a folder. Set $ANTIVENOM_STORE to a folder.")

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("??/*.safetensors"))

    def _file(self, key: str) -> Path:
        return self.folder / key.rpartition("-")[2][:2] / f"{key}.safetensors"

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except IsADirectoryError:
            shutil.rmtree(file)
        except OSError as error:
            reason = error.strerror or error
            raise WriteError(f"{file} cannot be removed from the store: {reason}. {ADVICE}") from error

    def _remove_leftovers(self) -> None:
        for folder in (self.folder, *self.folder.glob("??")):
            remove_leftovers(folder)


def _size_of(file: Path) -> int | None:
    """Return the size of a file in bytes, or None if another process has just removed it."""
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return None


@contextmanager
def _advised() -> Iterator[None]:
    """Add what to do to an error about writing."""
    try:
        yield
    except WriteError as error:
        raise WriteError(f"The store cannot be written to: {error} {ADVICE}") from error
