"""What was assumed of data and model is in the manifest, on the terminal and in the report, once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file
from torch import nn

from antivenom.attacks import LabelFlip
from antivenom.data import Dataset, Splits
from antivenom.models import MLP, as_classifier
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result
from antivenom.storage.store import Store
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, Transfer
from tests.helpers.command import same_process

CHANNELS = "images with their channels last"
LABELS = "The classes are 3 (20), 4 (20), 5 (20)."
SPEC = """
dataset: {name: npz, path: mine.npz}
attack: {name: label_flip, rate: 0.1}
model: {name: mlp, hidden: [4]}
training: {name: end_to_end, epochs: 1}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(60) % 3 + 3)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "grid.yaml").write_text(SPEC + "grid: {attack.rate: [0.1, 0.2]}\n")
    return tmp_path


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_a_run_says_each_assumption_once(place: Path, options: tuple[str, ...]) -> None:
    done = same_process("run", "spec.yaml", "--out", "out", *options, at=place)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((place / "out/manifest.json").read_text())
    for words in (CHANNELS, LABELS):
        assert (done.stdout + done.stderr).count(words) == 1
        assert sum(words in sentence for sentence in manifest["assumptions"]) == 1
        assert words in (place / "out/report.html").read_text()
        assert any(words in sentence for sentence in Result.load(place / "out").assumptions)
    again = same_process("run", "spec.yaml", "--out", "again", at=place)  # from the store
    assert (again.stdout + again.stderr).count(CHANNELS) == 1


def test_a_sweep_says_each_assumption_once(place: Path) -> None:
    done = same_process("run", "grid.yaml", "--out", "out", at=place)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count(CHANNELS) == 1
    cells = json.loads((place / "out/manifest.json").read_text())["cells"]
    assert len(cells) == 2
    assert all(any(CHANNELS in sentence for sentence in cell["assumptions"]) for cell in cells.values())


def test_what_is_assumed_of_a_live_model_is_no_doubt(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((40, 1, 6, 6), np.float32), np.arange(40) % 2
    data = Dataset.from_arrays(x, y, bounds=(0, 1))
    model = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 2)), input_shape=(1, 6, 6))
    experiment = Experiment(
        dataset=Splits(train=data, test=data), model=model, attack=LabelFlip(), training=EndToEnd(epochs=1)
    )
    result = experiment.run(out=tmp_path / "out", store=Store(tmp_path / "store"))
    assert any("without normalisation" in sentence for sentence in result.assumptions)
    assert not any("without normalisation" in doubt for doubt in result.doubts)
    assert "Assumptions" in write_report(tmp_path / "out").read_text()


def test_the_end_of_a_run_reads_no_weights_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = toy_images(120)
    blank = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(1))
    save_file(blank.state(), tmp_path / "net.safetensors")
    reads: list[str] = []
    read = Transfer.pretrained_model

    def counted(self: Transfer, model: Any, made: Any) -> Any:
        reads.append("fitted" if fitted else "before")
        return read(self, model, made)

    fitted: list[Any] = []
    monkeypatch.setattr(Transfer, "pretrained_model", counted)
    result = Experiment(
        dataset=Splits(train=rows, test=toy_images(40, seed=1)),
        model=MLP(hidden=(8,)),
        attack=LabelFlip(rate=0.1),
        training=Transfer(weights=str(tmp_path / "net.safetensors"), layers=1, epochs=1),
    ).run(
        progress=False, on_event=lambda event: fitted.extend([event] * (getattr(event, "stage", "") == "fit control"))
    )
    assert set(reads) == {"before"}, "the weights were read again after the training"
    assert result.about["assumptions"] == list(dict.fromkeys(result.about["assumptions"]))
