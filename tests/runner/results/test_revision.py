"""The revision in the manifest: that of antivenom, never that of a repository around it; no program is started."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antivenom.runner.results import revision
from antivenom.runner.results.revision import head_of, source_checksum

COMMIT = "0123456789" * 4


class Recorded:
    """What a package manager recorded about a package."""

    def __init__(self, origin: Any, place: Path) -> None:
        self.origin, self.place = origin, place

    def read_text(self, name: str) -> str | None:
        return self.origin if name == "direct_url.json" else None

    def locate_file(self, name: str) -> Path:
        return self.place / name


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    return tmp_path


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    revision.revision.cache_clear()
    yield
    revision.revision.cache_clear()


def told(monkeypatch: pytest.MonkeyPatch, origin: Any, package: Path, place: Path) -> str | None:
    text = origin if origin is None or isinstance(origin, str) else json.dumps(origin)
    monkeypatch.setattr(revision, "distribution", lambda _: Recorded(text, place))
    monkeypatch.setattr(revision, "PACKAGE", package)
    return revision.revision()


def test_a_checkout_in_development_mode_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": repository.as_uri(), "dir_info": {"editable": True}}
    assert told(monkeypatch, origin, repository / "src" / "antivenom", Path("elsewhere")) == COMMIT


def test_a_commit_that_was_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": "https://a.invalid/antivenom", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    assert told(monkeypatch, origin, tmp_path / "antivenom", tmp_path) == COMMIT


@pytest.mark.parametrize("below", ["venv/antivenom", "src/antivenom", "vendor/src/antivenom"])
def test_the_repository_around_a_copy_is_not_asked(
    repository: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    origin = {"url": "file:///somewhere/else", "dir_info": {"editable": True}}
    for recorded in (origin, None, "[]", "no json", {"url": 3}, {"vcs_info": "git"}):
        revision.revision.cache_clear()
        assert told(monkeypatch, recorded, repository / below, repository / "site-packages") is None


def test_no_program_is_started(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert head_of(repository) == COMMIT


def test_packed_and_detached_heads_are_read(repository: Path) -> None:
    (repository / ".git" / "refs" / "heads" / "main").unlink()
    (repository / ".git" / "packed-refs").write_text(
        f"# pack-refs\n{'f' * 40} refs/heads/other\n{COMMIT} refs/heads/main\n"
    )
    assert head_of(repository) == COMMIT
    (repository / ".git" / "HEAD").write_text(f"{'e' * 40}\n")
    assert head_of(repository) == "e" * 40


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: ../../secret",
        "ref: refs/heads/../../../secret",
        "ref: /etc/passwd",
        "not a commit",
        "\0",
        "ref: refs/heads/x",
    ],
)
def test_a_strange_head_is_unknown(repository: Path, head: str) -> None:
    (repository / "secret").write_text(COMMIT)
    (repository / ".git" / "HEAD").write_text(head)
    assert head_of(repository) is None


def test_a_head_that_is_a_link_out_is_unknown(repository: Path) -> None:
    (repository / "secret").write_text(COMMIT)
    (repository / ".git" / "HEAD").unlink()
    (repository / ".git" / "HEAD").symlink_to(repository / "secret")
    assert head_of(repository) is None
    (repository / "worktree").mkdir()
    (repository / "worktree" / ".git").write_text("gitdir: elsewhere")
    assert head_of(repository / "worktree") is None


def test_the_checksum_of_the_source_is_the_same_each_time() -> None:
    assert source_checksum() == source_checksum()
    assert len(source_checksum()) == 16
