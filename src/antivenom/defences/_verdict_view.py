"""A verdict as a chart and as HTML, for scans that bring no chart of their own and for notebooks."""

from html import escape
from typing import TYPE_CHECKING

from antivenom.charts import Axis, Bars, BarSeries, column, finite, worded

if TYPE_CHECKING:
    from antivenom.defences._scan import Verdict

ROWS_SHOWN = 20


def statistic_chart(verdict: "Verdict", classes: tuple[str, ...] = ()) -> Bars:
    """The statistic of every subject; rings are flags, and short lines the threshold where it is known."""
    limits = None if verdict.threshold is None else column(verdict.threshold)
    series = BarSeries(values=column(verdict.statistic), limits=limits, ringed=column(verdict.flagged))
    return Bars(
        name="statistic",
        categories=tuple(subject.label(classes) for subject in verdict.subjects),
        series=(series,),
        value=Axis(label="statistic"),
        caption=f"The statistic of each subject. {verdict.summary(classes)}. Rings are flags.",
        alt=f"{len(verdict.subjects)} subjects; {verdict.summary(classes)}.",
    )


def verdict_html(verdict: "Verdict") -> str:
    """The verdict as a small table, the most suspicious subjects first."""
    order = verdict.p_value.nan_to_num(nan=2.0).argsort(stable=True).tolist()[:ROWS_SHOWN]
    rows = "".join(_row(verdict, number) for number in order)
    more = len(verdict.subjects) - len(order)
    rest = f"<p>{more} more subjects are not shown.</p>" if more else ""
    head = "<tr><th>subject</th><th>statistic</th><th>p-value</th><th>flagged</th></tr>"
    return f"<p><b>{escape(verdict.summary())}</b></p><table>{head}{rows}</table>{rest}"


def _row(verdict: "Verdict", number: int) -> str:
    cells = (
        verdict.subjects[number].label(),
        worded(finite(float(verdict.statistic[number])), "none"),
        worded(finite(float(verdict.p_value[number])), "p_value"),
        "yes" if verdict.flagged[number] else "no",
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
