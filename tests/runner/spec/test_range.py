"""Components that require the range of the data are named in one message, with the range that occurs."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command import same_process

SPEC = """
dataset: {name: npz, path: mine.npz, channels: first}
attack: {name: badnets, rate: 0.1, target: 1}
model: {name: mlp}
training: {name: end_to_end, epochs: 1}
"""


@pytest.mark.parametrize("defences", ["", "defences: [{name: neural_cleanse, steps: 5}]\n"])
def test_one_message_names_the_range_and_the_setting(tmp_path: Path, defences: str) -> None:
    x = np.arange(60 * 64).reshape(60, 1, 8, 8) % 210
    np.savez(tmp_path / "mine.npz", x=x.astype(np.float32), y=np.arange(60) % 2)
    (tmp_path / "spec.yaml").write_text(SPEC + defences)
    done = same_process("run", "spec.yaml", "--out", "out", at=tmp_path)
    words = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert words.count("the range of the data") == 1
    assert "x contains 0 to 209. Set dataset.bounds, for example [0, 255]" in words
