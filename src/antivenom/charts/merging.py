"""Merging the chart of the victim and the same chart of the control."""

from dataclasses import replace

from antivenom.charts.data import Bars, Chart, Images, Lines, Panels


def side_by_side(victim: Chart, control: Chart) -> Chart:
    """Return two charts of one kind as one chart: on the same axes if both have one series, otherwise side by side.

    >>> from antivenom.charts import BarSeries, column
    >>> both = [Bars(categories=("a", "b"), series=(BarSeries(values=column(v)),)) for v in ([1, 2], [3, 4])]
    >>> [series.role for series in side_by_side(*both).series]
    ['victim', 'control']
    """
    if isinstance(victim, Bars) and isinstance(control, Bars) and victim.categories == control.categories:
        if len(victim.series) == len(control.series) == 1:
            bars = replace(victim.series[0], label="victim", role="victim")
            control_bars = replace(control.series[0], label="control", role="control")
            return replace(victim, series=(bars, control_bars))
    elif isinstance(victim, Lines) and isinstance(control, Lines):
        if len(victim.series) == len(control.series) == 1:
            line = replace(victim.series[0], label="victim", role="victim")
            control_line = replace(control.series[0], label="control", role="control")
            return replace(victim, series=(line, control_line))
    elif isinstance(victim, Images) and isinstance(control, Images) and len(victim.rows) == len(control.rows) == 1:
        return replace(victim, rows=(*victim.rows, *control.rows), row_labels=("victim", "control"))
    panels = tuple(replace(chart, title=role, caption="") for chart, role in ((victim, "victim"), (control, "control")))
    return Panels(name=victim.name, caption=victim.caption, alt=victim.alt, charts=panels, across=2)
