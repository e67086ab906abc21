"""A folder of images, one folder a class, or a ZIP file of one. Nothing is unpacked onto the disk."""

import os
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType

from antivenom.data.formats.images import is_image
from antivenom.errors import DataError, MissingDataError

MAX_FILE = 256 << 20
"""An image file may have so many bytes."""

MAX_RATIO = 200
"""A ZIP file may unpack to so many times its own size: PNG and JPEG hardly shrink at all."""

TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Leaf:
    """An image: its split (`train`, `test` or nothing), its class, and its path within the tree."""

    split: str
    label: str
    path: str


class Tree:
    """The images of a folder or a ZIP file, and their bytes. Use as a context.

    The classes are the folders' names. They stand at the top, or within `train` and `test` (or `val`). Files that are
    no images by their names, and all that begins with a dot, are left out. A ZIP file may hold the folder itself.

    Args:
        path: the folder or the `.zip` file.

    Raises:
        MissingDataError: nothing is there.
        DataError: it holds no images in folders, is damaged, would unpack to far more than its size, or a link leads
            out of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._lock = threading.Lock()
        if path.is_dir():
            paths = list(_walk(path))
        elif path.exists():
            self._archive = _opened(path)
            paths = list(_members(self._archive, path))
        else:
            raise MissingDataError(f"{path} is missing.")
        try:
            self.leaves = _leaves(sorted(paths), path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Tree":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the ZIP file."""
        if self._archive is not None:
            self._archive.close()

    def content(self, leaf: Leaf) -> bytes:
        """An image's bytes; from any thread.

        Raises:
            DataError: it cannot be read, or is larger than an image may be.
        """
        where = f"{self.path}/{leaf.path}"
        try:
            if self._archive is None:
                with (self.path / leaf.path).open("rb") as stream:
                    content = stream.read(MAX_FILE + 1)
            else:
                with self._lock, self._archive.open(leaf.path) as member:
                    content = member.read(MAX_FILE + 1)
        except OSError as error:
            raise DataError(f"{where} cannot be read: {error.strerror or error}") from error
        except (*DAMAGE, NotImplementedError) as error:
            raise DataError(f"{where} cannot be unpacked: {error}") from error
        if len(content) > MAX_FILE:
            raise DataError(f"{where} has more than {MAX_FILE} bytes.")
        return content


def files_in(path: Path) -> tuple[Path, ...]:
    """The files that a tree reads: the ZIP file, or every image of the folder."""
    if not path.is_dir():
        return (path,)
    with Tree(path) as tree:
        return tuple(Path(f"{path}{os.sep}{leaf.path}") for leaf in tree.leaves)


def _walk(root: Path) -> Iterator[str]:
    """The paths of all images below a folder, relative to it."""
    inside, folders = f"{root.resolve()}{os.sep}", [""]
    while folders:
        prefix = folders.pop()
        try:
            with os.scandir(f"{root}{os.sep}{prefix}") as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            raise DataError(f"{root}/{prefix} cannot be read: {error.strerror or error}") from error
        for entry in found:
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{prefix}{entry.name}/")
            elif real != entry.path and Path(real).is_dir():
                raise DataError(f"{entry.path} is a link to a folder. Links to folders are not followed.")
            elif is_image(entry.name):
                if real != entry.path and not real.startswith(inside):
                    raise DataError(f"{entry.path} is a link that leads out of {root}.")
                if not (entry.is_file(follow_symlinks=False) or Path(real).is_file()):
                    raise DataError(f"{entry.path} is no regular file.")
                yield prefix + entry.name


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise DataError(f"{path} is neither a folder nor a ZIP file, or a damaged one: {error}") from error


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[str]:
    """The names of all images in a ZIP file."""
    total, seen = 0, set[str]()
    for info in archive.infolist():
        parts = PurePosixPath(info.filename).parts
        if info.filename.startswith("/") or ".." in parts or "\\" in info.filename or "\0" in info.filename:
            raise DataError(f"{path} holds the name {info.filename!r}, which leads out of it.")
        if (
            info.filename.endswith("/")
            or not is_image(info.filename)
            or any(part.startswith((".", "__MACOSX")) for part in parts)
        ):
            continue
        if info.filename in seen:
            raise DataError(f"{path} holds {info.filename!r} twice.")
        seen.add(info.filename)
        total += info.file_size
        if info.flag_bits & 1:
            raise DataError(f"{path}: {info.filename!r} is encrypted.")
        yield info.filename
    size = path.stat().st_size
    if total > MAX_RATIO * size:
        raise DataError(f"{path} claims to unpack to {total} bytes from {size}.")


def _leaves(paths: list[str], root: Path) -> tuple[Leaf, ...]:
    parts = [path.split("/") for path in paths]
    skip = 0
    while _wrapped(parts, skip):
        skip += 1  # a ZIP file of the folder itself
    split = bool(parts) and all(len(part) >= skip + 3 and part[skip] in (*TRAIN, *TEST) for part in parts)
    leaves = []
    for path, part in zip(paths, parts, strict=True):
        names = part[skip:]
        if len(names) < 2:
            raise DataError(f"{root}/{path} is in no class's folder. Put every image into a folder of its class.")
        kind = ("train" if names[0] in TRAIN else "test") if split else ""
        leaves.append(Leaf(kind, names[1] if split else names[0], path))
    if not leaves:
        raise DataError(f"{root} holds no images in folders of their classes.")
    return tuple(leaves)


def _wrapped(parts: list[list[str]], skip: int) -> bool:
    """Whether all is in one folder that is neither a split nor a class: below it come folders again."""
    deep = bool(parts) and all(len(part) > skip + 2 for part in parts)
    return deep and len({part[skip] for part in parts}) == 1 and parts[0][skip] not in (*TRAIN, *TEST)
