"""The report: self-contained, escaped, told in words too, and a clear error for a damaged run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom import Dataset, Splits, load_spec
from antivenom.attacks import BadNets
from antivenom.charts import Figure, pair
from antivenom.errors import RunError
from antivenom.models import MLP
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment
from antivenom.training import EndToEnd
from tests.helpers.page import checked
from tests.helpers.run_folders import make_run, some_figures

BASE: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 2},
}
ATTACKS = {
    "badnets": {"name": "badnets", "target": 7},
    "flips": {"name": "label_flip", "rate": 0.3},
    "pairs": {"name": "label_flip", "count": 20, "pairs": [[3, 5]]},
    "noise": {"name": "random_noise"},
    "nothing": {"name": "label_flip", "rate": 0.0},
}


def check_page(file: Path) -> str:
    checked(file)
    return file.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_each_kind_of_attack_has_its_page(name: str, tmp_path: Path) -> None:
    load_spec({**BASE, "attack": ATTACKS[name]}).run(out=tmp_path / "run")
    text = check_page(write_report(tmp_path / "run"))
    assert "<h2>Model</h2>" in text
    assert ("Test images with the trigger" in text) == (name == "badnets")
    assert ('class="what">Success rate<' in text) == (name in ("badnets", "pairs"))
    assert "only one seed" in text
    assert {file.name for file in (tmp_path / "run/figures").iterdir()} == {
        "model.accuracy_by_class.png",
        "model.confusion.png",
        "training.losses.png",
    }


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    load_spec({**BASE, "attack": ATTACKS["badnets"]}).run(out=tmp_path / "run")
    first = write_report(tmp_path / "run").read_bytes()
    assert write_report(tmp_path / "run").read_bytes() == first


@pytest.mark.slow
def test_a_grid_has_a_table_a_curve_and_a_section_for_each_cell(tmp_path: Path) -> None:
    spec = {**BASE, "attack": ATTACKS["badnets"], "repeats": 2, "grid": {"attack.rate": [0.05, 0.1, 0.2]}}
    load_spec(spec).run(out=tmp_path / "run")
    text = check_page(write_report(tmp_path / "run"))
    assert text.count('<section class="cell"') == 3
    assert "Against attack.rate" in text
    for cell in (tmp_path / "run/cells").iterdir():
        assert "Each repeat" in check_page(cell / "report.html")


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>$x_{'
    rows = Rng(0).numpy().integers(0, 256, (60, 5, 5), np.uint8)
    data = Dataset.from_arrays(rows, np.arange(60) % 2, classes=[evil, "b"])
    Experiment(
        name=evil,
        dataset=Splits(train=data, test=data),
        model=MLP(hidden=()),
        attack=BadNets(target=0),
        training=EndToEnd(epochs=1),
    ).run(out=tmp_path / "run")
    assert "&lt;script&gt;" in check_page(write_report(tmp_path / "run"))


def test_rows_that_are_no_images_have_a_page_too(tmp_path: Path) -> None:
    rows = Rng(0).numpy().random((60, 5)).astype(np.float32)
    data = Dataset.from_arrays(rows, np.arange(60) % 2, bounds=(0.0, 1.0))
    experiment = Experiment(
        dataset=Splits(train=data, test=data),
        model=MLP(hidden=()),
        attack=BadNets(target=0),
        training=EndToEnd(epochs=1),
    )
    experiment.run(out=tmp_path / "run")
    assert "changed values" in check_page(write_report(tmp_path / "run"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "details.npz", "spec.yaml", "repeats.json"])
@pytest.mark.parametrize("damage", [None, b"", b"{}", b"PK\x03\x04 no zip"])
def test_a_damaged_run_gets_a_clear_error(name: str, damage: bytes | None, tmp_path: Path) -> None:
    load_spec({**BASE, "attack": ATTACKS["flips"]}).run(out=tmp_path / "run")
    file = tmp_path / "run" / name
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(RunError):
        write_report(tmp_path / "run")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a finished run"):
        write_report(tmp_path)


def test_a_number_in_a_column_title_stays_with_its_unit(tmp_path: Path) -> None:
    names = ("tpr_at_1_percent_fpr", "auroc", "flagged", "precision", "fpr", "tpr")
    figures = {f"detector.{name}": [Figure(name=each, value=0.5) for each in names] for name in ("one", "two")}
    page = write_report(make_run(tmp_path, figures=figures, charts={}, repeats=1))
    assert ">TPR at 1\xa0%\xa0FPR</th>" in page.read_text()


def test_figures_that_do_not_apply_are_named_once_and_have_no_row(tmp_path: Path) -> None:
    figures = {"attack": [Figure(name="success_rate", value=None), Figure(name="poison_rows", value=5, unit="count")]}
    page = checked(write_report(make_run(tmp_path, figures=figures, charts={}, repeats=1)))
    assert "Only one repeat, so without intervals. Does not apply: success rate." in page.text
    assert page.text.count("Success rate") == 0


def test_terms_explain_the_figures_that_are_shown(tmp_path: Path) -> None:
    filtered = {
        **some_figures(),
        "filter.mine": [
            Figure(name="auroc", value=0.9),
            *pair("fpr", 0.1, 0.1),
            *pair("clean_accuracy_with_filter", 0.9, 0.9, headline=True),
        ],
    }
    terms = checked(write_report(make_run(tmp_path / "mine", figures=filtered))).text.partition("Terms")[2]
    assert "AUROC : The chance that a poisoned row or input" in terms
    assert "FPR : The share of clean rows" in terms
    assert "Clean accuracy with filter : The share of correct predictions among the clean test rows" in terms
    assert "TPR" not in terms
    assert "AUROC" not in checked(write_report(make_run(tmp_path / "other"))).text
