"""What `--allow-code` lets run: the modules that a spec names and those that they import, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.command import own_process

RAN = "open({!r}, 'w').close()\n"
SPEC = "attack: label_flip\nmodel: mlp\ntraining: {name: end_to_end, epochs: 1}\n"
FILTER = """
from antivenom.settings import component
{imports}

@component
class Mean:
    '''The mean of a row.'''

    false_rejection_rate: float = 0.1

    def suspicion(self, x, classifier, *, rng, clean):
        return x.flatten(1).mean(1)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(SPEC)
    return tmp_path


def trap(place: Path, *names: str) -> None:
    """Write modules that leave a file `RAN-name` when they run."""
    for name in names:
        (place / f"{name}.py").write_text(RAN.format(str(place / f"RAN-{name}")))


def command(*words: str, at: Path, module: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command as an installed program does, without the working directory on the path; or `python -m`."""
    start = ["-m", "antivenom"] if module else ["-P", "-c", "from antivenom.__main__ import main; main()"]
    environment = {**os.environ, "ANTIVENOM_STORE": str(at / "store"), "ANTIVENOM_DATA": str(at / "data")}
    whole = [sys.executable, *start, *words]
    return subprocess.run(whole, check=False, cwd=at, capture_output=True, text=True, env=environment)


def sprung(place: Path) -> list[str]:
    return sorted(file.name.removeprefix("RAN-") for file in place.glob("RAN-*"))


SHADOWS = ("matplotlib", "torch", "json", "yaml", "sitecustomize", "umap", "ruptures", "keras", "torchvision", "pickle")


def test_a_spec_that_names_no_code_runs_no_file_beside_it(place: Path) -> None:
    trap(place, *SHADOWS)
    done = command("run", "s.yaml", "--allow-code", "--quiet", at=place)
    assert done.returncode == 0, done.stderr
    assert sprung(place) == []


def test_a_named_module_runs_with_what_it_imports_and_nothing_else(place: Path) -> None:
    trap(place, *SHADOWS, "helper", "far", "unused")
    (place / "helper.py").write_text((place / "helper.py").read_text() + "import far\n")
    (place / "package").mkdir()
    (place / "package" / "__init__.py").write_text("")
    (place / "package" / "mine.py").write_text(FILTER.format(imports="import json, helper\nfrom . import near"))
    (place / "package" / "near.py").write_text("")
    done = command("run", "s.yaml", "--allow-code", "--quiet", "--set", "defences=['package.mine:Mean']", at=place)
    assert done.returncode == 0, done.stderr
    assert sprung(place) == ["far", "helper"]


def test_without_permission_no_file_runs_that_a_spec_or_show_names(place: Path) -> None:
    trap(place, "mine")
    for command in (("run", "s.yaml", "--set", "defences=['mine:X']"), ("show", "mine:X")):
        refused = own_process(*command, at=place)
        assert refused.returncode == 2
        assert "not allowed to run" in refused.stderr
    assert sprung(place) == []


@pytest.mark.slow
def test_workers_and_python_m_search_no_working_directory(place: Path) -> None:
    trap(place, *SHADOWS, "multiprocessing", "socket", "selectors")
    (place / "s.yaml").write_text(f"{SPEC}grid: {{attack.rate: [0.1, 0.2]}}\n")
    done = command("run", "s.yaml", "--allow-code", "--workers", "2", at=place, module=True)
    assert done.returncode == 0, done.stderr
    assert sprung(place) == []


@pytest.mark.slow
def test_workers_import_the_named_module(place: Path) -> None:
    trap(place, "matplotlib")
    (place / "mine.py").write_text(FILTER.format(imports=""))
    (place / "s.yaml").write_text(f"{SPEC}defences: ['mine:Mean']\ngrid: {{attack.rate: [0.1, 0.2]}}\n")
    done = command("run", "s.yaml", "--allow-code", "--workers", "2", "--out", "run", at=place)
    assert done.returncode == 0, done.stderr
    assert json.loads((place / "run" / "manifest.json").read_text())["cells"]
    assert sprung(place) == []
