"""Runs' folders made by hand, so that the report is tested against the format and not against what a runner gives."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from antivenom.charts import Chart, Figure, by_subject, pair
from antivenom.files.writing import write_text
from antivenom.storage.chart_files import write_charts
from antivenom.storage.files import read_json, write_arrays, write_json
from antivenom.storage.yaml12 import dump_yaml
from tests.helpers.every_chart import every_chart

ABOUT = {
    "versions": {"antivenom": "0.1.0", "python": "3.11"},
    "hardware": {"device": "cpu", "threads": 1},
    "seed": 7,
    "git": None,
}


def metrics_of(figures: Mapping[str, Sequence[Figure]], n: int = 3) -> dict[str, dict[str, Any]]:
    """`metrics.json` from the figures of each component."""
    found = {}
    for component, held in figures.items():
        for figure in held:
            value = figure.value
            ends = (None, None) if value is None or n < 2 else (value - 0.01, value + 0.01)
            found[f"{component}.{figure.key}"] = {
                "mean": value,
                "n": 0 if value is None else n,
                "low": ends[0],
                "high": ends[1],
                "unit": figure.unit,
                "better": figure.better,
                "name": figure.name,
                "subject": figure.subject,
                "control": figure.control,
                "headline": figure.headline,
                "component": component,
            }
    return found


def some_figures(accuracy: float = 0.9, label: str = "conv_1") -> dict[str, Sequence[Figure]]:
    """Figures of several components: of one kind twice, with subjects, without a control, without a value."""
    return {
        "model": [
            *pair("clean_accuracy", accuracy, 0.95, better="high", headline=True),
            Figure(name="accuracy_drop", value=0.05, unit="points", headline=True),
            *by_subject("class_accuracy", {f"{label} {place}": 0.5 for place in range(10)}),
        ],
        "attack": pair("success_rate", 0.99, 0.01, headline=True),
        "training": [Figure(name="loss", value=0.25, unit="nats")],
        "scan.neural_cleanse": pair("p_value", 0.002, 0.8, unit="p_value", headline=True),
        "repair.pruning(rank=effect)": [Figure(name="clean_accuracy", value=0.87)],
        "repair.pruning(rank=activation)": [Figure(name="clean_accuracy", value=None)],
        "analysis.probes": list(by_subject("accuracy", {label: 0.7, "output": 0.9})),
    }


def make_run(
    folder: Path,
    *,
    figures: Mapping[str, Sequence[Figure]] | None = None,
    charts: Mapping[str, Chart] | None = None,
    repeats: int = 3,
    name: str = "mine",
    headline: str = "The trigger works.",
    doubts: Sequence[str] = ("Somebody could doubt this.",),
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """A finished run."""
    metrics = metrics_of(some_figures() if figures is None else figures, repeats)
    write_text(folder / "spec.yaml", dump_yaml({"name": name, "attack": {"name": "badnets"}}))
    write_json(folder / "metrics.json", metrics, sort_keys=False)
    write_json(folder / "repeats.json", [{key: entry["mean"] for key, entry in metrics.items()}] * repeats)
    stages = [{"stage": "fit victim", "repeat": 0, "seconds": 1.5, "stored": True}]
    write_json(
        folder / "manifest.json",
        {**ABOUT, "headline": headline, "doubts": list(doubts), "stages": stages, **(manifest or {})},
    )
    write_arrays(folder / "details.npz", {"confusion": np.zeros((repeats, 2, 2)), "losses": np.zeros((repeats, 2, 1))})
    write_charts(folder, every_chart() if charts is None else charts)
    return folder


def make_grid(folder: Path, grid: Mapping[str, Sequence[Any]], cells: Sequence[Mapping[str, Any]]) -> Path:
    """A finished grid; each cell has a clean accuracy of its own, no charts, and its axes as given."""
    held = {}
    for number, axes in enumerate(cells, 1):
        name = f"{number}-cell"
        held[name] = {"axes": dict(axes), "doubts": ["one"] * (number % 2)}
        make_run(
            folder / "cells" / name, figures=some_figures(accuracy=number / (len(cells) + 1)), charts={}, repeats=3
        )
    write_text(folder / "spec.yaml", dump_yaml({"name": "a grid", "grid": {key: list(v) for key, v in grid.items()}}))
    write_json(folder / "manifest.json", {**ABOUT, "cells": held})
    return folder


def make_unfinished(folder: Path, *, failed: Sequence[int] = (), missing: Sequence[int] = ()) -> Path:
    """A grid from `make_grid` as if it were still running: the named cells failed, or have not run yet."""
    cells = {name: entry["axes"] for name, entry in read_json(folder / "manifest.json")["cells"].items()}
    for number in (*failed, *missing):
        shutil.rmtree(folder / "cells" / f"{number}-cell")
    (folder / "manifest.json").unlink()
    write_json(folder / "cells.json", cells, sort_keys=False)
    failures = {
        f"{number}-cell": {"error": "RuntimeError", "message": f"<b>{number}</b> broke", "trace": "Traceback …"}
        for number in failed
    }
    if failures:
        write_json(folder / "failures.json", failures)
    return folder


def without_checksums(folder: Path) -> Path:
    """The run as if it had been made by hand: its files can be changed."""
    manifest = read_json(folder / "manifest.json")
    write_json(
        folder / "manifest.json", {key: each for key, each in manifest.items() if key not in ("files", "checksum")}
    )
    return folder
