"""What an edit recomputes, counted: runs of a copy of the package, each in a process of its own."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import antivenom
from tests.helpers.forked import forked

pytestmark = pytest.mark.slow  # a process for every run

STUDY = """
import json
from pathlib import Path
from antivenom import load_spec
from antivenom.storage.store import Store

def run(*attacks):
    computed = {}
    for attack in attacks:
        spec = {
            "dataset": "digits", "train_rows": 60, "model": {"name": "mlp", "hidden": [4]},
            "attack": {"name": attack, **({"target": 1} if attack == "badnets" else {})},
            "training": {"name": "end_to_end", "epochs": 1, "batch_size": 30},
        }
        load_spec(spec, allow_code=True).run(out=Path("out"), store=Store(Path("store")))
        stages = json.loads(Path("out/manifest.json").read_text())["stages"]
        wanted = [stage for stage in stages if stage["stage"].split()[0] in ("poison", "fit")]
        computed[attack.rpartition(":")[2]] = [stage["stage"] for stage in wanted if not stage["stored"]]
    return computed
"""

MINE = """
import torch
from antivenom.data import Poisoned
from antivenom.goals import Availability
from antivenom.settings import component
from helper import HOW

@component
class Mine:
    needs = frozenset()
    appends = False

    def poison(self, data, *, rng, surrogate=None):
        rows = torch.arange(6)
        return Poisoned.replace(data, rows, y=(data.y[rows] + HOW) % len(data.classes), goal=Availability())
"""

USERS = {
    "study.py": STUDY,
    "mine.py": MINE,
    "helper.py": "from tools.near import HOW",
    "tools/__init__.py": "",
    "tools/near.py": "def take():\n    from . import far\n    return far.HOW\nHOW = take()",
    "tools/far.py": "HOW = 1",
}
ALL = "badnets", "label_flip", "mine:Mine"
NOTHING: dict[str, list[str]] = {"badnets": [], "label_flip": [], "Mine": []}
FACES = (
    "cli*.py",
    "report/*.py",
    "testing/*.py",
    "interop/*.py",
    "playground/*.py",
    "runner/progress.py",
    "analysis/*.py",
)
FITS = ["fit victim", "fit control"]


class Copy:
    """A copy of the package, a folder of the user's, and an environment that finds both."""

    def __init__(self, folder: Path) -> None:
        self.work, self.package = folder / "work", folder / "library" / "antivenom"
        home = Path(antivenom.__file__).parent
        shutil.copytree(home, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in USERS.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text)
        paths = {"PYTHONPATH": f"{self.work}{os.pathsep}{self.package.parent}", "OMP_NUM_THREADS": "1"}
        self.environment = {**os.environ, **paths}

    def do(self, code: str) -> Any:
        """What a new process prints, as JSON."""
        done = forked(code, at=self.work, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def run(self, *attacks: str) -> dict[str, list[str]]:
        """The stages that each attack's run computes, rather than finds in the store."""
        found: dict[str, list[str]] = self.do(f"import json, study; print(json.dumps(study.run(*{attacks or ALL})))")
        return found


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def append(file: Path, text: str = "\n# edited\n") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + text)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked from a process that has torch")
def test_an_edit_recomputes_what_depends_on_it_and_nothing_else(copy: Copy) -> None:
    assert copy.run() == {
        "badnets": ["poison", "fit victim", "fit control"],
        "label_flip": ["poison", "fit victim"],
        "Mine": ["poison", "fit victim"],
    }
    assert copy.run() == NOTHING

    shutil.copy(copy.package / "attacks/badnets.py", copy.package / "attacks/bad_nets_2.py")
    assert copy.run() == NOTHING

    for pattern in FACES:
        found = list(copy.package.glob(pattern))
        assert found, pattern
        for face in found:
            append(face)
    append(copy.package / "charts/drawing/more.py")
    assert copy.run() == NOTHING

    append(copy.package / "attacks/badnets.py")
    assert copy.run() == {**NOTHING, "badnets": ["poison"]}

    append(copy.package / "training/loop.py")
    assert copy.run() == {"badnets": FITS, "label_flip": ["fit victim"], "Mine": ["fit victim"]}

    append(copy.package / "models/mlp.py")
    assert copy.run("badnets") == {"badnets": FITS}

    append(copy.package / "data/sources/digits.py")  # it is read again, and its rows are the same
    assert copy.run() == {**NOTHING, "label_flip": ["fit victim"], "Mine": ["fit victim"]}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked from a process that has torch")
def test_an_edit_of_the_users_helper_recomputes_the_users_runs_alone(copy: Copy) -> None:
    copy.run()
    append(copy.work / "helper.py")
    assert copy.run() == {**NOTHING, "Mine": ["poison"]}
    (copy.work / "tools/far.py").write_text("HOW = 2")
    assert copy.run() == {**NOTHING, "Mine": ["poison", "fit victim"]}
    (copy.work / "tools/far.py").write_text("HOW = 1")
    append(copy.work / "tools/unused.py")
    assert copy.run() == NOTHING  # as it was before


NOTEBOOK = """
import json, pathlib, mine, study
{first}
pathlib.Path("tools/far.py").write_text("HOW = 22")
print(json.dumps(study.run("mine:Mine")))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked from a process that has torch")
@pytest.mark.parametrize("first", ["study.run('mine:Mine')", ""])
def test_a_file_that_was_edited_after_its_import_is_neither_served_nor_kept(copy: Copy, first: str) -> None:
    copy.run("mine:Mine")
    in_the_same_process = copy.do(NOTEBOOK.format(first=first))
    assert in_the_same_process == {"Mine": ["poison"]}  # by the code in memory, as it was: the same rows
    assert copy.run("mine:Mine") == {"Mine": ["poison", "fit victim"]}
    assert copy.run("mine:Mine") == {"Mine": []}
