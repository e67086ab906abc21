"""Settings of every test and doctest. It stands here, not in tests/, for the doctests of src/ too."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

# Not by --jaxtyping-packages: the workers of xdist do not get what stands in addopts.
os.environ["KERAS_BACKEND"] = "torch"  # before anything imports keras

install_import_hook("antivenom", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

torch.set_num_threads(1)  # workers in parallel; threads inside them would only get in each other's way

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test reads or writes the user's own store or data sets."""
    folder = tmp_path_factory.mktemp("places")
    monkeypatch.setenv("ANTIVENOM_STORE", str(folder / "store"))
    monkeypatch.setenv("ANTIVENOM_DATA", str(folder / "data"))
    yield folder
