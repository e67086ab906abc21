"""Files of JSON, arrays and tensors, and the lock of a folder. Files that are read are not trusted."""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from antivenom.errors import DataError, MissingDataError, RunError, WriteError
from antivenom.files.opening import read_text, require_file
from antivenom.files.writing import atomic_file, make_folder, write_bytes, write_error, write_text

LOCK = ".lock"
"""A file that exists in a folder while a run writes to it."""

DEPTH = 64
"""The most lists and mappings inside of each other in a JSON file."""

MAX_JSON_BYTES = 32 << 20
"""The largest JSON file that is read, in bytes."""

MAX_JSON_PARTS = 1_000_000
"""The most values in JSON text. Each needs up to 72 bytes, and text of two characters is enough for one."""

CHECKSUM = "checksum"
"""The key of the checksum in the header of a .safetensors file."""


@contextmanager
def locked(folder: Path, name: str = LOCK, *, seconds: float = 0) -> Iterator[None]:
    """Lock a folder against other runs. The folder is created if it does not exist.

    Args:
        folder: the folder.
        name: the name of the file that is locked.
        seconds: how long to wait for the lock.

    Raises:
        RunError: another run is writing to the folder, or the folder cannot be created.
    """
    make_folder(folder)
    lock = FileLock(folder / name, timeout=seconds)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"Another run is writing to {folder}. Wait until it ends, or choose another folder.") from error
    except OSError as error:
        raise WriteError(f"{folder} cannot be written to: {error.strerror or error}.") from error
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may have become read-only; the lock ends all the same
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def write_json(file: Path, content: object, *, sort_keys: bool = True) -> None:
    """Write JSON without NaN. Keys are sorted unless their order matters, so that equal content gives equal bytes.

    Raises:
        WriteError: the file cannot be written, or the disk is full. The old file is left as it was.
    """
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
    """Write a .safetensors file with `about` and a checksum in its header, without a copy of the tensors in memory.

    Raises:
        WriteError: the file cannot be written, or the disk is full. The old file is left as it was.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    seen = set[int]()
    for name, tensor in plain.items():
        place = tensor.untyped_storage().data_ptr()
        plain[name] = tensor.clone() if place in seen else tensor  # safetensors refuses tensors that share memory
        seen.add(place)
    text = json.dumps({**about, CHECKSUM: checksum(plain, about)}, sort_keys=True)
    with atomic_file(file, size=len(text) + sum(tensor.nbytes for tensor in plain.values())) as part:
        try:
            save_file(plain, part, {"about": text})
        except SafetensorError as error:
            number = re.search(r"os error (\d+)", str(error))
            code = int(number[1]) if number else 0
            raise write_error(file, OSError(code, os.strerror(code) if code else str(error))) from error


def checksum(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    """Return the checksum of tensors and of what is said about them: 32 hexadecimal digits.

    >>> checksum({"x": torch.zeros(2)}, {}) == checksum({"x": torch.tensor([0.0, 1e-40])}, {})
    False
    """
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), tuple(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_json(file: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        RunError: the file is missing, damaged or too large, or is not a regular file.
    """
    try:
        return parse_json(read_text(file, MAX_JSON_BYTES))
    except MissingDataError as error:
        raise RunError(str(error)) from error
    except (DataError, ValueError, RecursionError) as error:
        raise RunError(f"{file} is damaged: {error}") from error


def parse_json(text: str) -> Any:
    """Return the content of JSON text. NaN and numbers that do not fit into a float are refused.

    Raises:
        ValueError: it is not JSON, a number is too large, or there are too many values.
        RecursionError: it is nested too deeply.

    >>> parse_json('{"rate": 0.5}')
    {'rate': 0.5}
    >>> parse_json("[1e999]")
    Traceback (most recent call last):
    ValueError: 1e999 is not a finite number
    """
    parts = sum(map(text.count, "[{,"))
    if parts > MAX_JSON_PARTS:
        raise ValueError(f"it has up to {parts:,} values; at most {MAX_JSON_PARTS:,} are read")
    content = json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_decimal)
    level = [content]
    for _ in range(DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for parts in inner for each in parts if isinstance(each, dict | list)]
        if not level:
            return content
    raise ValueError(f"it is nested more than {DEPTH} levels deep")


def read_tensors(file: Path, *, checked: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a .safetensors file, and its header.

    Args:
        file: the path.
        checked: whether the file must have a checksum. A wrong checksum is always an error.

    Raises:
        RunError: the file is missing or damaged, or its checksum differs.
    """
    try:
        with safe_open(str(require_file(file)), framework="pt") as opened:
            about = parse_json((opened.metadata() or {}).get("about", "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except MissingDataError as error:
        raise RunError(str(error)) from error
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise RunError(f"{file} is damaged: {error}") from error
    except MemoryError as error:
        raise RunError(f"{file} is damaged, or too large for the memory of this machine.") from error
    if not isinstance(about, dict):
        raise RunError(f"{file} is damaged: its header must contain a mapping; got {type(about).__name__}.")
    written = about.pop(CHECKSUM, None)
    if (checked or written is not None) and written != checksum(tensors, about):
        raise RunError(f"{file} is damaged: its checksum differs.")
    return tensors, about


def _whole(text: str) -> int:
    _decimal(text)
    return int(text)


def _decimal(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number
