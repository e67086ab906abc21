"""Shipped specs are valid, and the documentation's attack works as it says: one new file, no list."""

import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import bezoar
from bezoar.errors import MissingDataError, SettingsError
from bezoar.experiment import load_spec

ROOT = Path(__file__).parent.parent
SPECS = sorted(file.name for file in files("bezoar.examples").iterdir() if file.name.endswith(".yaml"))


@pytest.mark.parametrize("name", SPECS)
def test_a_shipped_spec_is_valid(name: str) -> None:
    try:
        load_spec(Path(str(files("bezoar.examples"))) / name)
    except (MissingDataError, SettingsError) as error:
        assert "BEZOAR_DATA" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "digits_badnets.yaml",
        "features_digits.yaml",
        "gradient_poison_digits.yaml",
        "label_flip_rates.yaml",
        "online_digits.yaml",
    ],
)
def test_a_shipped_spec_runs(name: str) -> None:
    quick = ["repeats=1"] if name.startswith("online") else ["training.epochs=1", "repeats=1"]
    done = load_spec(Path(str(files("bezoar.examples"))) / name, overrides=quick).run()
    assert done.to_frame()["clean_accuracy"].between(0, 1).all()


@pytest.mark.slow
def test_the_documented_attack_is_one_new_file_that_the_conformance_suite_finds(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "write-an-attack.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code
    package = tmp_path / "bezoar"
    shutil.copytree(Path(bezoar.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "attacks" / "inverted.py").write_text(code[1])
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/test_conformance.py",
        "-k",
        "inverted",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 14, done.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "bezoar", "list", "attacks"], env=environment, capture_output=True, text=True, check=True
    )
    assert "inverted" in listed.stdout


def test_the_readmes_ten_lines_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code
    assert len([line for line in code[1].splitlines() if line]) <= 11
    monkeypatch.chdir(tmp_path)
    exec(compile(code[1].replace("epochs=25", "epochs=2"), "README.md", "exec"), {})
    assert "report.html" in capsys.readouterr().out
    assert (tmp_path / "runs/mine/report.html").is_file()
