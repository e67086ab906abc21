"""A stranger's package with one component of each kind: everything that it reports appears everywhere."""

import json
import re
from html import unescape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch

from antivenom.charts import Chart, Table, title_of
from antivenom.cli_tables import run_table, sweep_tables
from antivenom.report import write_report
from antivenom.runner import Experiment, Result, Sweep, SweepResult, load_spec
from antivenom.terminal import Terminal

pytestmark = pytest.mark.slow  # whole runs and reports

try:
    version("antivenom-plugin")
except PackageNotFoundError:
    pytest.skip("the stranger's package is not installed: pip install -e tests/plugin", allow_module_level=True)

STRANGE = {
    "dataset": "stripes",
    "model": "naive_bayes",
    "attack": {"name": "stamped", "rate": 0.2, "cover_rate": 0.1},
    "training": "in_halves",
    "defences": [
        "far_from_mean",
        {"name": "far_from_mean", "false_alarm_rate": 0.2},
        "dark_inputs",
        "prior_shift",
        {"name": "prior_shift", "rows": 150},
    ],
    "repairs": ["start_over"],
    "analysis": ["confidence", {"name": "confidence", "scale": 2.0}],
    "trusted": 0.3,
}

FIGURES = {
    "attack.stamped": {"stamp_brightness"},
    "training.in_halves": {"last_half_accuracy"},
    "analysis.confidence(scale=1.0)": {"mean_confidence", "mean_confidence.control"},
    "analysis.confidence(scale=2.0)": {"mean_confidence", "mean_confidence.control"},
    "detector.far_from_mean(false_alarm_rate=0.05)": {"largest_spread", "tpr"},
    "detector.far_from_mean(false_alarm_rate=0.2)": {"largest_spread", "tpr"},
    "filter.dark_inputs": {"usual_brightness", "fpr.control"},
    "scan.prior_shift(rows=200)": {"largest_share", "largest_share.control", "p_value"},
    "scan.prior_shift(rows=150)": {"largest_share", "largest_share.control", "p_value"},
    "repair.start_over": {"accuracy_on_clean_rows", "accuracy_drop"},
}
"""What the components report of their own, and a figure that the runner adds."""

CHARTS = {
    "attack.stamped": "stamped_rows",
    "training.in_halves": "halves",
    "analysis.confidence(scale=1.0)": "confidence",
    "analysis.confidence(scale=2.0)": "confidence",
    "detector.far_from_mean(false_alarm_rate=0.05)": "spread",
    "detector.far_from_mean(false_alarm_rate=0.2)": "spread",
    "filter.dark_inputs": "darkness",
    "scan.prior_shift(rows=200)": "shares",
    "scan.prior_shift(rows=150)": "shares",
    "repair.start_over": "rows_used",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strange")


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    experiment = load_spec({**STRANGE, "repeats": 2})
    assert isinstance(experiment, Experiment)
    return experiment.run(out=folder / "run", progress=False)


@pytest.fixture(scope="module")
def page(folder: Path, result: Result) -> str:
    return write_report(folder / "run").read_text()


def on_80_columns(*tables: object) -> str:
    console = Terminal(width=80, color_system=None)
    with console.capture() as captured:
        for table in tables:
            console.print(table)
    return unbroken(captured.get())


def unbroken(text: str) -> str:
    """Without blanks: long names fold."""
    return "".join(text.split())


def test_every_figure_is_in_the_metrics(result: Result) -> None:
    keys = {f"{component}.{figure}" for component, figures in FIGURES.items() for figure in figures}
    assert keys <= set(result.metrics)
    assert all(result.metrics[key]["n"] == 2 for key in keys - {"detector.far_from_mean.tpr"})
    written = json.loads(json.dumps(result.metrics))
    assert all(written[key]["component"] == key.removesuffix(".control").rpartition(".")[0] for key in keys)


def test_two_of_one_name_keep_their_own_figures(result: Result) -> None:
    mean = "analysis.confidence(scale={}).mean_confidence"
    single, double = (result.metrics[mean.format(scale)]["mean"] for scale in ("1.0", "2.0"))
    assert double == pytest.approx(2 * single)
    strict, lax = (
        result.metrics[f"detector.far_from_mean(false_alarm_rate={rate}).fpr"]["mean"] for rate in (0.05, 0.2)
    )
    assert strict < lax


@pytest.mark.usefixtures("page")
def test_every_chart_is_kept_and_drawn(result: Result, folder: Path) -> None:
    for component, name in CHARTS.items():
        chart = result.charts[f"{component}.{name}"]
        assert isinstance(chart, Chart)
        assert result.plot(f"{component}.{name}").axes
    single, double = (result.charts[f"analysis.confidence(scale={scale}).confidence"] for scale in ("1.0", "2.0"))
    assert single.groups[0].values.max() < double.groups[0].values.max()
    drawn = {file.stem for file in (folder / "run" / "figures").glob("*.png")}
    assert len(drawn) >= len(CHARTS) - 1  # a table is no picture


def test_every_figure_is_on_the_terminal(result: Result) -> None:
    shown = on_80_columns(run_table(result.metrics))
    for component, figures in FIGURES.items():
        assert component in shown
        for name in figures:
            assert unbroken(title_of(name.removesuffix(".control"))) in shown


def test_every_figure_and_chart_is_in_the_report(result: Result, page: str) -> None:
    text = re.sub(r"\s+", " ", page).lower().replace("-", " ")
    for component, figures in FIGURES.items():
        for name in figures:
            assert name.removesuffix(".control").replace("_", " ") in text, (component, name)
    shown = unescape(page)
    for component, name in CHARTS.items():
        chart = result.charts[f"{component}.{name}"]
        if isinstance(chart, Table):
            assert all(f">{cell}</td>" in page for row in chart.rows for cell in row)
        else:
            assert chart.alt in shown
    assert "<script" not in page


def test_components_that_cannot_tell_leave_the_rest_alone(result: Result) -> None:
    assert result.metrics["attack.cover_rows"]["mean"] == 36
    assert result.metrics["scan.prior_shift(rows=200).inconclusive"]["mean"] == 0
    assert "prior_shift" in result.headline


def test_a_run_is_read_back_without_leave_to_run_code(result: Result, folder: Path) -> None:
    back = Result.load(folder / "run")
    assert back.metrics == json.loads(json.dumps(result.metrics))
    assert set(back.charts) == set(result.charts)
    assert torch.equal(back.poisoned.data.x, result.poisoned.data.x)
    assert torch.equal(back.poisoned.roles, result.poisoned.roles)
    test = back.poisoned.base.inputs(slice(0, 40))
    assert torch.equal(back.victim.scores(test), result.victim.scores(test))


def test_a_grid_has_every_figure_in_its_table(tmp_path: Path) -> None:
    sweep = load_spec({**STRANGE, "grid": {"attack.rate": [0.1, 0.3]}})
    assert isinstance(sweep, Sweep)
    swept = sweep.run(out=tmp_path / "grid", progress=False)
    assert isinstance(swept, SweepResult)
    header, *rows = (tmp_path / "grid" / "table.csv").read_text().splitlines()
    assert len(rows) == 2
    for component, figures in FIGURES.items():
        assert all(f"{component}.{name}" in header for name in figures), component
    shown = on_80_columns(*sweep_tables({name: cell.metrics for name, cell in swept.results.items()}))
    assert all(component in shown for component in FIGURES)
    page = write_report(tmp_path / "grid").read_text().lower().replace("-", " ")
    assert all(name.split(".")[0].replace("_", " ") in page for names in FIGURES.values() for name in names)


def test_the_package_knows_none_of_them() -> None:
    words = {"stripes", "stamped", "in_halves", "far_from_mean", "dark_inputs", "prior_shift", "start_over"}
    words |= {"next_class", "dark_row", "stamp_brightness", "largest_spread", "rows_used", "mean_confidence"}
    for file in (Path(__file__).parents[1] / "src" / "antivenom").rglob("*.py"):
        assert not words & set(re.findall(r"\w+", file.read_text())), file
