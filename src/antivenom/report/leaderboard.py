"""The table of all cells in several orders: that of the spec, and one for each headline figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from antivenom.charts import capitalised
from antivenom.report.tables import Sheet, full_title
from antivenom.runner.results.reading import Measured

MANY_CELLS = 200
MOST_ORDERS, MOST_ORDERS_OF_MANY = 12, 6
"""The most orders of a table, and those of a table of many cells. The page contains the table in each order."""


class HasFigures(Protocol):
    """A row with figures by key."""

    @property
    def figures(self) -> Mapping[str, Measured]:
        """The figures of the row."""


Row = TypeVar("Row", bound=HasFigures)


@dataclass(frozen=True)
class Board:
    """A table of all cells in one order.

    Attributes:
        title: the name of the order.
        sheet: the table.
    """

    title: str
    sheet: Sheet


def boards(
    rows: Sequence[Row],
    keys: Mapping[str, Measured],
    first_column: int,
    sheet_of: Callable[[Sequence[Row], str], Sheet],
) -> list[Board]:
    """Return the table in the order of the spec, and sorted by each figure: the best value for the owner first.

    Args:
        rows: the rows, in the order of the spec.
        keys: the figures of the table, in its order. There is no order by a figure of the control.
        first_column: the column of the first figure.
        sheet_of: returns the table of sorted rows, with a sentence at the start of its caption.
    """
    result = [Board("as in the spec", sheet_of(rows, ""))]
    most = MOST_ORDERS if len(rows) <= MANY_CELLS else MOST_ORDERS_OF_MANY
    own = [key for key, figure in keys.items() if not figure.control] if len(rows) > 1 else []
    for key in own[: most - 1]:
        figure = keys[key]
        falling = figure.better != "low"
        sheet = sheet_of(sorted_rows(rows, key, falling=falling), _caption(figure, falling=falling))
        place = first_column + list(keys).index(key)
        result.append(Board(full_title(figure), replace(sheet, sorted_by=place, falling=falling)))
    return result


def sorted_rows(rows: Sequence[Row], key: str, *, falling: bool) -> list[Row]:
    """Return rows sorted by the mean of a figure. Rows without a value come last; equal ones stay in their order."""

    def mean(row: Row) -> Any:
        figure = row.figures.get(key)
        return None if figure is None else figure.mean

    known = [row for row in rows if mean(row) is not None]
    return [*sorted(known, key=mean, reverse=falling), *(row for row in rows if mean(row) is None)]


def _caption(figure: Measured, *, falling: bool) -> str:
    """Return the sentence about an order."""
    reason = {"high": "a high value is good for the model's owner", "low": "a low value is good for the model's owner"}
    first = "highest" if falling else "lowest"
    ending = f": {reason[figure.better]}" if figure.better else ""
    return f"{capitalised(full_title(figure))}, {first} first{ending}."
