"""The columns of a table that can be features: not those that identify its rows, count them, or have no numbers.

Every reader of tables decides here: CSV files, Parquet files, and data sets of Hugging Face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from antivenom.data.cells import is_missing, is_number
from antivenom.data.identifiers import (
    COUNTED,
    counts_from,
    identifies,
    in_equal_steps,
    is_identifier_name,
    is_pandas_index,
    numbers_identify,
)

IDENTIFYING = "a different value in each row or most rows, as an identifier has"
"""What a column of identifiers has, for messages."""


def shown_column(number: int, names: Sequence[str], has_names: bool) -> str:
    """Return the number and name of a column, for the start of a sentence.

    >>> shown_column(3, ["", "a", "b", "label"], True), shown_column(0, ["0", "1"], False)
    ("Column 3 ('label')", 'Column 0')
    """
    if not has_names:
        return f"Column {number}"
    return f"Column {number} ({repr(names[number]) if names[number] else 'no name'})"


@dataclass(frozen=True)
class Sample:
    """The first rows of a table.

    Args:
        names: the names of the columns; their numbers if they have no names.
        columns: the cells of each column as text, without spaces at their ends.
        has_names: whether the columns have names.
    """

    names: tuple[str, ...]
    columns: Sequence[Sequence[str]]
    has_names: bool = True

    def counting(self) -> tuple[tuple[int, int], ...]:
        """Return the columns that only count the rows, with their first values."""
        if self.has_names:
            candidates = [number for number, name in enumerate(self.names) if is_identifier_name(name)]
        else:
            candidates = [0] if len(self.columns[0]) >= COUNTED else []
        starts = [(number, counts_from(self.columns[number])) for number in candidates]
        return tuple((number, start) for number, start in starts if start is not None)

    def left_out(self, ignore: Sequence[object] | None = None) -> tuple[int, ...]:
        """Return the columns that are left out although the user names none: those that count, and indexes of pandas.

        If the user names other columns, these are left out too. With an empty list, none is left out.
        """
        if ignore is not None and not len(ignore):
            return ()
        counting = [number for number, _ in self.counting()]
        return tuple(
            number
            for number, name in enumerate(self.names)
            if number in counting or (self.has_names and is_pandas_index(name))
        )

    def identifying(self, used: Sequence[int]) -> list[int]:
        """Return the columns of identifiers among those that are used.

        Without names, other features must remain, or the numbers must count.
        """
        if self.has_names:
            return [number for number in used if identifies(self.names[number], self.columns[number])]
        different = [number for number in used if numbers_identify(self.columns[number])]
        if len(different) < len(used):
            return different
        return [number for number in different if in_equal_steps(self.columns[number])]

    def advised(self, used: Sequence[int]) -> tuple[int, ...]:
        """Return the used columns that a message advises to leave out: identifiers, indexes, and columns of text."""
        doubtful = {*self.identifying(used), *self.left_out()}
        return tuple(number for number in used if number in doubtful or self.is_text(number))

    def about_left_out(self, left_out: Sequence[int], ignore: Sequence[object] | None = None) -> tuple[str, ...]:
        """Return a sentence about each column that is left out although the user did not name it in `ignore`."""
        way_in = "Set ignore to [] to use it." if ignore is None else "To use it, give it another name."
        counting = [number for number, _ in self.counting()]
        return tuple(
            f"{self.shown(number)} {'counts the rows' if number in counting else 'is an index of pandas'}, so it is "
            f"left out. {way_in}"
            for number in left_out
        )

    def about_used(self, used: Sequence[int], advice: str = "Add it to ignore to drop it.") -> tuple[str, ...]:
        """Return a sentence about each column that is used, although it seems to identify or count the rows."""
        doubtful = {*self.left_out(), *self.identifying(used)}
        return tuple(
            f"{self.shown(number)} seems to identify or count the rows, and is used. {advice}"
            for number in used
            if number in doubtful or numbers_identify(self.columns[number])
        )

    def shown(self, number: int) -> str:
        """Return the number and name of a column, for the start of a sentence."""
        return shown_column(number, self.names, self.has_names)

    def has_text(self, number: int) -> bool:
        """Return True if a cell of a column is neither a number nor empty."""
        return not all(is_number(cell) or is_missing(cell) for cell in self.columns[number])

    def is_text(self, number: int) -> bool:
        """Return True if no cell of a column is a number, and not all are empty."""
        return not any(is_number(cell) for cell in self.columns[number]) and self.has_text(number)
