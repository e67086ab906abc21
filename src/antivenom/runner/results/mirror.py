"""A sweep's folder at a URL. This machine works in a copy of the folder, and uploads each cell when it is finished."""

import hashlib
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from antivenom.errors import CellsFailedError, RunError, SettingsError, WriteError
from antivenom.files.writing import atomic_file, folder_inside, inside, write_error
from antivenom.runner.events import CellFinished, Event, FolderTaken, OnEvent, Planned
from antivenom.runner.results.folder import RUN_FILE, RUN_MARK, STATUS
from antivenom.runner.results.manifest import MANIFEST
from antivenom.runner.spec.axes import MAX_CELLS
from antivenom.storage.places.addresses import is_url, local_folder

SECONDS_BETWEEN_STATUS = 5.0
"""The time between two uploads of the status, so that other machines see how far the sweep is."""

MAX_FILES = 100 * MAX_CELLS
"""The most files of a sweep."""

Choice = Callable[[str], bool]
"""Chooses files by their names in the sweep's folder."""

REPORT_FILES = ("table.", "costs.csv", "report.html", "figures/")
"""The starts of the names of files that a report writes."""

_MARK = RUN_MARK.encode()
_NAME = re.compile(
    rf"(cells/(?!\.)[^/\\\0]{{1,255}}/)?({RUN_FILE}|status(-\d+-of-\d+)?\.json|figures/[\w.-]+\.(?:png|svg))", re.ASCII
)
"""The files that a sweep may have. Others at the URL are neither read nor removed."""


class Mirror:
    """A copy of a sweep's folder at a URL, in the cache folder of this machine.

    Args:
        address: the URL of the folder, with options of the file system after a question mark.
        use: what the copy is for. Each use has its own copy.

    Raises:
        SettingsError: the URL is wrong.
        AntivenomError: a package is missing.
    """

    def __init__(self, address: str, use: str = "run") -> None:
        from antivenom.storage.places.remote import RemotePlace  # noqa: PLC0415 - fsspec is needed only here

        self.address = address
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.folder = platformdirs.user_cache_path("antivenom") / "sweeps" / f"{digest}-{use}"
        self._place = RemotePlace(address, called="folder")
        self._uploaded: dict[str, tuple[int, int]] = {}
        self._one_at_a_time = threading.Lock()

    def download(self, wanted: Choice = lambda _: True) -> None:
        """Copy the files at the URL that are missing here or differ.

        Args:
            wanted: the files that are needed.

        Raises:
            RunError: the place cannot be read, has other files than a sweep, or too many.
            WriteError: this disk is full.
        """
        sizes = self._sizes()
        for name in filter(_is_of_cell, filter(_is_manifest, sizes)):
            self._remove_if_replaced(name)
        for name in sorted(filter(wanted, sizes), key=_order):
            if not (_is_of_cell(name) and _size(self.folder / name) == sizes[name]):
                self._copy(name)

    def upload(self) -> None:
        """Copy the files that have changed since the last upload.

        Raises:
            WriteError: the place cannot be written to. The copy on this machine is kept.
        """
        self._upload(self._names(self.folder.rglob("*")))

    def upload_report(self) -> None:
        """Copy the files of the report that have changed since the download."""
        self._upload(name for name in self._names(self._beside_cells()) if name.startswith(REPORT_FILES))

    def remove_others(self) -> None:
        """Remove the files of an earlier run at the URL that this one has replaced."""
        kept = set(self._names(self.folder.rglob("*")))
        others = [name for name in self._sizes() if name not in kept]
        if others:
            self._place.remove(*others)

    def remove_others_here(self) -> None:
        """Remove the files here that are no longer at the URL."""
        there = self._sizes()
        for name in [name for name in self._names(self.folder.rglob("*")) if name not in there]:
            (self.folder / name).unlink()

    def on_event(self, event: Event) -> None:
        """Upload each cell that is finished."""
        if isinstance(event, Planned):
            self.remove_others()
            self.upload()
        elif isinstance(event, CellFinished) and not event.kept:
            self._upload(self._names((self.folder / "cells" / event.cell).rglob("*")))

    @contextmanager
    def leased(self, on_wait: Callable[[str], object]) -> Iterator[None]:
        """Hold the lease of the folder, so that two sweeps do not write to it, and show the status meanwhile."""
        ended = threading.Event()
        with self._place.lease("sweep", on_wait):
            beat = threading.Thread(target=self._show_status, args=(ended,), daemon=True)
            beat.start()
            try:
                yield
            finally:
                ended.set()
                beat.join()

    def _show_status(self, ended: threading.Event) -> None:
        while not ended.wait(SECONDS_BETWEEN_STATUS):
            with suppress(WriteError):  # the next upload of a cell reports it, if it lasts
                self._upload(self._names([self.folder / STATUS]))

    def _sizes(self) -> dict[str, int]:
        entries = self._place.all_sizes()
        own = {name: size for name, size in entries.items() if _NAME.fullmatch(name)}
        if entries and not own:
            raise RunError(f"{self.address} is not empty and is not a sweep of antivenom. Choose another place.")
        if len(own) > MAX_FILES:
            raise RunError(f"{self.address} has {len(own):,} files; a sweep has at most {MAX_FILES:,}.")
        return own

    def _beside_cells(self) -> Iterator[Path]:
        yield from self.folder.glob("*")
        yield from self.folder.glob("figures/*")

    def _names(self, files: Iterable[Path]) -> Iterator[str]:
        for file in files:
            name = file.relative_to(self.folder).as_posix()
            if _NAME.fullmatch(name) and file.is_file() and not file.is_symlink():
                yield name

    def _upload(self, names: Iterable[str]) -> None:
        """Upload files in their order, which puts a cell's manifest last."""
        with self._one_at_a_time:
            for name in sorted(names, key=_order):
                with suppress(FileNotFoundError):  # replaced or removed at this moment
                    self._upload_one(name)

    def _upload_one(self, name: str) -> None:
        file = self.folder / name
        mark = _mark(file)
        if self._uploaded.get(name) != mark:
            self._place.publish(name, lambda part: _copy_file(file, part))
            self._uploaded[name] = mark

    def _remove_if_replaced(self, manifest: str) -> None:
        """Remove a cell here if the cell at the URL has another manifest."""
        cell = folder_inside(self.folder, *manifest.split("/")[:-1])
        if (cell / MANIFEST).is_file():
            with self._place.as_local_file(manifest) as file:
                if file is not None and file.read_bytes() != (cell / MANIFEST).read_bytes():
                    shutil.rmtree(cell)
                    return
            self._uploaded[manifest] = _mark(cell / MANIFEST)

    def _copy(self, name: str) -> None:
        *parents, last = name.split("/")
        place = folder_inside(self.folder, *parents) if parents else self.folder
        target = inside(place, last)
        with self._place.as_local_file(name) as file:
            if file is None:  # removed at this moment
                return
            if name == "spec.yaml" and not _begins_with(file, _MARK):
                raise RunError(f"{self.address} is not a sweep of antivenom. Choose another place.")
            with atomic_file(target, size=file.stat().st_size) as part:
                shutil.copyfile(file, part)
        self._uploaded[name] = _mark(target)


@contextmanager
def placed(out: Path | str, on_event: OnEvent, shard: tuple[int, int] | None = None) -> Iterator[tuple[Path, OnEvent]]:
    """Yield the folder of a sweep on this machine, and the receiver of its events.

    For a URL, the folder begins with what is there. Every finished cell is uploaded at once, other files at the end.

    Args:
        out: the folder, or its URL.
        on_event: receives all events too.
        shard: the part of the sweep that runs, if it is not the whole.

    Raises:
        SettingsError: shards would have to share a URL.
        RunError: the place cannot be read, or is not empty and not a sweep.
        WriteError: the place cannot be written to. Finished cells are kept on this machine, for the next run.
    """
    if not is_url(out):
        yield local_folder(out), on_event
        return
    if shard is not None:
        raise SettingsError([f"A shard requires a folder that all machines reach; got {out}."])
    address = str(out)
    mirror = Mirror(address)

    def both(event: Event) -> None:
        on_event(event)
        mirror.on_event(event)

    with mirror.leased(lambda owner: on_event(FolderTaken(address, owner))):
        mirror.download()
        try:
            yield mirror.folder, both
        except CellsFailedError:
            mirror.upload()  # the other cells have a table
            raise
        mirror.upload()


def for_report(name: str) -> bool:
    """Return whether a report reads a file: no weights, and no poison."""
    return not name.endswith((".safetensors", "poison.npz"))


def for_status(name: str) -> bool:
    """Return whether the status of a sweep needs a file: those of the sweep, and the manifests of its cells."""
    return "/" not in name or _is_manifest(name)


@contextmanager
def reported(folder: Path | str, wanted: Choice = for_report) -> Iterator[Path]:
    """Yield the folder of a sweep on this machine, to read it and to write its report.

    A URL is copied first, into another folder than that of a run. The report is uploaded at the end.

    Args:
        folder: the folder, or its URL.
        wanted: the files that are copied from a URL.

    Raises:
        RunError: the place cannot be read.
        WriteError: the place cannot be written to.
    """
    if not is_url(folder):
        yield local_folder(folder)
        return
    mirror = Mirror(str(folder), "report")
    mirror.download(wanted)
    mirror.remove_others_here()
    yield mirror.folder
    mirror.upload_report()


def _is_of_cell(name: str) -> bool:
    return name.startswith("cells/")


def _is_manifest(name: str) -> bool:
    return name.rpartition("/")[2] == MANIFEST


def _order(name: str) -> tuple[bool, bool, str]:
    """Return a key that sorts cells first, and each manifest after the other files."""
    return (not _is_of_cell(name), _is_manifest(name), name)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _mark(file: Path) -> tuple[int, int]:
    """Return the time and the size by which a changed file is noticed."""
    state = file.stat()
    return state.st_mtime_ns, state.st_size


def _begins_with(file: Path, start: bytes) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(start)) == start


def _copy_file(file: Path, to: Path) -> None:
    try:
        shutil.copyfile(file, to)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise write_error(to, error) from error
