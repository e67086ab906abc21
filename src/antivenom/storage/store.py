"""The store of finished stages. The key of a stage is made of all its inputs."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, overload

import platformdirs
from torch import Tensor

from antivenom.errors import AntivenomError, RunError
from antivenom.storage.files import read_tensors, write_tensors
from antivenom.storage.places import Place, absolute, place_of

T = TypeVar("T")
Entry = tuple[dict[str, Tensor], dict[str, Any]]
"""What the store keeps of a stage: tensors by name, and plain values."""

DAMAGE = (AntivenomError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError)
"""What the conversion of a wrong entry may raise."""


@dataclass(frozen=True, init=False)
class Store:
    """Finished stages in a folder, or in a place that fsspec reaches. Every entry has a checksum, compared on reading.

    A store can be pickled. Workers make theirs from `address`.

    Args:
        address: the path of the folder, or a URL such as `s3://bucket/store`. Options of fsspec's file system follow
            after a question mark: `s3://bucket/store?endpoint_url=http://localhost:9000`. `Store.default()` uses
            `$ANTIVENOM_STORE`, or `store` in your cache folder.

    Attributes:
        address: the absolute path of the folder, or the URL.

    Raises:
        SettingsError: the address is empty.

    >>> import tempfile, torch
    >>> store = Store(tempfile.mkdtemp())
    >>> key = store.key("poison", {"rate": 0.1})
    >>> store.put(key, {"x": torch.ones(2)}, {"seconds": 1})
    >>> tensors, about = store.get(key)
    >>> about["seconds"], store.get(store.key("poison", {"rate": 0.2}))
    (1, None)
    """

    address: str

    def __init__(self, address: Path | str) -> None:
        object.__setattr__(self, "address", absolute(address))

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return type(self), (self.address,)

    @classmethod
    def default(cls) -> "Store":
        """Return the default store: `$ANTIVENOM_STORE`, or `store` in your cache folder."""
        return cls(os.environ.get("ANTIVENOM_STORE") or platformdirs.user_cache_path("antivenom") / "store")

    @cached_property
    def place(self) -> Place:
        """The place of the files.

        Raises:
            AntivenomError: a package is not installed, or the address is wrong.
        """
        return place_of(self.address)

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
            RunError: the store cannot be read, or the damaged entry cannot be removed.
        """
        name = _name(key)
        self.place.require_usable()
        with self.place.as_local_file(name) as file:
            if file is None:
                return None
            try:
                entry = read_tensors(file, checked=True)
                return entry if unpack is None else unpack(*entry)
            except DAMAGE as error:
                if not self.place.exists(name):  # another process has just removed it
                    return None
                on_damage(self._reason(error, file, name))
        self.place.remove(name)
        return None

    def put(self, key: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Write a finished stage to the store. Readers see all of it or nothing.

        Raises:
            WriteError: the store cannot be written to, or a disk is full.
        """
        self.place.publish(_name(key), lambda file: write_tensors(file, tensors, about))

    def lease(self, key: str, on_wait: Callable[[str], object] = str) -> AbstractContextManager[None]:
        """Return a context in which no other worker, on any machine, holds the lease of the same key.

        If another worker holds it, this one waits until that one is finished or dead. Then look into the store again.

        Args:
            key: the key of the stage that will be computed.
            on_wait: called once with a description of the other worker, if there is one.

        Raises:
            RunError: the store cannot be read.
            WriteError: the store cannot be written to.

        >>> import tempfile
        >>> store = Store(tempfile.mkdtemp())
        >>> with store.lease("fit-abcd"):
        ...     store.get("fit-abcd")
        """
        return self.place.lease(key, on_wait)

    def remove(self, key: str) -> None:
        """Remove a stage, if the store has it.

        Raises:
            WriteError: it cannot be removed.
        """
        self.place.remove(_name(key))

    def require_writable(self) -> None:
        """Raise an error if the store cannot be written to. Remove what killed processes left in it.

        Raises:
            WriteError: the store cannot be written to, or its disk is full.
        """
        self.place.require_writable()
        self.place.remove_leftovers()

    def size(self) -> tuple[int, int]:
        """Return the number of stages in the store, and their total size in bytes."""
        self.place.require_usable()
        sizes = self.place.sizes()
        return len(sizes), sum(sizes.values())

    def clean(self) -> tuple[int, int]:
        """Remove all stages, and what killed processes left. Return the number of stages, and their size in bytes.

        Runs that write to the store at this time go on, and keep their leases. They compute again what they need.
        """
        self.place.require_usable()
        sizes = self.place.sizes()
        self.place.remove(*sizes)
        self.place.remove_leftovers()
        return len(sizes), sum(sizes.values())

    def verify(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Compare the checksum of every stage. Damaged stages are removed. Those of other machines are downloaded.

        Returns:
            The number of stages that are intact, and the name and the reason of each removed stage.

        Raises:
            RunError: the store cannot be read, or a damaged stage cannot be removed.
        """
        self.place.require_usable()
        damaged = []
        intact = 0
        for name in self.place.sizes():
            reason = self._damage(name)
            if reason:
                damaged.append((name.rpartition("/")[2], reason))
                self.place.remove(name)
            intact += reason == ""
        return intact, tuple(damaged)

    def _damage(self, name: str) -> str | None:
        """Return why a stage is damaged, an empty text if it is intact, or None if it does not exist any more."""
        with self.place.as_local_file(name) as file:
            if file is None:
                return None
            try:
                read_tensors(file, checked=True)
            except RunError as error:
                return self._reason(error, file, name) if self.place.exists(name) else None
        return ""

    def _reason(self, error: Exception, file: Path, name: str) -> str:
        return (str(error) or type(error).__name__).replace(str(file), self.place.where(name))


def _name(key: str) -> str:
    return f"{key.rpartition('-')[2][:2]}/{key}.safetensors"
