"""What a page says of one run: whatever it reports, component by component."""

import base64
import re
from dataclasses import dataclass
from typing import Any

from antivenom.charts import Chart, Images, Table, worded
from antivenom.charts.drawing.images import left_out, shown, tile_png
from antivenom.report.run import Run

KINDS = {
    "attack": "Attack",
    "model": "Model",
    "training": "Training",
    "analysis": "Analyses",
    "detector": "Detectors",
    "filter": "Filters",
    "scan": "Scans",
    "repair": "Repairs",
    "stream_defence": "Stream defences",
}
CARDS = ("model", "attack")
"""Headline figures of these are shown large."""


@dataclass(frozen=True)
class Picture:
    """A chart as a PNG, for the page and for `figures/`."""

    name: str
    png: bytes
    alt: str
    caption: str
    title: str

    @property
    def uri(self) -> str:
        """The picture itself, as an address."""
        return uri_of(self.png)


def section_of(run: Run) -> dict[str, Any]:
    """Everything that the page says of one run."""
    components = [_component(run, name) for name in run.components]
    headings: dict[str, list[dict[str, Any]]] = {}
    for each in components:
        headings.setdefault(each["kind"], []).append(each)
    return {
        "name": run.name,
        "headline": str(run.about["headline"]),
        "doubts": run.doubts,
        "cards": _cards(run),
        "kinds": headings,
        "pictures": [chart["picture"] for each in components for chart in each["charts"] if chart["picture"]],
        "metrics": [(key, *_numbers(entry)) for key, entry in run.metrics.items()],
        "repeats": run.repeats if len(run.repeats) > 1 else [],
        "main": [key for key, entry in run.metrics.items() if entry["headline"]],
        "stages": run.about["stages"],
    }


def figure_rows(run: Run, component: str) -> list[dict[str, str]]:
    """The figures of a component: name, subject, victim, control and interval, in words."""
    rows = []
    for key, entry in run.metrics.items():
        if entry["component"] != component or (entry["control"] and key.removesuffix(".control") in run.metrics):
            continue
        control = entry if entry["control"] else run.metrics.get(f"{key}.control")
        victim = None if entry["control"] else entry
        rows.append(
            {
                "title": str(entry["name"]).replace("_", " "),
                "subject": str(entry["subject"]),
                "victim": "" if victim is None else worded(victim["mean"], victim["unit"]),
                "control": "" if control is None else worded(control["mean"], control["unit"]),
                "interval": interval(victim or entry),
                "better": {"high": "higher is better", "low": "lower is better"}.get(entry["better"] or "", ""),
            }
        )
    return rows


def interval(entry: dict[str, Any]) -> str:
    """The bounds of a figure's 95 % interval; empty where there are none."""
    if entry["low"] is None:
        return ""
    return f"{worded(entry['low'], entry['unit'])} to {worded(entry['high'], entry['unit'])}"


def uri_of(png: bytes) -> str:
    """A picture as an address that holds all of it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def file_name(key: str) -> str:
    """A name for a chart's file: letters, digits, dots, dashes and underscores alone, never a path.

    >>> file_name("repair.pruning(rank=activation).curve")
    'repair.pruning-rank-activation-.curve'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", key).lstrip(".")[:120] or "chart"


def _component(run: Run, name: str) -> dict[str, Any]:
    kind, _, own = name.partition(".")
    rows = figure_rows(run, name)
    charts = [_chart(key, chart) for key, chart in run.charts.items() if key.rpartition(".")[0] == name]
    return {
        "kind": KINDS.get(kind, kind.replace("_", " ").capitalize()),
        "name": own,
        "plain": [row for row in rows if not row["subject"]],
        "detailed": [row for row in rows if row["subject"]],
        "charts": charts,
    }


def _chart(key: str, chart: Chart) -> dict[str, Any]:
    found: dict[str, Any] = {"caption": chart.caption, "title": chart.title, "alt": chart.alt or chart.caption}
    found |= {"picture": None, "tiles": None, "table": None, "wraps": False, "left_out": ""}
    if isinstance(chart, Images):
        labels = [*chart.row_labels, *[""] * len(chart.rows)]
        rows = shown(chart)
        found["tiles"] = [
            {"label": label, "tiles": [{"uri": uri_of(tile_png(t)), "alt": t.alt, "lines": t.lines} for t in row]}
            for label, row in zip(labels, rows, strict=False)
        ]
        found |= {"wraps": chart.wraps, "left_out": left_out(chart), "columns": chart.column_labels}
    elif isinstance(chart, Table):
        found["table"] = chart
    else:
        found["picture"] = Picture(file_name(key), chart.to_png(), found["alt"], chart.caption, chart.title)
    return found


def _cards(run: Run) -> list[dict[str, str]]:
    return [
        {**row, "key": f"{component}"}
        for component in CARDS
        for row in figure_rows(run, component)
        if _is_headline(run, component, row["title"])
    ]


def _is_headline(run: Run, component: str, title: str) -> bool:
    entry = run.metrics.get(f"{component}.{title.replace(' ', '_')}")
    return entry is not None and bool(entry["headline"]) and entry["mean"] is not None


def _numbers(entry: dict[str, Any]) -> tuple[str, str, str]:
    bounds = "–" if entry["low"] is None else f"{entry['low']:.4g} to {entry['high']:.4g}"
    return ("–" if entry["mean"] is None else f"{entry['mean']:.4g}"), bounds, str(entry["n"])
