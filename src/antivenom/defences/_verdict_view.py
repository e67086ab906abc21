"""A verdict as a chart and as HTML, for scans that bring no chart of their own and for notebooks."""

from collections.abc import Sequence
from html import escape

from torch import Tensor

from antivenom.charts import Axis, Bars, BarSeries, column, finite, worded

ROWS_SHOWN = 20


def statistic_chart(
    labels: Sequence[str], *, statistic: Tensor, flagged: Tensor, threshold: Tensor | None, summary: str
) -> Bars:
    """The statistic of every subject; rings are flags, and short lines the threshold where it is known."""
    limits = None if threshold is None else column(threshold)
    series = BarSeries(values=column(statistic), limits=limits, ringed=column(flagged))
    return Bars(
        name="statistic",
        categories=tuple(labels),
        series=(series,),
        value=Axis(label="statistic"),
        caption=f"The statistic of each subject. {summary}. Rings are flags.",
        alt=f"{len(labels)} subjects; {summary}.",
    )


def verdict_html(labels: Sequence[str], *, statistic: Tensor, flagged: Tensor, p_value: Tensor, summary: str) -> str:
    """The verdict as a small table, the most suspicious subjects first."""
    order = p_value.nan_to_num(nan=2.0).argsort(stable=True).tolist()[:ROWS_SHOWN]
    rows = "".join(
        _row(labels[number], float(statistic[number]), float(p_value[number]), bool(flagged[number]))
        for number in order
    )
    more = len(labels) - len(order)
    rest = f"<p>{more} more subjects are not shown.</p>" if more else ""
    head = "<tr><th>subject</th><th>statistic</th><th>p-value</th><th>flagged</th></tr>"
    return f"<p><b>{escape(summary)}</b></p><table>{head}{rows}</table>{rest}"


def _row(label: str, statistic: float, p_value: float, flagged: bool) -> str:
    found = (worded(finite(statistic), "none"), worded(finite(p_value), "p_value"), "yes" if flagged else "no")
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (label, *found))}</tr>"
