"""A good folder, of which every input gets a copy made of hard links."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Base:
    """A folder of files that do not change.

    A file that the product writes to in place would change in the folder, too: `require_unchanged` finds it.

    Args:
        folder: the folder.
    """

    folder: Path

    def __post_init__(self) -> None:
        """Remember the content of all files."""
        self.folders = [each.relative_to(self.folder) for each in sorted(self.folder.rglob("*")) if each.is_dir()]
        self.files = {
            str(each.relative_to(self.folder)): each.read_bytes()
            for each in sorted(self.folder.rglob("*"))
            if each.is_file()
        }
        self.stamps = {name: _stamp(self.folder / name) for name in self.files}

    def copy(self, to: Path) -> Path:
        """Make a copy, and return it. A file in it must be replaced, not written to."""
        to.mkdir()
        for folder in self.folders:
            (to / folder).mkdir()
        for name in self.files:
            os.link(f"{self.folder}/{name}", f"{to}/{name}")
        return to

    def require_unchanged(self) -> None:
        """Raise an error if a file has another content, and restore it."""
        changed = []
        for name, content in self.files.items():
            file = self.folder / name
            with contextlib.suppress(FileNotFoundError):
                if _stamp(file) == self.stamps[name] or file.read_bytes() == content:
                    continue
            file.unlink(missing_ok=True)
            file.write_bytes(content)
            self.stamps[name] = _stamp(file)
            changed.append(name)
        if changed:
            raise RuntimeError(f"these files were written to in place: {changed}")

    @contextlib.contextmanager
    def copied(self, to: Path) -> Iterator[Path]:
        """Yield a copy. At the end, raise an error if a file was written to in place."""
        yield self.copy(to)
        self.require_unchanged()


def _stamp(file: Path) -> tuple[int, int]:
    about = file.stat()
    return about.st_size, about.st_mtime_ns


def quick_folder() -> str | None:
    """Return a folder in memory for temporary files, or None if this machine has none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30 else None
