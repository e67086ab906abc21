"""The revision and the source of the running package, for a run's manifest. No other program is started."""

import hashlib
import json
import re
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from antivenom.errors import DataError
from antivenom.files.opening import read_text

PACKAGE = Path(__file__).parents[2]
MAX_BYTES = 16 << 20
COMMIT = re.compile(r"[0-9a-f]{40,64}")


@cache
def revision() -> str | None:
    """Return the git commit of the running package, or None if it is unknown.

    It is known if the package manager recorded where the package comes from: a commit, or a checkout in development
    mode. A repository that only surrounds the package is not asked.
    """
    try:
        made = distribution("antivenom")
    except PackageNotFoundError:
        return None
    origin = _origin(made)
    commit = origin.get("vcs_info", {}).get("commit_id") if isinstance(origin.get("vcs_info"), dict) else None
    if isinstance(commit, str) and Path(str(made.locate_file("antivenom"))) == PACKAGE:
        return commit if COMMIT.fullmatch(commit) else None
    root = Path(unquote(urlsplit(str(origin.get("url", ""))).path))
    return head_of(root) if root / "src" / "antivenom" == PACKAGE else None


@cache
def source_checksum() -> str:
    """Return a checksum of all source files of the running package: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def head_of(root: Path) -> str | None:
    """Return the commit that is checked out in a repository, from its files. None if it cannot be found.

    Args:
        root: the folder with `.git`.
    """
    place = root / ".git"
    head = _line(place / "HEAD", place)
    name = head.removeprefix("ref: ")
    if name == head:
        return head if COMMIT.fullmatch(head) else None
    if ".." in name or not name.startswith("refs/"):
        return None
    commit = _line(place / name, place) or next(
        (line.split(" ")[0] for line in _text(place / "packed-refs", place).splitlines() if line.endswith(f" {name}")),
        "",
    )
    return commit if COMMIT.fullmatch(commit) else None


def _origin(made: Distribution) -> dict[str, Any]:
    """Return what the package manager recorded about the origin of a package (PEP 610)."""
    try:
        content = json.loads(made.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _line(file: Path, within: Path) -> str:
    return _text(file, within).partition("\n")[0].strip()


def _text(file: Path, within: Path) -> str:
    try:
        return read_text(file, MAX_BYTES, within=within)
    except DataError:  # no repository, or a worktree
        return ""
