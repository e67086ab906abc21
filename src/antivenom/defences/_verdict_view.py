"""A verdict as a chart, for scans without their own charts, and as HTML, for notebooks."""

from collections.abc import Sequence
from html import escape

from torch import Tensor

from antivenom.charts import Axis, Bars, BarSeries, column, finite, worded

ROWS_SHOWN = 20


def statistic_chart(
    labels: Sequence[str], *, statistic: Tensor, flagged: Tensor, threshold: Tensor | None, summary: str
) -> Bars:
    """Return a chart of every subject's statistic. Rings mark flagged subjects; short lines mark known thresholds."""
    limits = None if threshold is None else column(threshold)
    series = BarSeries(values=column(statistic), limits=limits, ringed=column(flagged))
    return Bars(
        name="statistic",
        categories=tuple(labels),
        series=(series,),
        value=Axis(label="statistic"),
        caption=f"The statistic of each subject. Result: {summary}. Rings mark flagged subjects.",
        alt=f"{len(labels)} subjects; {summary}.",
    )


def class_names(classes: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return a name for each of a classifier's `count` classes. The data may have names for fewer classes."""
    return tuple(classes[number] if number < len(classes) else f"class {number}" for number in range(count))


def verdict_html(labels: Sequence[str], *, statistic: Tensor, flagged: Tensor, p_value: Tensor, summary: str) -> str:
    """Return the verdict as a small HTML table, the most suspicious subjects first."""
    order = p_value.nan_to_num(nan=2.0).argsort(stable=True).tolist()[:ROWS_SHOWN]
    rows = "".join(
        _row(labels[number], float(statistic[number]), float(p_value[number]), bool(flagged[number]))
        for number in order
    )
    more = len(labels) - len(order)
    rest = f"<p>Subjects not shown: {more}.</p>" if more else ""
    head = "<tr><th>subject</th><th>statistic</th><th>p-value</th><th>flagged</th></tr>"
    return f"<p><b>{escape(summary)}</b></p><table>{head}{rows}</table>{rest}"


def _row(label: str, statistic: float, p_value: float, flagged: bool) -> str:
    values = (worded(finite(statistic), "none"), worded(finite(p_value), "p_value"), "yes" if flagged else "no")
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (label, *values))}</tr>"
