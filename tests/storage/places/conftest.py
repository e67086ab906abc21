"""Places of stores that are not folders."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.s3 import served


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket."""
    yield from served(monkeypatch)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[str]:
    """The URL of a place in the memory of this process."""
    fsspec = pytest.importorskip("fsspec")
    yield f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").store.clear()
