"""Fixtures that tests of several rooms use."""

import signal
from pathlib import Path

import pytest

from antivenom.storage.store import Store
from tests.helpers.component_files import write_component_files

collect_ignore = ["helpers/own_training"]  # the scripts of a user, which a test runs in a folder of their own


def pytest_configure() -> None:
    """Let Ctrl-C stop the tests, and the processes that they start, also if a job in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # it stays without effect here, but not in new processes
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def written_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that components read, written once."""
    folder = tmp_path_factory.mktemp("component_files")
    write_component_files(folder)
    return folder


@pytest.fixture
def component_files(written_files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, as the current one and as `$ANTIVENOM_DATA`."""
    monkeypatch.chdir(written_files)
    monkeypatch.setenv("ANTIVENOM_DATA", str(written_files))
    return written_files
