"""The terminal's tables: everything fits into 80 columns, and no number is wrapped or cut."""

from io import StringIO
from typing import Any

from rich.console import RenderableType

from antivenom.cli_tables import run_table, sweep_tables, with_doubts
from antivenom.terminal import Terminal


def shown(*tables: RenderableType, width: int = 80) -> str:
    file = StringIO()
    console = Terminal(file=file, width=width)
    for table in tables:
        console.print(table)
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    return text


def entry(component: str, name: str, mean: float | None, **more: Any) -> dict[str, Any]:
    usual = {"unit": "share", "low": None, "high": None, "n": 3, "subject": "", "control": False, "headline": True}
    return {"component": component, "name": name, "mean": mean, **usual, **more}


METRICS = {
    "model.accuracy_drop": entry("model", "accuracy_drop", -0.123, unit="points", low=-0.2345, high=0.1234),
    **{
        f"model.class_accuracy.{subject}{'.control' * control}": entry(
            "model", "class_accuracy", 0.9 + 0.01 * subject, subject=str(subject), control=control
        )
        for subject in range(10)
        for control in (False, True)
    },
    "detector.activation_clustering.auroc": entry("detector.activation_clustering_of_layers", "auroc", 0.5),
    "scan.x.shift": entry("scan.x", "shift", 0.00001234, unit="none", low=-0.00001234, high=0.00001234),
    "attack.success_rate": entry("attack", "success_rate", 1.0, low=0.85, high=1.0),
    "attack.success_rate.control": entry("attack", "success_rate", 0.01, control=True),
}


def numbered(metrics: dict[str, dict[str, Any]], number: int) -> dict[str, dict[str, Any]]:
    """The metrics of another cell: each figure of the victim is a little different."""
    return {
        key: each if each["control"] else {**each, "mean": each["mean"] - number / 50} for key, each in metrics.items()
    }


def test_a_run_fits_into_80_columns() -> None:
    text = shown(run_table(METRICS))
    for words in (
        "-12.3 points",
        "-23.4 to +12.3 points",
        "90.0 to 99.0 %",
        "-1.234e-05 to 1.234e-05",
        "85.0 to 100.0 %",
    ):
        assert words in text


def test_a_grid_fits_into_80_columns() -> None:
    names = ("success_rate", "trigger_lost", "poison_rate", "poison_rows", "poison_unchanged", "tpr_at_1_percent_fpr")
    cell = {f"attack.{name}": entry("attack", name, 1.0) for name in names}
    cell |= {f"attack.{name}.control": entry("attack", name, 0.123, control=True) for name in names}
    cells = {f"{number}-gradient-poison-preact-resnet18": numbered(cell, number) for number in range(3)}
    text = shown(*sweep_tables(cells, 80))
    assert text.count("% (12.3 %)") == 3 * len(names)
    assert "attack, continued" in text
    assert "unchanged" in text


def test_a_grid_shows_the_interval_of_each_mean() -> None:
    text = shown(*sweep_tables({"1-a": METRICS, "2-b": {"attack.success_rate": entry("attack", "success_rate", 0.5)}}))
    assert "100.0 % (1.0 %)" in text
    assert "85.0 to 100.0 %" in text
    assert "-23.4 to +12.3 points" in text
    assert "Below: the 95 % interval over the repeats." in " ".join(text.split())


def test_a_grid_with_one_repeat_does_not_mention_intervals() -> None:
    assert "interval" not in shown(*sweep_tables({"1-a": {"model.loss": entry("model", "loss", 1.0, unit="none")}}))


def test_a_grid_says_what_parentheses_are_where_there_are_some() -> None:
    alone = {"1-a": {"model.loss": entry("model", "loss", 1.0, unit="none")}}
    assert "parentheses" not in shown(*sweep_tables(alone))
    more = {f"{number}-a": numbered(METRICS, number) for number in range(50)}
    text = shown(*sweep_tables(more))
    assert (
        "In parentheses: the control. Below: the 95 % interval over the repeats. 10 more cells are in table.csv."
        in " ".join(text.split())
    )


def test_a_single_repeat_says_yes_or_no() -> None:
    single = {"unit": "yes_no", "n": 1}
    metrics = {
        "scan.x.flagged": entry("scan.x", "flagged", 1.0, **single),
        "scan.x.flagged.control": entry("scan.x", "flagged", 0.0, control=True, **single),
    }
    assert "flagged yes no" in " ".join(shown(run_table(metrics)).split())
    assert "yes (no)" in shown(*sweep_tables({"1-a": metrics}))


def test_the_name_of_a_component_spans_the_row() -> None:
    name = "filter.noise_filter_of_mine:JitterOfInputs"
    metrics = {key: {**each, "component": name} for key, each in METRICS.items()}
    assert name in [line.strip() for line in shown(run_table(metrics)).splitlines()]
    tables = sweep_tables({"1-a": metrics, "2-b": numbered(metrics, 1)})
    assert name in [line.strip() for line in shown(*tables).splitlines()]


def test_figures_that_are_the_same_in_all_cells_are_one_sentence() -> None:
    same = {**METRICS, "attack.success_rate": {**METRICS["attack.success_rate"], "low": None, "high": None}}
    other = {**same, "scan.x.shift": entry("scan.x", "shift", 2.0, unit="none")}
    text = " ".join(shown(*sweep_tables({"1-a": same, "2-b": other})).split())
    assert "attack The same in all cells: success rate 100.0 %, control 1.0 %." in text
    assert "accuracy drop -12.3 points, interval -23.4 to +12.3 points." in text
    assert "2-b 2" in text
    assert "The same in all cells" not in shown(*sweep_tables({"1-a": same}))


def test_each_cell_has_its_number_of_doubts() -> None:
    cells = {"1-a": METRICS, "2-b": METRICS}
    text = " ".join(shown(*sweep_tables(with_doubts(cells, {"1-a": 2, "2-b": 0}))).split())
    assert "cell doubts" in text
    assert "1-a 2 2-b 0" in text
    assert "doubts The same in all cells: doubts 3." in " ".join(
        shown(*sweep_tables(with_doubts(cells, {"1-a": 3, "2-b": 3}))).split()
    )
