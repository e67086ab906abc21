"""Figures and charts as data. Components and the runner create them; reports and tables show all of them."""

from antivenom.charts._checks import column
from antivenom.charts.data import Bars, Chart, Heatmap, Histogram, Images, Lines, Panels, Scatter, Table
from antivenom.charts.evidence import Evidence, WithEvidence, with_evidence
from antivenom.charts.figure import (
    Better,
    Figure,
    Unit,
    by_subject,
    finite,
    pair,
    worded,
    worded_interval,
    worded_p_value,
)
from antivenom.charts.merging import side_by_side
from antivenom.charts.parts import Axis, BarSeries, Field, Points, Series, Tile, Values
from antivenom.charts.titles import capitalised, title_of

__all__ = [
    "Axis",
    "BarSeries",
    "Bars",
    "Better",
    "Chart",
    "Evidence",
    "Field",
    "Figure",
    "Heatmap",
    "Histogram",
    "Images",
    "Lines",
    "Panels",
    "Points",
    "Scatter",
    "Series",
    "Table",
    "Tile",
    "Unit",
    "Values",
    "WithEvidence",
    "by_subject",
    "capitalised",
    "column",
    "finite",
    "pair",
    "side_by_side",
    "title_of",
    "with_evidence",
    "worded",
    "worded_interval",
    "worded_p_value",
]
