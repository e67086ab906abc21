"""The same chart of the victim and of the control as one."""

from dataclasses import replace

from antivenom.charts.data import Bars, Chart, Images, Lines, Panels


def side_by_side(victim: Chart, control: Chart) -> Chart:
    """Two charts of one kind as one: on the same axes where both have one series, otherwise beside each other.

    >>> from antivenom.charts import BarSeries, column
    >>> both = [Bars(categories=("a", "b"), series=(BarSeries(values=column(v)),)) for v in ([1, 2], [3, 4])]
    >>> [series.role for series in side_by_side(*both).series]
    ['victim', 'control']
    """
    if isinstance(victim, Bars) and isinstance(control, Bars) and victim.categories == control.categories:
        if len(victim.series) == len(control.series) == 1:
            mine = replace(victim.series[0], label="victim", role="victim")
            theirs = replace(control.series[0], label="control", role="control")
            return replace(victim, series=(mine, theirs))
    elif isinstance(victim, Lines) and isinstance(control, Lines):
        if len(victim.series) == len(control.series) == 1:
            line = replace(victim.series[0], label="victim", role="victim")
            twin = replace(control.series[0], label="control", role="control")
            return replace(victim, series=(line, twin))
    elif isinstance(victim, Images) and isinstance(control, Images) and len(victim.rows) == len(control.rows) == 1:
        return replace(victim, rows=(*victim.rows, *control.rows), row_labels=("victim", "control"))
    panels = tuple(replace(chart, title=who, caption="") for chart, who in ((victim, "victim"), (control, "control")))
    return Panels(name=victim.name, caption=victim.caption, alt=victim.alt, charts=panels, across=2)
