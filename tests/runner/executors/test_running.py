"""The checks before a run, and the run itself, share the data that they read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from antivenom import Splits
from antivenom.attacks import BadNets
from antivenom.data.sources.digits import Digits
from antivenom.models import MLP
from antivenom.runner import Experiment, Sweep, load_spec
from antivenom.training import EndToEnd

SPEC = {
    "dataset": "digits",
    "model": {"name": "mlp", "hidden": [4]},
    "attack": "badnets",
    "training": {"name": "end_to_end", "epochs": 1},
    "train_rows": 100,
}


@dataclass
class Counted:
    """A data set made in Python, which counts how often it is read."""

    reads: list[int] = field(default_factory=list)

    def load(self, progress: Any = None) -> Splits:
        self.reads.append(1)
        return Digits().load()

    def files(self) -> tuple[Path, ...]:
        return ()


def test_a_run_reads_its_data_once() -> None:
    source = Counted()
    result = Experiment(
        dataset=source, model=MLP(hidden=(4,)), attack=BadNets(), training=EndToEnd(epochs=1), train_rows=100
    ).run(progress=False)
    assert len(source.reads) == 1
    assert [stage["stage"] for stage in result.about["stages"]].count("prepare") == 1


def test_a_sweep_reads_its_data_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reads: list[int] = []
    load = Digits.load
    monkeypatch.setattr(Digits, "load", lambda *arguments: reads.append(1) or load(*arguments))
    sweep = load_spec({**SPEC, "grid": {"attack.rate": [0.1, 0.2]}})
    assert isinstance(sweep, Sweep)
    sweep.run(out=tmp_path, progress=False)
    assert len(reads) == 1
