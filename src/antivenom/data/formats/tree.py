"""Read images from a folder with a subfolder for each class, or from a ZIP file of it without unpacking it."""

import os
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, Literal

from antivenom.data.class_order import shown_values
from antivenom.data.formats.images import is_image
from antivenom.data.formats.splits import Leaf, leaves_of
from antivenom.errors import DataError
from antivenom.files.opening import is_file, is_folder, open_file, read_bytes

Empty = Literal["refuse", "ignore"]
"""The treatment of class folders without images."""

MAX_FILE = 256 << 20
"""The largest size of an image file, in bytes."""

MAX_RATIO = 200
"""The largest ratio of unpacked size to file size of a ZIP. PNG and JPEG can hardly be compressed more."""

OTHER_IMAGES = frozenset(
    ".avif .dcm .dng .cr2 .eps .exr .hdr .heic .heif .ico .jp2 .jxl .nef .nii .npy .pcx .raw .svg .tga".split()  # noqa: SIM905
)
"""The endings of images in other formats, which are left out."""

IGNORED = ("__MACOSX", "@eaDir")
"""Folders that systems add."""

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)


class Tree:
    """The images of a folder or a ZIP file, and their bytes. Use it in a `with` statement.

    The names of the folders are the classes. They are at the top, or inside folders such as `train` and `test`. Names
    that do not end like an image, or that start with a dot, are ignored. A ZIP file may contain the folder itself.

    Args:
        path: the folder or the `.zip` file.
        splits: the folders of the training set and of the test set; empty if there are none; None to infer them.
        empty: `refuse` class folders without images, or `ignore` them.

    Raises:
        MissingDataError: the path does not exist.
        DataError: it has no images in folders, or in a class folder; is damaged; unpacks to far more than its size; a
            link leads out of the folder; or folders can be splits or classes.
    """

    leaves: tuple[Leaf, ...]
    """The images, sorted by path."""
    assumptions: tuple[str, ...]
    """What was assumed about the folders, one sentence each."""

    def __init__(self, path: Path, splits: tuple[str, ...] | None = None, empty: Empty = "refuse") -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._stream: BinaryIO | None = None
        self._lock = threading.Lock()
        try:
            if is_folder(path):
                names = list(_walk(path))
            else:
                self._stream = open_file(path)
                self._archive = _opened(self._stream, path)
                names = list(_members(self._archive, path))
        except BaseException:
            self.close()
            raise
        try:
            self.leaves, notes, without = leaves_of(sorted(filter(is_image, names)), splits, _folders(names))
            notes += _about_empty(without, empty)
        except BaseException as error:
            self.close()
            if isinstance(error, DataError):
                raise DataError(f"{path} {error}") from error
            raise
        self.assumptions = (*notes, *_other_formats(names))

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
        if self._stream is not None:
            self._stream.close()

    def content(self, leaf: Leaf) -> bytes:
        """Return the bytes of an image. Threads may call this at the same time.

        Raises:
            DataError: the image cannot be read, or is larger than `MAX_FILE`.
        """
        where = f"{self.path}/{leaf.path}"
        try:
            if self._archive is None:
                return read_bytes(f"{self.path}{os.sep}{leaf.path}", MAX_FILE)
            with self._lock, self._archive.open(leaf.path) as member:
                content = member.read(MAX_FILE + 1)
        except OSError as error:
            raise DataError(f"{where} cannot be read: {error.strerror or error}") from error
        except (*DAMAGE, NotImplementedError) as error:
            raise DataError(f"{where} cannot be unpacked: {error}") from error
        if len(content) > MAX_FILE:
            raise DataError(f"{where} must have at most {MAX_FILE} bytes; it is larger.")
        return content


def files_in(path: Path, splits: tuple[str, ...] | None = None, empty: Empty = "refuse") -> tuple[Path, ...]:
    """Return the files that a tree reads: the ZIP file, or every image of the folder."""
    if not is_folder(path):
        return (path,)
    with Tree(path, splits, empty) as tree:
        return tuple(Path(f"{path}{os.sep}{leaf.path}") for leaf in tree.leaves)


def _other_formats(names: list[str]) -> tuple[str, ...]:
    """Return a sentence about the images of formats that are not read."""
    endings = Counter(
        PurePosixPath(name).suffix.lower() for name in names if not (is_image(name) or name.endswith("/"))
    )
    shown = ", ".join(f"{count:,} files {ending}" for ending, count in sorted(endings.items()))
    return (f"Images of other formats are left out: {shown}. Convert them to PNG to use them.",) if endings else ()


def _folders(names: list[str]) -> dict[str, str]:
    """Return all folders, with the endings of the files of other formats in them."""
    folders: dict[str, Counter[str]] = {}
    for name in names:
        inside = PurePosixPath(name.rstrip("/")) if name.endswith("/") else PurePosixPath(name).parent
        for folder in (inside, *inside.parents):
            counts = folders.setdefault(str(folder), Counter())
            if not name.endswith("/"):
                counts[PurePosixPath(name).suffix.lower()] += 1
    return {
        folder: ", ".join(f"{count:,} files {ending}" for ending, count in sorted(counts.items()))
        for folder, counts in folders.items()
        if folder != "."
    }


def _about_empty(without: dict[str, str], empty: Empty) -> tuple[str, ...]:
    """Return a sentence about class folders without images, which are left out.

    Raises:
        DataError: they are refused.
    """
    if not without:
        return ()
    shown = shown_values([f"'{folder}'{f' ({content})' if content else ''}" for folder, content in without.items()])
    if empty == "ignore":
        return (f"Folders without images are not classes: {shown}.",)
    advice = "Convert the files to PNG, or remove" if any(without.values()) else "Add images, or remove"
    raise DataError(
        f"has folders next to those of the classes without an image that is read: {shown}. {advice} these folders, or "
        "set empty_folders to ignore: they are then not classes."
    )


def _is_candidate(name: str) -> bool:
    """Return True for the name of an image, also of a format that is not read."""
    return is_image(name) or PurePosixPath(name).suffix.lower() in OTHER_IMAGES


def _walk(root: Path) -> Iterator[str]:
    """Yield the paths of all images in a folder and its subfolders, relative to it, and those of folders with `/`."""
    inside, folders = f"{root.resolve()}{os.sep}", [""]
    while folders:
        prefix = folders.pop()
        try:
            with os.scandir(f"{root}{os.sep}{prefix}") as members:
                entries = [entry for entry in members if not entry.name.startswith((".", *IGNORED))]
        except OSError as error:
            raise DataError(f"{root}/{prefix} cannot be read: {error.strerror or error}") from error
        for entry in entries:
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{prefix}{entry.name}/")
                yield folders[-1]
            elif real != entry.path and is_folder(Path(real)):
                raise DataError(f"{entry.path} must not be a link to a folder. Replace the link by the folder.")
            elif _is_candidate(entry.name):
                if real != entry.path and not real.startswith(inside):
                    raise DataError(f"{entry.path} is a link that leads out of {root}. Replace it by the file.")
                if not (entry.is_file(follow_symlinks=False) or is_file(Path(real))):
                    raise DataError(f"{entry.path} is not a regular file.")
                yield prefix + entry.name


def _opened(stream: BinaryIO, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise DataError(f"{path} is not a folder or a ZIP file, or is damaged: {error}") from error


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[str]:
    """Yield the names of all images in a ZIP file, and those of all folders with `/`."""
    total, seen = 0, set[str]()
    for info in archive.infolist():
        parts = PurePosixPath(info.filename).parts
        if info.filename.startswith("/") or ".." in parts or "\\" in info.filename or "\0" in info.filename:
            raise DataError(f"{path} contains the unsafe name {info.filename!r}, which leads out of the ZIP.")
        if any(part.startswith((".", *IGNORED)) for part in parts):
            continue
        if info.filename.endswith("/") or not _is_candidate(info.filename):
            folder = PurePosixPath(info.filename) if info.filename.endswith("/") else PurePosixPath(*parts).parent
            if folder.parts:
                yield f"{folder}/"
            continue
        if info.filename in seen:
            raise DataError(f"{path} contains {info.filename!r} twice.")
        seen.add(info.filename)
        total += info.file_size
        if info.flag_bits & 1:
            raise DataError(f"{path}: {info.filename!r} is encrypted. Use a ZIP without a password.")
        yield info.filename
    size = path.stat().st_size
    if total > MAX_RATIO * size:
        raise DataError(f"{path} declares {total} bytes, unpacked from only {size}.")
