"""Writing files atomically, and reading them without trusting their content."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from antivenom.errors import RunError

LOCK = ".lock"
"""A file that exists in a folder while a run writes to it."""


def write_bytes(file: Path, content: bytes) -> None:
    """Write a file atomically: a reader never sees a part of it, and a killed process leaves the old file."""
    with atomic_file(file) as part:
        part.write_bytes(content)


@contextmanager
def atomic_file(file: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. It becomes the file if the block succeeds, otherwise it is removed."""
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
    """Lock a folder against other runs. The folder is created if it does not exist.

    Raises:
        RunError: another run is writing to the folder, or the folder cannot be created.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} must be a folder; got a file.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be created: {error.strerror or error}.") from error
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"Another run is writing to {folder}. Wait until it ends, or choose another folder.") from error
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
    """Write UTF-8 text line by line, atomically."""
    with atomic_file(file) as part, part.open("w", encoding="utf-8", newline="") as opened:
        opened.writelines(lines)


def write_json(file: Path, content: object, *, sort_keys: bool = True) -> None:
    """Write JSON without NaN. Keys are sorted unless their order matters, so that equal content gives equal bytes."""
    write_text(file, json.dumps(content, indent=2, sort_keys=sort_keys, allow_nan=False, ensure_ascii=False) + "\n")


def write_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz file of numbers and text."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:  # `np.savez_compressed` of NumPy 1 does not refuse objects
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    write_bytes(file, buffer.getvalue())


def write_tensors(file: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a .safetensors file with `about` in its header, without a copy of the tensors in memory."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    seen = set[int]()
    for name, tensor in plain.items():
        place = tensor.untyped_storage().data_ptr()
        plain[name] = tensor.clone() if place in seen else tensor  # safetensors refuses tensors that share memory
        seen.add(place)
    with atomic_file(file) as part:
        save_file(plain, part, {"about": json.dumps(about, sort_keys=True)})


def read_json(file: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{file} is damaged: {error}" if file.exists() else f"{file} is missing.") from error


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a .safetensors file, and its header.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        with safe_open(str(file), framework="pt") as opened:
            about = json.loads((opened.metadata() or {}).get("about", "{}"))
            return {name: opened.get_tensor(name) for name in opened.keys()}, about  # noqa: SIM118
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise RunError(f"{file} is damaged: {error}" if file.exists() else f"{file} is missing.") from error
