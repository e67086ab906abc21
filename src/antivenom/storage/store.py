"""The store of finished stages. The key of a stage is made of all its inputs."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from torch import Tensor

from antivenom.errors import RunError
from antivenom.storage.files import read_tensors, write_tensors


@dataclass(frozen=True)
class Store:
    """A folder of finished stages.

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

    def get(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the stage with a key, or None if it is not in the store. A damaged file is removed."""
        file = self._file(key)
        self._usable()
        if not file.is_file():
            return None
        try:
            return read_tensors(file)
        except RunError:
            file.unlink(missing_ok=True)
            return None

    def put(self, key: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Write a finished stage to the store.

        Raises:
            RunError: the store cannot be written to.
        """
        try:
            write_tensors(self._file(key), tensors, about)
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(
                f"The store {self.folder} cannot be written to: {reason}. Set $ANTIVENOM_STORE to another folder."
            ) from error

    def size(self) -> tuple[int, int]:
        """Return the number of stages in the store, and their total size in bytes."""
        self._usable()
        sizes = [file.stat().st_size for file in self._files()]
        return len(sizes), sum(sizes)

    def clean(self) -> tuple[int, int]:
        """Remove all stages and incomplete files. Return the number of stages, and their total size in bytes."""
        count = self.size()
        for file in (*self._files(), *self.folder.glob("??/.*")):
            file.unlink(missing_ok=True)
        return count

    def _usable(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"The store {self.folder} is not a folder. Set $ANTIVENOM_STORE to a folder.")

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("??/*.safetensors"))

    def _file(self, key: str) -> Path:
        return self.folder / key.rpartition("-")[2][:2] / f"{key}.safetensors"
