"""A sweep's folder at a URL. This machine works in a copy of the folder, and uploads each cell when it is finished."""

import hashlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from antivenom.errors import CellsFailedError, RunError, SettingsError, WriteError
from antivenom.files.writing import folder_inside, inside, write_bytes
from antivenom.runner.events import CellFinished, Event, FolderTaken, OnEvent, Planned
from antivenom.runner.results.folder import FILES, RUN_MARK, STATUS
from antivenom.runner.results.manifest import MANIFEST
from antivenom.runner.spec.axes import MAX_CELLS
from antivenom.storage.places.addresses import local_path
from antivenom.storage.places.shared_lease import LEASES

SECONDS_BETWEEN_STATUS = 5.0
"""The time between two uploads of the status, so that other machines see how far the sweep is."""

MAX_FILES = 100 * MAX_CELLS
"""The most files of a sweep."""

WEIGHTS = (".safetensors", "poison.npz")
"""The ends of the names of files that a report does not read."""

REPORT_FILES = ("table.", "costs.csv", "report.html", "figures/")
"""The starts of the names of files that a report writes."""

_FILE = "|".join(re.escape(name) for name in ("spec.yaml", *FILES))
_STATUS = r"status(-\d+-of-\d+)?\.json"
_PICTURE = r"figures/[\w.-]+\.(?:png|svg)"
_NAME = re.compile(
    rf"(cells/(?!\.)[^/\\\0]{{1,255}}/)?({_FILE}|{_STATUS}|repeats/\d+/(?:{_FILE})|{_PICTURE})", re.ASCII
)
"""The files that a sweep may have. Others at the URL are neither read nor removed."""


def is_url(out: Path | str | None) -> bool:
    """Return whether a run's folder is the URL of another place. `file://` is a folder.

    >>> is_url("s3://bucket/study"), is_url("runs/study"), is_url("file:///tmp/study")
    (True, False, False)
    """
    return isinstance(out, str) and local_path(out) is None


def local_folder(out: Path | str) -> Path:
    """Return the path of a run's folder.

    Raises:
        SettingsError: it is a URL, which only sweeps can write to.
    """
    path = local_path(str(out))
    if path is None:
        raise SettingsError(
            [f"The folder of this run must be on this machine; got {out}. Only a sweep can have a URL."]
        )
    return path


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

    def download(self, *, all_files: bool) -> None:
        """Copy the files at the URL that are missing here or differ.

        Args:
            all_files: whether weights and poison are copied too, which a run needs, and a report does not.

        Raises:
            RunError: the place cannot be read, has other files than a sweep, or too many.
        """
        sizes = self._sizes()
        for name in sizes:
            if name.startswith("cells/") and name.endswith(f"/{MANIFEST}") and name.count("/") == 2:
                self._remove_if_replaced(name)
        for name in sorted(sizes, key=_order):
            if all_files or not name.endswith(WEIGHTS):
                self._copy(name, sizes[name])

    def upload(self, *starts: str) -> None:
        """Copy the files that have changed since the last upload. A cell's manifest is the last of its files.

        Args:
            starts: how the names of these files start, such as `cells/1-mlp/`; none for all files.

        Raises:
            WriteError: the place cannot be written to. The copy on this machine is kept.
        """
        with self._one_at_a_time:
            for name in sorted(self._local(starts or ("",)), key=_order):
                self._upload(name)

    def remove_others(self) -> None:
        """Remove the files of an earlier run at the URL that this one has replaced."""
        kept = set(self._local(("",)))
        others = [name for name in self._sizes() if name not in kept]
        if others:
            self._place.remove(*others)

    def remove_others_here(self) -> None:
        """Remove the files here that are no longer at the URL."""
        there = self._sizes()
        for name in list(self._local(("",))):
            if name not in there:
                (self.folder / name).unlink()

    def on_event(self, event: Event) -> None:
        """Upload each cell that is finished."""
        if isinstance(event, Planned):
            self.remove_others()
            self.upload()
        elif isinstance(event, CellFinished) and not event.kept:
            self.upload(f"cells/{event.cell}/")

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
            try:
                self.upload(STATUS)
            except WriteError:  # the next upload of a cell reports it, if it lasts
                continue

    def _sizes(self) -> dict[str, int]:
        entries = self._place.all_sizes()
        own = {name: size for name, size in entries.items() if _NAME.fullmatch(name)}
        others = [name for name in entries if name not in own and name.partition("/")[0] not in (LEASES, "parts")]
        if others and not own:
            raise RunError(f"{self.address} is not empty and is not a sweep of antivenom. Choose another place.")
        if len(own) > MAX_FILES:
            raise RunError(f"{self.address} has {len(own):,} files; a sweep has at most {MAX_FILES:,}.")
        return own

    def _local(self, starts: tuple[str, ...]) -> Iterator[str]:
        for file in self.folder.rglob("*"):
            name = file.relative_to(self.folder).as_posix()
            if name.startswith(starts) and _NAME.fullmatch(name) and file.is_file() and not file.is_symlink():
                yield name

    def _upload(self, name: str) -> None:
        file = self.folder / name
        state = file.stat()
        mark = (state.st_mtime_ns, state.st_size)
        if self._uploaded.get(name) != mark:
            self._place.publish(name, lambda part: shutil.copyfile(file, part))
            self._uploaded[name] = mark

    def _remove_if_replaced(self, manifest: str) -> None:
        """Remove a cell here if the cell at the URL has another manifest."""
        cell = folder_inside(self.folder, "cells", manifest.split("/")[1])
        if (cell / MANIFEST).is_file():
            with self._place.as_local_file(manifest) as file:
                if file is not None and file.read_bytes() != (cell / MANIFEST).read_bytes():
                    shutil.rmtree(cell)

    def _copy(self, name: str, size: int) -> None:
        *parents, last = name.split("/")
        place = folder_inside(self.folder, *parents) if parents else self.folder
        target = inside(place, last)
        is_fixed = len(parents) > 1 and parents[0] == "cells" and last != MANIFEST
        if not (is_fixed and target.is_file() and target.stat().st_size == size):
            with self._place.as_local_file(name) as file:
                if file is None:  # removed at this moment
                    return
                if name == "spec.yaml" and not file.read_bytes().startswith(RUN_MARK.encode()):
                    raise RunError(f"{self.address} is not a sweep of antivenom. Choose another place.")
                place.mkdir(parents=True, exist_ok=True)
                write_bytes(target, file.read_bytes())
        state = target.stat()
        self._uploaded[name] = (state.st_mtime_ns, state.st_size)


@contextmanager
def placed(out: Path | str, on_event: OnEvent) -> Iterator[tuple[Path, OnEvent]]:
    """Yield the folder of a sweep on this machine, and the receiver of its events.

    For a URL, the folder begins with what is there. Every finished cell is uploaded at once, other files at the end.

    Args:
        out: the folder, or its URL.
        on_event: receives all events too.

    Raises:
        RunError: the place cannot be read, or is not empty and not a sweep.
        WriteError: the place cannot be written to. Finished cells are kept on this machine, for the next run.
    """
    if not is_url(out):
        yield local_folder(out), on_event
        return
    address = str(out)
    mirror = Mirror(address)

    def both(event: Event) -> None:
        on_event(event)
        mirror.on_event(event)

    with mirror.leased(lambda owner: on_event(FolderTaken(address, owner))):
        mirror.download(all_files=True)
        try:
            yield mirror.folder, both
        except CellsFailedError:
            mirror.upload()  # the other cells have a table
            raise
        mirror.upload()


@contextmanager
def reported(folder: Path | str) -> Iterator[Path]:
    """Yield the folder of a sweep on this machine, to read it and to write its report.

    A URL is copied first, without weights, into another folder than that of a run. The report is uploaded at the end.

    Raises:
        RunError: the place cannot be read.
        WriteError: the place cannot be written to.
    """
    if not is_url(folder):
        yield local_folder(folder)
        return
    mirror = Mirror(str(folder), "report")
    mirror.download(all_files=False)
    mirror.remove_others_here()
    yield mirror.folder
    mirror.upload(*REPORT_FILES)


def _order(name: str) -> tuple[bool, bool, str]:
    """Return a key that sorts cells first, and each manifest after the other files."""
    return (not name.startswith("cells/"), name.endswith(MANIFEST), name)
