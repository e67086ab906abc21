"""A sweep whose driver and workers are killed ends with the same table, and computes nothing twice."""

from pathlib import Path

import pytest

from antivenom.runner import Store, load_spec
from antivenom.storage.yaml12 import dump_yaml
from tests.helpers.killing import kill_and_continue

pytestmark = pytest.mark.slow

SPEC = {
    "name": "killed",
    "train_rows": 600,
    "model": {"name": "mlp", "hidden": [16]},
    "training": {"name": "end_to_end", "epochs": 10},
    "attack": {"name": "badnets", "target": 7},
    "grid": {"attack": [{"name": "badnets", "target": 7}, {"name": "label_flip"}],
             "attack.rate": [0.05, 0.1, 0.2], "seed": [0, 1]},
}  # fmt: skip


def test_twelve_cells_and_three_kills(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump_yaml(SPEC))
    load_spec(SPEC).run(out=tmp_path / "right", store=Store(tmp_path / "right-store"), progress=False)
    out, store = tmp_path / "out", tmp_path / "store"
    state = kill_and_continue(spec, out, store, ["--workers", "2"], [3.0, 3.5, 4.0], seed=0)
    assert (out / "table.csv").read_bytes() == (tmp_path / "right/table.csv").read_bytes()
    assert state.computed_twice == []
    assert state.kills
    assert not list((out / "cells").rglob("*.part"))
