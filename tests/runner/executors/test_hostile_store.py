"""A stage with a right checksum and an odd content is removed and computed again. It does not fail the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from antivenom.runner import Experiment, load_spec
from antivenom.storage.files import read_tensors, write_tensors
from antivenom.storage.store import Store

SPEC: dict[str, Any] = {
    "attack": {"name": "badnets", "target": 7},
    "model": {"name": "mlp", "hidden": [4]},
    "training": {"name": "end_to_end", "epochs": 1},
    "train_rows": 200,
}
FIGURE = {
    "name": "a",
    "value": "1",
    "unit": "share",
    "better": None,
    "subject": "",
    "control": False,
    "headline": False,
}
Tensors, About = dict[str, torch.Tensor], dict[str, Any]


def of(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Tensors, About], object]:
    return lambda tensors, _: tensors.update({name: change(tensors[name])})


def figure(about: About) -> Any:
    return about["evidence"]["figures"]


ODD: dict[str, tuple[str, Callable[[Tensors, About], object]]] = {
    "no positions": ("poison", of("rows", lambda rows: rows[:0])),
    "positions of decimals": ("poison", of("rows", lambda rows: rows.double())),
    "positions of float8": ("poison", of("rows", lambda rows: rows.to(torch.float8_e4m3fn))),
    "positions of uint64": ("poison", of("rows", lambda rows: rows.to(torch.uint64))),
    "positions beyond the data": ("poison", of("rows", lambda rows: rows + 10**6)),
    "positions with another axis": ("poison", of("rows", lambda rows: rows[None])),
    "flat rows": ("poison", of("x", lambda x: x.reshape(-1))),
    "rows of complex numbers": ("poison", of("x", lambda x: x.to(torch.complex64))),
    "labels beyond the classes": ("poison", of("y", lambda y: y + 100)),
    "labels of uint16": ("poison", of("y", lambda y: y.to(torch.uint16))),
    "labels of bfloat16": ("poison", of("y", lambda y: y.to(torch.bfloat16))),
    "labels without a length": ("poison", of("y", lambda y: torch.zeros(()))),
    "an unknown role": ("poison", of("role", lambda role: role + 7)),
    "an origin beyond the data": ("poison", of("origin", lambda origin: origin + 10**6)),
    "a role of bool": ("poison", of("role", lambda role: role > 0)),
    "a goal of text": ("poison", lambda _, about: about.update(goal="x")),
    "a goal without a trigger": ("poison", lambda _, about: about.update(goal={"name": "backdoor"})),
    "a goal beyond the classes": ("poison", lambda _, about: about["goal"].update(target=2**63 - 1)),
    "a source beyond all numbers": ("poison", lambda _, about: about["goal"].update(source=2**64 + 1)),
    "a figure whose subject is a number": ("poison", lambda _, about: figure(about).append({**FIGURE, "subject": 3})),
    "a figure whose control is text": ("poison", lambda _, about: figure(about).append({**FIGURE, "control": "x"})),
    "classes of numbers": ("prepare", lambda _, about: about.update(classes=list(range(10)))),
    "assumptions of numbers": ("prepare", lambda _, about: about.update(assumptions=[[1], [2]])),
    "rows without an axis": ("prepare", of("train.x", lambda x: torch.zeros(()))),
    "evidence of a number": ("fit", lambda _, about: about.update(evidence=3)),
    "losses of mappings": ("fit", lambda _, about: about.update(losses=[{}])),
    "checkpoints that are not there": ("fit", lambda _, about: about.update(rows=[5])),
    "no weights": ("fit", lambda tensors, _: tensors.clear()),
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("store")
    return folder, run(folder)


def run(folder: Path) -> dict[str, Any]:
    experiment = load_spec(SPEC)
    assert isinstance(experiment, Experiment)
    return experiment.run(store=Store(folder), progress=False).metrics


@pytest.mark.parametrize("name", ODD)
def test_an_odd_stage_is_computed_again(name: str, kept: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = kept
    stage, change = ODD[name]
    for file in folder.rglob(f"{stage}-*.safetensors"):
        tensors, about = read_tensors(file)
        change(tensors, about)
        write_tensors(file, tensors, about)
    assert run(folder) == metrics
    assert run(folder) == metrics
    assert not Store(folder).verify()[1]
