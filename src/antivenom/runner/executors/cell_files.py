"""A finished cell as one entry of the store. Workers on other machines publish their cells in this way."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.errors import RunError
from antivenom.files.writing import folder_inside, inside, write_bytes
from antivenom.runner.results.folder import RUN_FILE, prepare_folder, read_spec_text
from antivenom.runner.results.manifest import MANIFEST, read_manifest

_IS_CELL_FILE = re.compile(RUN_FILE, re.ASCII).fullmatch
"""Recognises a file that a cell may have, by its path in the cell's folder."""


def entry_of(key: str) -> str:
    """Return the key of a cell's entry in the store."""
    return f"cell-{key}"


def pack_cell(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the bytes of a cell's files, by the paths in its folder."""
    tensors = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and _IS_CELL_FILE(name):
            content = np.frombuffer(file.read_bytes(), np.uint8)
            tensors[name] = torch.from_numpy(content.copy())
    return tensors, {}


def unpack_cell(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a cell's files. The manifest is written last: then the cell is finished.

    Raises:
        RunError: the entry contains other files than those of a cell, or its checksums differ.
    """
    for name, file in _targets(folder, [name for name in tensors if name != MANIFEST]):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, tensors[name].numpy().tobytes())
    prepare_folder(folder, read_spec_text(folder))
    write_bytes(folder / MANIFEST, tensors[MANIFEST].numpy().tobytes())
    manifest = read_manifest(folder / MANIFEST)
    manifest.check(*(manifest.files or ()))


def _targets(folder: Path, names: list[str]) -> Iterator[tuple[str, Path]]:
    for name in names:
        if not _IS_CELL_FILE(name):
            raise RunError(f"The cell contains a file '{name}', which no cell has.")
        *parents, last = name.split("/")
        yield name, inside(folder_inside(folder, *parents) if parents else folder, last)
