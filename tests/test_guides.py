"""The guides: each example runs as it stands, passes the conformance checks, and appears in a run."""

import importlib
import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from antivenom.metrics import threshold_for
from antivenom.registry import KINDS
from antivenom.runner import Experiment, load_spec
from antivenom.settings import is_component
from antivenom.storage.yaml12 import parse_yaml
from antivenom.testing import check_component
from antivenom.trial import trial_of
from tests.helpers.blocks import GUIDES, ROOT, example

MOST_LINES = 60


@pytest.fixture
def module(guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The guide's example, in a file that a spec can name."""
    name = f"{guide.replace('-', '_')}_example"
    (tmp_path / f"{name}.py").write_text(example(guide, "python"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module(name)
    del sys.modules[name]


def component_of(module: ModuleType) -> type[Any]:
    made = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    (cls,) = [each for each in made if is_component(each)]
    return cls


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_an_example_is_short_and_passes_every_check(module: ModuleType, guide: str) -> None:
    assert example(guide, "python").count("\n") <= MOST_LINES
    cls = component_of(module)
    check_component(cls(**trial_of(cls).settings))


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_an_example_runs_in_an_experiment(module: ModuleType, guide: str) -> None:
    spec = parse_yaml(example(guide, "yaml"), guide)
    experiment = load_spec(spec, allow_code=True)
    assert isinstance(experiment, Experiment)
    result = experiment.run(progress=False)
    assert result.metrics["model.clean_accuracy"]["mean"] > 0.2
    own = f"{guide.replace('-', '_')}_example:"
    assert guide == "goal" or own in result.spec
    if guide in ("attack", "training", "detector", "filter", "scan", "stream-defence", "repair", "analysis"):
        assert any(own in key for key in result.metrics)


def test_there_is_a_guide_for_every_kind() -> None:
    kinds = {kind.singular.replace(" ", "-") for kind in KINDS.values()}
    defences = {"detector", "filter", "scan", "stream-defence"}
    assert {"data-set" if kind == "dataset" else kind for kind in kinds - {"defence"}} | defences == set(GUIDES)


@pytest.mark.parametrize("guide", GUIDES)
def test_an_example_imports_public_names_alone(guide: str) -> None:
    imported = re.findall(r"^(?:from|import) (\S+)(?: import (.*))?", example(guide, "python"), re.MULTILINE)
    for module, names in imported:
        assert not any(part.startswith("_") for part in (*module.split("."), *names.replace(" ", "").split(",")))


def test_the_settings_and_the_grid_of_the_filter_guide_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "write" / "filter.md").read_text()
    (tmp_path / "filter_example.py").write_text(example("filter", "python"))
    monkeypatch.syspath_prepend(tmp_path)
    spec = parse_yaml(example("filter", "yaml"), "filter")
    for line in re.findall(r"`((?:defences|grid): .*)`", text):
        spec |= parse_yaml(line, "a line of the guide")
    sweep = load_spec(spec, allow_code=True)
    assert [cell.defences[0].factor for cell in sweep.cells.values()] == [0.5, 0.7, 0.9]
    del sys.modules["filter_example"]


def test_a_rate_of_five_percent_requires_the_rows_that_the_filter_guide_says() -> None:
    assert [threshold_for(torch.arange(float(rows)), 0.05) == math.inf for rows in (18, 19)] == [True, False]
    assert [rows - rows // 2 for rows in (36, 37, 196, 197)] == [18, 19, 98, 99]
