"""The manifest of a folder. It has a checksum of itself and of each file, so that no changed byte is read unnoticed."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antivenom.errors import DataError, MissingDataError, RunError
from antivenom.files.opening import open_file
from antivenom.storage.files import read_json, write_json

MANIFEST = "manifest.json"
"""The manifest of a run."""

FILES, CHECKSUM = "files", "checksum"
"""The keys of the files' checksums, and of the checksum of all other content of the manifest."""

BLOCK = 1 << 20

MAX_BYTES = 16 << 30
"""The largest file that is compared with its checksum, in bytes. A file of a stranger may be sparse."""


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read, and compared with its own checksum.

    Args:
        file: its path.
        about: its content without checksums.
        files: the checksum of each file of its folder, by the file's path in the folder. None for a folder that was
            made by hand, or by an older version: its files are accepted as they are.
    """

    file: Path
    about: dict[str, Any]
    files: Mapping[str, str] | None

    def check(self, *names: str) -> None:
        """Compare files with their checksums. A missing file is left to the code that needs it.

        Raises:
            RunError: a file was changed after it was written, or it is not one of the manifest's files.
        """
        for name in names if self.files is not None else ():
            assert self.files is not None
            file = self.file.parent / name
            checksum = _checksum_of(file, MAX_BYTES)
            if checksum is not None and checksum != self.files.get(name):
                raise RunError(_changed(file, self.file.name))

    def check_all(self, names: Iterable[str]) -> None:
        """Compare those of the files that the manifest has.

        Raises:
            RunError: a file was changed after it was written.
        """
        self.check(*(name for name in names if name in (self.files or ())))


def write_manifest(file: Path, about: Mapping[str, Any], names: Iterable[str], *, most: int | None = None) -> None:
    """Write a manifest with checksums. Write it after all other files of its folder.

    Args:
        file: its path.
        about: its content.
        names: the paths of the other files in its folder.
        most: the largest size of such a file, in bytes; None for any size.

    Raises:
        RunError: a file is larger than `most`, or cannot be read.
        WriteError: the manifest cannot be written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("1")
    >>> write_manifest(folder / "manifest.json", {"seed": 0}, ["a.txt"])
    >>> manifest = read_manifest(folder / "manifest.json")
    >>> manifest.check("a.txt")
    >>> manifest.about
    {'seed': 0}
    """
    sums = {name: _checksum_of(file.parent / name, most) for name in names}
    content = {**about, FILES: {name: each for name, each in sums.items() if each is not None}}
    write_json(file, {**content, CHECKSUM: _checksum(content)})


def read_manifest(file: Path) -> Manifest:
    """Return a manifest.

    Raises:
        RunError: it is missing, damaged, or was changed after it was written.
    """
    about = read_json(file)
    if not isinstance(about, dict):
        raise RunError(f"{file} must contain a mapping; got {type(about).__name__}.")
    if FILES not in about and CHECKSUM not in about:
        return Manifest(file, about, None)
    if about.pop(CHECKSUM, None) != _checksum(about) or not isinstance(about[FILES], dict):
        raise RunError(_changed(file, file.name))
    return Manifest(file, about, about.pop(FILES))


def _checksum(content: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(content))  # as it will be read: keys are text
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16).hexdigest()


def _checksum_of(file: Path, most: int | None) -> str | None:
    """Return the checksum of a file of no more than `most` bytes, or None if the file is missing."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open_file(file) as opened:
            size = os.fstat(opened.fileno()).st_size
            if most is not None and size > most:
                raise RunError(f"{file} must have at most {most:,} bytes; got {size:,}.")
            while block := opened.read(BLOCK):
                digest.update(block)
    except MissingDataError:
        return None
    except (DataError, OSError) as error:
        raise RunError(f"{file} cannot be read: {error}") from error
    return digest.hexdigest()


def _changed(file: Path, manifest: str) -> str:
    return (
        f"{file} was changed after it was written: its checksum differs. Restore it, or run the same command again. "
        f"If you changed it yourself, remove `{FILES}` and `{CHECKSUM}` from {manifest}."
    )
