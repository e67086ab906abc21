"""Every test has its own store and data folder, one thread, and no luck."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
torch.set_num_threads(1)  # tests run in parallel


@pytest.fixture(autouse=True)
def places_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEZOAR_STORE", str(tmp_path / "its-store"))
    monkeypatch.setenv("BEZOAR_DATA", str(tmp_path / "its-data"))
