"""What is computed once is kept: stages by a key of everything that went into them."""

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
        folder: `$ANTIVENOM_STORE`, or `store` in the user's cache folder, where left out.

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
        """The user's own store."""
        named = os.environ.get("ANTIVENOM_STORE")
        return cls(Path(named) if named else platformdirs.user_cache_path("antivenom") / "store")

    def key(self, stage: str, parts: Mapping[str, Any]) -> str:
        """The name under which a stage with these ingredients is kept."""
        text = json.dumps(parts, sort_keys=True, allow_nan=False)
        return f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"

    def get(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What is kept under a key; None where there is nothing, or where it is damaged (and then removed)."""
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
        """Keep a finished stage."""
        try:
            write_tensors(self._file(key), tensors, about)
        except OSError as error:
            said = error.strerror or str(error)
            raise RunError(
                f"The store {self.folder} cannot be written to: {said}. Point $ANTIVENOM_STORE elsewhere."
            ) from error

    def size(self) -> tuple[int, int]:
        """How many stages are kept, and their bytes."""
        self._usable()
        sizes = [file.stat().st_size for file in self._files()]
        return len(sizes), sum(sizes)

    def clean(self) -> tuple[int, int]:
        """Remove all of them, and what killed runs left half-written; how many there were, and their bytes."""
        count = self.size()
        for file in (*self._files(), *self.folder.glob("??/.*")):
            file.unlink(missing_ok=True)
        return count

    def _usable(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"The store {self.folder} is no folder. Point $ANTIVENOM_STORE elsewhere.")

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("??/*.safetensors"))

    def _file(self, key: str) -> Path:
        return self.folder / key.rpartition("-")[2][:2] / f"{key}.safetensors"
