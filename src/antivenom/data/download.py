"""Download named data sets: resume partial downloads, check SHA-256, and write complete files only."""

import gzip
import hashlib
import json
import os
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Literal

from antivenom.data.home import data_home
from antivenom.data.http import Pace, open_url
from antivenom.data.remotes import REMOTES, Remote
from antivenom.errors import DataError, MissingDataError, UnknownComponentError
from antivenom.files.opening import is_file, open_file, read_text
from antivenom.files.writing import atomic_file, make_folder, write_text
from antivenom.registry import did_you_mean

CHUNK = 1 << 18
TRIES = 4
TIMEOUT = 30.0
PATIENCE = 60.0
"""The longest time until the headers of an answer have arrived, also after redirects, in seconds."""
SLOWEST = 1 << 10
"""An answer that is slower than this in `PATIENCE` seconds, in bytes per second, counts as a broken connection."""
SPARE = 64 << 20
"""The bytes of an unpacked archive that are read in addition to its members."""
MAX_PINS = 1 << 20
PINS = "sums.json"

OnProgress = Callable[[str, int, int], object]
"""A callback that receives the file name, the bytes downloaded so far, and the total bytes."""


@dataclass(frozen=True)
class State:
    """The state of one file of a data set.

    Attributes:
        file: the path of the file, even if it does not exist.
        state: `there` or `missing`; after a check of its SHA-256 sum `right`, `wrong`, or `unknown` if there is no
            sum to compare with.
    """

    file: Path
    state: Literal["there", "missing", "right", "wrong", "unknown"]


def offline() -> bool:
    """True if `$ANTIVENOM_OFFLINE` forbids network access."""
    return os.environ.get("ANTIVENOM_OFFLINE", "").lower() not in ("", "0", "false", "no")


def remotes(name: str) -> tuple[Remote, ...]:
    """Return the published files of a data set.

    Raises:
        UnknownComponentError: no download has that name.
    """
    if name not in REMOTES:
        raise UnknownComponentError(
            f"Unknown download '{name}'.{did_you_mean(name, REMOTES)} Use one of: {', '.join(REMOTES)}."
        )
    return REMOTES[name]


def present(name: str) -> list[State]:
    """Return the files of a data set, and if each exists. It reads none of them.

    >>> {state.state for state in present("mnist")} <= {"there", "missing"}
    True
    """
    files = [_existing(data_home() / file) for remote in remotes(name) for file in remote.files]
    return [State(file, "there" if is_file(file) else "missing") for file in files]


def check(name: str) -> Iterator[State]:
    """Compare each file of a data set with its SHA-256 sum: the published sum, or the sum stored at unpacking."""
    home, pins = data_home(), _pins(data_home())
    for remote in remotes(name):
        for relative in remote.files:
            file = _existing(home / relative)
            if not is_file(file):
                yield State(file, "missing")
                continue
            expected = pins.get(relative) if remote.members or file != home / relative else remote.sha256
            state = "unknown" if expected is None else "right" if _sum(file) == expected else "wrong"
            yield State(file, state)  # type: ignore[arg-type]


def get(name: str, *, on_progress: OnProgress = lambda *_: None, network: bool = True) -> list[Path]:
    """Download the missing files of a data set.

    A partial download resumes if the server supports it. A file gets its final name only after its sum was checked.

    Args:
        name: `mnist`, `fashion_mnist`, `cifar10` or `cifar100`.
        on_progress: called after each chunk.
        network: False to forbid network access. A missing file is then an error.

    Returns:
        The paths of the files that were written.

    Raises:
        MissingDataError: files are missing, and network access is not allowed.
        DataError: the download failed, or the file does not have the published sum.
    """
    home, written = data_home(), list[Path]()
    for remote in remotes(name):
        absent = [file for file in remote.files if not is_file(_existing(home / file))]
        if not absent:
            continue
        if not network or offline():
            raise MissingDataError(
                f"{home / absent[0]} is missing, and network access is off. Download {remote.url} to that path, or "
                "allow network access."
            )
        archive = home / remote.place
        if not (remote.members and is_file(archive) and _sum(archive) == remote.sha256):
            _fetch(remote, archive, on_progress)
        if remote.members:
            written += _unpack(remote, archive, home, on_progress)
            archive.unlink(missing_ok=True)
        else:
            written.append(archive)
    return written


def _existing(file: Path) -> Path:
    """Return the file, or the file without `.gz` if only that exists."""
    plain = file.with_suffix("")
    return plain if file.suffix == ".gz" and not is_file(file) and is_file(plain) else file


def _fetch(remote: Remote, target: Path, on_progress: OnProgress) -> None:
    make_folder(target.parent, size=remote.size)
    part = target.with_name(f"{target.name}.part")
    for place in (part, target):
        if place.is_symlink():
            place.unlink()
        elif place.exists() and not place.is_file():
            raise DataError(f"{place} must be a regular file. Remove what has this name.")
    error: Exception | None = None
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(2.0**attempt, 10) * RETRY_AFTER)
        try:
            _stream(remote, part, on_progress)
            break
        except urllib.error.HTTPError as caught:
            error = caught
            caught.close()
            if caught.code in (401, 403, 404, 410):
                break
        except DataError:
            raise
        except (OSError, HTTPException, ValueError) as caught:  # a ValueError: a wrong address in a redirect
            error = caught
    else:
        part_size = part.stat().st_size if is_file(part) else 0
        raise DataError(
            f"{remote.url} could not be downloaded: {error}. {part_size} bytes are kept. Run it again to continue."
        )
    if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410):
        raise DataError(f"{remote.url} could not be downloaded: {error}.")
    actual = _sum(part)
    if actual != remote.sha256:
        part.unlink()
        raise DataError(f"{remote.url} must have SHA-256 {remote.sha256}; got {actual}. The download was deleted.")
    part.replace(target)


RETRY_AFTER = 1.0
"""The factor of the waiting times between attempts, in seconds. Tests make it smaller."""


def _stream(remote: Remote, part: Path, on_progress: OnProgress) -> None:
    """Download the rest of a partial file. Refuse more bytes than the published size."""
    have = part.stat().st_size if is_file(part) else 0
    if have > remote.size:
        part.unlink()
        have = 0
    if have == remote.size:
        return
    request = urllib.request.Request(remote.url, headers={"User-Agent": "antivenom"})  # noqa: S310 - from our own table
    if have:
        request.add_header("Range", f"bytes={have}-")
    pace = Pace(PATIENCE, SLOWEST, TIMEOUT)
    with open_url(request, pace) as answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        with part.open("ab" if resumed else "wb") as sink:
            while chunk := answer.read1(CHUNK):
                have += len(chunk)
                pace.add(len(chunk))
                if have > remote.size:
                    sink.close()
                    part.unlink()
                    raise DataError(f"{remote.url} sends more than the published {remote.size} bytes.")
                sink.write(chunk)
                on_progress(part.name.removesuffix(".part"), have, remote.size)
            sink.flush()
            os.fsync(sink.fileno())
    if have < remote.size:
        raise ConnectionError(f"the connection closed after {have} of {remote.size} bytes")


UNPACKING = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, LookupError, ArithmeticError, RuntimeError)
"""What `tarfile` and `gzip` raise for a damaged archive."""


def _unpack(remote: Remote, archive: Path, home: Path, on_progress: OnProgress) -> list[Path]:
    """Unpack the required members of an archive, each completely or not at all. Ignore all other members."""
    members, folder, sums, written = dict(remote.members), archive.parent, {}, list[Path]()
    limit = 2 * sum(members.values()) + SPARE
    try:
        with open_file(archive) as packed, tarfile.open(fileobj=_Bounded(packed, limit), mode="r|") as opened:
            for member in opened:
                name = member.name.removeprefix("./")
                if name not in members or not member.isreg():
                    continue
                if member.size > members[name]:
                    raise DataError(f"{archive}: {name} must have at most {members[name]} bytes; got {member.size}.")
                stream = opened.extractfile(member)
                assert stream is not None
                file = folder / name
                sums[str(file.relative_to(home))] = _copy(stream, file)
                written.append(file)
                del members[name]
                on_progress(name, len(written), len(remote.members))
                if not members:
                    break
    except DataError:
        raise
    except UNPACKING as error:
        raise DataError(f"{archive} cannot be unpacked: {error}") from error
    if members:
        raise DataError(f"{archive} does not contain {', '.join(members)}.")
    _pin(home, sums)
    return written


class _Bounded(gzip.GzipFile):
    """The content of a gzip file, of which no more than a number of bytes are read: a small file may have terabytes."""

    def __init__(self, packed: BinaryIO, limit: int) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._left = limit

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes."""
        content = super().read(self._left + 1 if size is None or size < 0 else min(size, self._left + 1))
        self._left -= len(content)
        if self._left < 0:
            raise DataError("The archive has far more bytes than its members. It was not unpacked.")
        return content


def _copy(stream: Any, file: Path) -> str:
    digest = hashlib.sha256()
    with atomic_file(file) as part, part.open("wb") as sink:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            sink.write(chunk)
    return digest.hexdigest()


def _sum(file: Path) -> str:
    with open_file(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pins(home: Path) -> dict[str, str]:
    try:
        values = json.loads(read_text(home / PINS, MAX_PINS))
    except MissingDataError:
        return {}
    except (DataError, ValueError, RecursionError) as error:
        raise DataError(f"{home / PINS} is damaged: {error}. Delete it, and download the data again.") from error
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def _pin(home: Path, sums: dict[str, str]) -> None:
    text = json.dumps({**_pins(home), **sums}, indent=2, sort_keys=True) + "\n"
    write_text(home / PINS, text)
