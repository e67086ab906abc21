"""Fetching the named data sets: resumed where it was cut off, checked by SHA-256, written whole or not at all."""

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
from typing import Any, Literal

from antivenom.data.home import data_home
from antivenom.data.remotes import REMOTES, Remote
from antivenom.errors import DataError, MissingDataError, UnknownComponentError
from antivenom.registry import did_you_mean

CHUNK = 1 << 18
TRIES = 4
TIMEOUT = 30.0
PINS = "sums.json"

OnProgress = Callable[[str, int, int], object]
"""Told a file's name, how many of its bytes are there, of how many."""


@dataclass(frozen=True)
class State:
    """What is known of one file of a data set.

    Attributes:
        file: where it is, or belongs.
        state: `there`, `missing`, or, once checked, `right`, `wrong`, or `unknown`: no sum to hold it against.
    """

    file: Path
    state: Literal["there", "missing", "right", "wrong", "unknown"]


def offline() -> bool:
    """Whether `$ANTIVENOM_OFFLINE` says that the network is not to be touched."""
    return os.environ.get("ANTIVENOM_OFFLINE", "").lower() not in ("", "0", "false", "no")


def remotes(name: str) -> tuple[Remote, ...]:
    """The published files of a data set.

    Raises:
        UnknownComponentError: nothing of that name is published.
    """
    if name not in REMOTES:
        raise UnknownComponentError(
            f"There is nothing to get for '{name}'.{did_you_mean(name, REMOTES)} There are: {', '.join(REMOTES)}."
        )
    return REMOTES[name]


def present(name: str) -> list[State]:
    """Which files of a data set are there; none is read.

    >>> {state.state for state in present("mnist")} <= {"there", "missing"}
    True
    """
    files = [_found(data_home() / file) for remote in remotes(name) for file in remote.files]
    return [State(file, "there" if file.is_file() else "missing") for file in files]


def check(name: str) -> Iterator[State]:
    """Hold each file of a data set against its sum: the published one, or the one it had when it was unpacked."""
    home, pins = data_home(), _pins(data_home())
    for remote in remotes(name):
        for relative in remote.files:
            file = _found(home / relative)
            if not file.is_file():
                yield State(file, "missing")
                continue
            wanted = pins.get(relative) if remote.members or file != home / relative else remote.sha256
            state = "unknown" if wanted is None else "right" if _sum(file) == wanted else "wrong"
            yield State(file, state)  # type: ignore[arg-type]


def get(name: str, *, on_progress: OnProgress = lambda *_: None, network: bool = True) -> list[Path]:
    """Fetch what is missing of a data set.

    What was begun is gone on with where the server can. A file appears under its name only when its sum was right.

    Args:
        name: `mnist`, `fashion_mnist`, `cifar10` or `cifar100`.
        on_progress: told how far it is.
        network: False to touch no network: then whatever is missing is an error.

    Returns:
        The files that were written.

    Raises:
        MissingDataError: files are missing, and the network is not to be touched.
        DataError: the server did not give it, or gave something else.
    """
    home, written = data_home(), list[Path]()
    for remote in remotes(name):
        absent = [file for file in remote.files if not _found(home / file).is_file()]
        if not absent:
            continue
        if not network or offline():
            raise MissingDataError(
                f"{home / absent[0]} is missing, and the network is not to be touched. Put it there: {remote.url}"
            )
        archive = home / remote.place
        if not (remote.members and archive.is_file() and _sum(archive) == remote.sha256):
            _fetch(remote, archive, on_progress)
        if remote.members:
            written += _unpack(remote, archive, home, on_progress)
            archive.unlink(missing_ok=True)
        else:
            written.append(archive)
    return written


def _found(file: Path) -> Path:
    """The file, or the same without `.gz` where that is there instead."""
    plain = file.with_suffix("")
    return plain if file.suffix == ".gz" and not file.is_file() and plain.is_file() else file


def _fetch(remote: Remote, target: Path, on_progress: OnProgress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
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
        except (OSError, HTTPException) as caught:
            error = caught
    else:
        part_size = part.stat().st_size if part.is_file() else 0
        raise DataError(
            f"{remote.url} could not be fetched: {error}. {part_size} bytes are kept; get goes on from there."
        )
    if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410):
        raise DataError(f"{remote.url} could not be fetched: {error}.")
    found = _sum(part)
    if found != remote.sha256:
        part.unlink()
        raise DataError(f"{remote.url} is not what it was: SHA-256 {found}, not {remote.sha256}. Nothing was kept.")
    part.replace(target)


RETRY_AFTER = 1.0
"""Seconds; the tests have less patience."""


def _stream(remote: Remote, part: Path, on_progress: OnProgress) -> None:
    """Bring a part to the whole. It may not end as more bytes than were published."""
    have = part.stat().st_size if part.is_file() else 0
    if have > remote.size:
        part.unlink()
        have = 0
    if have == remote.size:
        return
    request = urllib.request.Request(remote.url, headers={"User-Agent": "antivenom"})  # noqa: S310 - from our own table
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _OPENER.open(request, timeout=TIMEOUT) as answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        with part.open("ab" if resumed else "wb") as sink:
            while chunk := answer.read(CHUNK):
                have += len(chunk)
                if have > remote.size:
                    sink.close()
                    part.unlink()
                    raise DataError(f"{remote.url} gives more than the {remote.size} bytes that were published.")
                sink.write(chunk)
                on_progress(part.name.removesuffix(".part"), have, remote.size)
            sink.flush()
            os.fsync(sink.fileno())
    if have < remote.size:
        raise ConnectionError(f"it ended after {have} of {remote.size} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """A few redirects, to the web alone, and none from a sealed connection to an open one."""

    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request that a redirect leads to."""
        sealed = req.full_url.startswith("https:")
        if not newurl.startswith("https:" if sealed else ("http:", "https:")):
            raise urllib.error.URLError(f"it leads from {req.full_url} to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)


def _unpack(remote: Remote, archive: Path, home: Path, on_progress: OnProgress) -> list[Path]:
    """The wanted members of an archive, each whole or not at all; nothing else in it is looked at."""
    wanted, folder, sums, written = dict(remote.members), archive.parent, {}, list[Path]()
    try:
        with tarfile.open(archive, "r|gz") as opened:
            for member in opened:
                name = member.name.removeprefix("./")
                if name not in wanted or not member.isreg():
                    continue
                if member.size > wanted[name]:
                    raise DataError(f"{archive}: {name} has {member.size} bytes, more than the {wanted[name]} it may.")
                stream = opened.extractfile(member)
                assert stream is not None
                file = folder / name
                sums[str(file.relative_to(home))] = _copy(stream, file)
                written.append(file)
                del wanted[name]
                on_progress(name, len(written), len(remote.members))
                if not wanted:
                    break
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{archive} cannot be unpacked: {error}") from error
    if wanted:
        raise DataError(f"{archive} does not hold {', '.join(wanted)}.")
    _pin(home, sums)
    return written


def _copy(stream: Any, file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    part, digest = file.with_name(f".{file.name}.part"), hashlib.sha256()
    with part.open("wb") as sink:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            sink.write(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    part.replace(file)
    return digest.hexdigest()


def _sum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pins(home: Path) -> dict[str, str]:
    try:
        held = json.loads((home / PINS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{home / PINS} is damaged: {error}. Remove it, and get the data again.") from error
    return {str(name): str(value) for name, value in held.items()} if isinstance(held, dict) else {}


def _pin(home: Path, sums: dict[str, str]) -> None:
    text = json.dumps({**_pins(home), **sums}, indent=2, sort_keys=True) + "\n"
    part = home / f".{PINS}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(home / PINS)
