"""Writing files so that a reader sees the whole of one or nothing, and reading them back without trust."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from antivenom.errors import RunError

LOCK = ".lock"
"""Stands in a folder while a run writes to it."""


def write_bytes(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader never sees a part of it, and a kill leaves what was there."""
    with atomic_file(file) as part:
        part.write_bytes(content)


@contextmanager
def atomic_file(file: Path) -> Iterator[Path]:
    """A place to write to, which becomes the file when the block ends well, and goes when it does not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    part = Path(name)
    try:
        yield part
        os.fsync(handle)
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; it is made where it is not there.

    Raises:
        RunError: another run writes to it, or it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; a run needs a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror or error}.") from error
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"Another run is writing to {folder}. Wait for it, or choose another folder.") from error
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error.strerror or error}.") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text."""
    write_bytes(file, text.encode())


def write_text_lines(file: Path, lines: Iterable[str]) -> None:
    """Write UTF-8 text piece by piece, whole or not at all."""
    with atomic_file(file) as part, part.open("w", encoding="utf-8", newline="") as opened:
        opened.writelines(lines)


def write_json(file: Path, content: object, *, sort_keys: bool = True) -> None:
    """Write JSON, with sorted keys unless their order means something, and no NaN: equal content, equal bytes."""
    write_text(file, json.dumps(content, indent=2, sort_keys=sort_keys, allow_nan=False, ensure_ascii=False) + "\n")


def write_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz of plain numbers and text."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(file, buffer.getvalue())


def write_tensors(file: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a .safetensors file with a JSON header of one's own; straight from the tensors, which may be large."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    seen = set[int]()
    for name, tensor in plain.items():
        place = tensor.untyped_storage().data_ptr()
        plain[name] = tensor.clone() if place in seen else tensor  # two that share memory would be refused
        seen.add(place)
    with atomic_file(file) as part:
        save_file(plain, part, {"about": json.dumps(about, sort_keys=True)})


def read_json(file: Path) -> Any:
    """Read JSON.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{file} is missing or damaged: {error}") from error


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a .safetensors file and its header.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        with safe_open(str(file), framework="pt") as opened:
            about = json.loads((opened.metadata() or {}).get("about", "{}"))
            return {name: opened.get_tensor(name) for name in opened.keys()}, about  # noqa: SIM118
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise RunError(f"{file} is missing or damaged: {error}") from error
