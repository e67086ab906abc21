"""Shipped specs are valid, and the documentation's attack works as it says: one new file, no list."""

import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import antivenom
from antivenom.charts import Table
from antivenom.errors import MissingDataError
from antivenom.report import write_report
from antivenom.runner import load_spec
from antivenom.storage.yaml12 import read_yaml
from tests.helpers.blocks import ROOT, example

SPECS = sorted(file.name for file in files("antivenom.examples").iterdir() if file.name.endswith(".yaml"))


@pytest.mark.parametrize("name", SPECS)
def test_a_shipped_spec_is_valid(name: str) -> None:
    try:
        load_spec(Path(str(files("antivenom.examples"))) / name)
    except MissingDataError as error:
        assert "ANTIVENOM_DATA" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "blame_digits.yaml",
        "digits_badnets.yaml",
        "features_digits.yaml",
        "gradient_poison_digits.yaml",
        "label_flip_rates.yaml",
        "neural_cleanse_digits.yaml",
        "online_digits.yaml",
    ],
)
def test_a_shipped_spec_runs(name: str) -> None:
    quick = ["repeats=1"] if name.startswith(("online", "blame")) else ["training.epochs=1", "repeats=1"]
    done = load_spec(Path(str(files("antivenom.examples"))) / name, overrides=quick).run()
    assert done.to_frame()["model.clean_accuracy"].between(0, 1).all()


def feature_study(rates: list[float], attacks: slice = slice(None), analyses: tuple[str, ...] | None = None) -> Any:
    """The shipped spec on few digits."""
    spec = read_yaml(Path(str(files("antivenom.examples"))) / "feature_study.yaml")
    spec |= {"dataset": {"name": "digits"}, "train_rows": 300, "repeats": 1}
    spec["grid"]["attack"][1] |= {"hidden": [16], "pretraining": 20, "rounds": 2}
    spec["grid"]["attack"] = spec["grid"]["attack"][attacks]
    spec["grid"]["attack.rate"] = rates
    for training in spec["grid"]["training"]:
        for settings in (training, training.get("warm_up", {}), training.get("pretraining", {})):
            settings.update({"epochs": 2} if "epochs" in settings else {})
    spec["grid"]["training"][1]["checkpoints"] = 2
    if analyses is not None:
        spec["analysis"] = list(analyses)
    return load_spec(spec)


@pytest.mark.slow
def test_the_feature_study_on_digits() -> None:
    """Every training with every attack, as on MNIST."""
    table = feature_study([0.5]).run().to_frame()
    assert len(table) == 15
    assert table["analysis.probes.softmax_accuracy"].between(0, 1).all()
    frozen = table[table["training"].str.startswith("transfer")]
    assert (frozen["analysis.similarity.cka.activation_2"] > 0.999).all(), "a transfer's hidden layers are frozen"
    learned = table[table["training"].str.startswith("end_to_end")]
    assert (learned["analysis.similarity.cka.activation_2"] < 0.9999).all()


@pytest.mark.slow
def test_a_large_grids_report_has_tables_and_curves_and_a_page_for_each_cell(tmp_path: Path) -> None:
    feature_study([0.1, 0.3, 0.5], slice(2, 5, 2), ("similarity", "probes")).run(out=tmp_path / "run")
    picture = Table(name="t", columns=("a",), rows=(("1",),)).to_png()
    with mock.patch("antivenom.charts.data.Chart.to_png", return_value=picture):  # drawing takes most of the time
        text = write_report(tmp_path / "run").read_text()
    captions = re.findall("<caption>(?:<span>)?(.*?)</caption>", text)
    titles = [caption.partition(" of the victim")[0] for caption in captions]
    assert titles[:6] == [
        "Clean accuracy",
        "Accuracy drop",
        "Attack success rate",
        "Similarity: penultimate CKA",
        "Probes: penultimate accuracy",
        "Probes: softmax accuracy",
    ]
    for attack in ("label_flip", "badnets"):
        assert text.count(f'<th scope="row" class="left">{attack}</th>') == 6 * 3, "a line for each kind of training"
    assert (tmp_path / "run" / "figures" / "curves.png").is_file()
    assert '<section class="cell"' not in text, "18 cells have pages of their own"
    for cell in (tmp_path / "run" / "cells").iterdir():
        assert f'href="cells/{cell.name}/report.html"' in text


@pytest.mark.slow
def test_the_documented_attack_is_one_new_file_that_the_conformance_suite_finds(tmp_path: Path) -> None:
    package = tmp_path / "antivenom"
    shutil.copytree(Path(antivenom.__file__).parent, package)  # with its bytecode, which would take seconds to make
    (package / "attacks" / "bright_corner.py").write_text(example("attack", "python"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/test_conformance.py",
        "-k",
        "bright_corner",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 14, done.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "antivenom", "list", "attacks"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bright_corner" in listed.stdout
