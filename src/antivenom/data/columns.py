"""The columns of a table of text: the line of names, the labels, and a column that only counts the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from antivenom.data.cells import has_decimal_comma, is_missing, is_number, is_whole
from antivenom.data.class_order import shown_values
from antivenom.data.features import IDENTIFYING, Sample, shown_column
from antivenom.data.identifiers import mostly_different
from antivenom.errors import DataError
from antivenom.registry import did_you_mean

LABEL_NAMES = frozenset({"label", "labels", "class", "classes", "target", "targets", "category"})
"""Names of columns of labels, in lower case."""

WEAK_LABEL_NAMES = frozenset({"y"})
"""Names of columns of labels unless another column has a better name: `y` can also be a coordinate."""

NUMBERED_NAMES = 5
"""From this number of columns on, a first line 0, 1, 2, … contains the names of the columns."""

MANY_CLASSES = 50
"""A column of whole numbers with more different values is not a column of labels without a name for it."""

Cells = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Args:
        names: the names of all columns; their numbers, from 0, if the table has no line of names.
        header: whether the first line contains the names.
        label: the number of the column of labels.
        ignored: the numbers of the columns that are not used.
        counting: the first value of each ignored column that must count the rows, by its number.
        advised: the numbers of the columns that a message advises to leave out.
        assumptions: what was inferred, one sentence each.
    """

    names: tuple[str, ...]
    header: bool
    label: int
    ignored: tuple[int, ...] = ()
    counting: tuple[tuple[int, int], ...] = ()
    advised: tuple[int, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """The names of the columns of numbers; empty if not all of them have a name."""
        numbers = [number for number in range(len(self.names)) if number != self.label and number not in self.ignored]
        names = tuple(self.names[number] for number in numbers)
        return names if self.header and all(names) else ()

    def shown(self, number: int) -> str:
        """Return the number and name of a column, for the start of a sentence."""
        return shown_column(number, self.names, self.header)

    def ignoring(self, number: int) -> list[str | int]:
        """Return the value of the setting `ignore` that leaves out a column, and all others that are advised."""
        chosen = sorted({*self.advised, number})
        return [
            self.names[one] if self.header and self.names[one] and self.names.count(self.names[one]) == 1 else one
            for one in chosen
        ]


def infer_columns(
    sample: Cells,
    *,
    label: str | int | None,
    header: bool | None,
    ignore: Sequence[str | int] | None,
) -> Columns:
    """Return the columns of a table, from its first lines.

    Args:
        sample: the cells of the first lines, all of the same length.
        label: the name or number of the column of labels; inferred from names and values if None.
        header: whether the first line contains names; inferred from the other lines if None.
        ignore: the names or numbers of columns to leave out. A column that counts the rows is left out too, unless
            it is empty.

    Raises:
        DataError: a column does not exist, or what was to be inferred is ambiguous.

    >>> columns = infer_columns([["label", "a"], ["cat", "1"], ["dog", "2"]], label=None, header=None, ignore=None)
    >>> columns.names, columns.label, columns.assumptions
    (('label', 'a'), 0, ("Column 0 ('label') contains the labels. Set label for another column.",))
    """
    has_names, notes = (header, ()) if header is not None else _has_names(sample)
    names = tuple(cell.strip() for cell in sample[0]) if has_names else tuple(map(str, range(len(sample[0]))))
    rows = sample[1:] if has_names else sample
    table = _Sample(names, [[cell.strip() for cell in column] for column in zip(*rows, strict=True)], has_names)
    empty = table.without_values()
    named = tuple(_place(one, names) for one in ignore or ())
    automatic = set(table.left_out(ignore)) - set(named)
    ignored = tuple(sorted({*named, *automatic, *empty}))
    _refuse_equal_names(names, ignored)
    place, about_label = (_place(label, names), ()) if label is not None else table.inferred_label(ignored)
    ignored = tuple(number for number in ignored if number != place)
    counting = tuple(pair for pair in table.counting() if pair[0] in automatic and pair[0] in ignored)
    used = [number for number in range(len(names)) if number not in (place, *ignored)]
    if not used:
        raise DataError("must have at least one column of numbers besides the labels; it has none.")
    result = Columns(names, has_names, place, ignored, counting, (*ignored, *table.advised(used)))
    if ignore is None:
        table.refuse_identifiers(result, used)
    notes += table.about_used(used)
    notes += table.about_left_out([number for number in ignored if number in automatic - set(empty)], ignore)
    if empty:
        notes += (f"Columns without a name and without values are left out: {shown_values(empty)}.",)
    return replace(result, assumptions=(*notes, *about_label))


def _refuse_equal_names(names: tuple[str, ...], ignored: Sequence[int]) -> None:
    """Refuse several columns with one name, unless all but one are ignored."""
    kept = [name for number, name in enumerate(names) if number not in ignored]
    twice = next((name for name in kept if kept.count(name) > 1), None)
    if twice is None:
        return
    places = [number for number, name in enumerate(names) if name == twice and number not in ignored]
    shown = f"the name {twice!r}" if twice else "no name"
    raise DataError(
        f"must begin with a line of different column names; the columns {shown_values(places)} have {shown}. Rename "
        f"them, or set ignore to {[*ignored, *places[1:]]} to use only the first."
    )


def _place(wanted: str | int, names: tuple[str, ...]) -> int:
    """Return the number of a column, by its name or number."""
    if isinstance(wanted, str) and wanted.strip() in names:
        return names.index(wanted.strip())
    if isinstance(wanted, int) and -len(names) <= wanted < len(names):
        return wanted % len(names)
    hint = did_you_mean(str(wanted), names)
    raise DataError(f"has no column {wanted!r}. Its columns are: {', '.join(names[:20])}.{hint}")


def _has_names(sample: Cells) -> tuple[bool, tuple[str, ...]]:
    """Return whether the first line contains names: cells that are not numbers above columns of numbers."""
    first, rows = sample[0], sample[1:]
    if not rows:
        raise DataError("must have at least one row; it has none.")
    columns = [[row[number] for row in rows] for number in range(len(first))]
    numbers = [all(is_number(cell) or is_missing(cell) for cell in column) for column in columns]
    named = [not is_number(cell) and not is_missing(cell) for cell in first]
    if any(is_name and number for is_name, number in zip(named, numbers, strict=True)) or not any(numbers):
        return True, ()
    numbered = _are_numbered(first, named) or (
        not first[0].strip() and _are_different(columns[0]) and _are_numbered(first[1:], named[1:])
    )  # also after the index of pandas, which has no name
    repeated = any(first[number] in column for number, column in enumerate(columns) if named[number])
    if numbered and not repeated:
        return _numbered_names(first)
    note = "The first line looks like all others, so it is a row and there are no column names. Set header to true"
    return False, (f"{note} if it contains names.",)


def _are_numbered(first: Sequence[str], named: Sequence[bool]) -> bool:
    """Return whether the names that are numbers are 0, 1, 2, …: their places, or their places among these names."""
    numbers = [(place, cell.strip()) for place, cell in enumerate(first) if not named[place]]
    by_place = all(cell == str(place) for place, cell in numbers)
    return by_place or [cell for _, cell in numbers] == [str(count) for count in range(len(numbers))]


def _are_different(cells: Sequence[str]) -> bool:
    """Return whether the cells are different whole numbers, as an index has."""
    return len(set(cells)) == len(cells) and all(map(is_whole, cells))


def _numbered_names(first: Sequence[str]) -> tuple[bool, tuple[str, ...]]:
    """Return that a first line 0, 1, 2, … contains names, as pandas writes them."""
    shown = ", ".join(first[:4])
    if len(first) < NUMBERED_NAMES:
        raise DataError(f"begins with the line {shown}: names of columns, or a row. Set header to true or false.")
    return True, (
        f"The first line, {shown}, …, contains the names of the columns. Set header to false if it is a row.",
    )


class _Sample(Sample):
    """The first rows of a table of text, and the columns that can be its labels."""

    def without_values(self) -> tuple[int, ...]:
        """Return the columns without a name and without a value, as spreadsheets add them at the end."""
        return tuple(
            number
            for number, name in enumerate(self.names)
            if self.has_names and not name and self.columns[number] and not any(self.columns[number])
        )

    def inferred_label(self, ignored: Sequence[int]) -> tuple[int, tuple[str, ...]]:
        """Return the column of labels, by its name or by its values, and a sentence about it.

        Raises:
            DataError: no column or several columns can be it.
        """
        texts = [number for number in range(len(self.names)) if number not in ignored and self.has_text(number)]
        different = [number for number in texts if mostly_different(self.columns[number])]
        others = [number for number in range(len(self.names)) if number not in (*ignored, *different)]
        likely = (
            self._named(others, LABEL_NAMES)
            or self._named(others, WEAK_LABEL_NAMES)
            or self._texts_or_rivals([number for number in others if number in texts], others)
            or [number for number in others if _could_be_labels(self.columns[number])]
        )
        if len(likely) == 1:
            about = shown_column(likely[0], self.names, self.has_names)
            return likely[0], (f"{about} contains the labels. Set label for another column.",)
        shown = ", ".join(self.names[number] for number in (likely or others)[:8])
        many = "several columns that can be the labels" if likely else "no column that is clearly the labels"
        hint = "" if likely else "".join(self._about_text(number) for number in different[:1])
        raise DataError(
            f"has {many}: {shown}.{hint}{self._about_commas(texts)}{self._about_names()} Set label to a name, or to a "
            "number: 0 is the first column, -1 the last. Set ignore to a list of the columns to leave out."
        )

    def _texts_or_rivals(self, texts: list[int], others: list[int]) -> list[int]:
        """Return the columns of text, and those of whole numbers that can be the labels instead of a single text.

        Those are: columns with two different numbers; and the last column if it has a few different whole numbers.
        Beside a last column of text, only the first column counts: labels are usually first or last.
        """
        if len(texts) != 1:
            return texts
        last = others[-1]
        numbers = [number for number in others if _could_be_labels(self.columns[number])]
        binary = [number for number in numbers if len(_different(self.columns[number])) == 2]
        rivals = [number for number in binary if texts[0] != last or number == others[0]]
        return sorted({*texts, *rivals, *(number for number in numbers if number == last)})

    def refuse_identifiers(self, columns: Columns, used: Sequence[int]) -> None:
        """Refuse columns of identifiers: by the name and the values, or by the values alone if there are no names."""
        for number in self.identifying(used):
            about = f"the column {self.names[number]!r}" if self.has_names else f"in column {number} whole numbers"
            raise DataError(
                f"has {about} with {IDENTIFYING}. Set ignore to {columns.ignoring(number)} to leave it out, or to [] "
                "to use it."
            )

    def _named(self, columns: Sequence[int], wanted: frozenset[str]) -> list[int]:
        return [number for number in columns if self.has_names and self.names[number].lower() in wanted]

    def _about_text(self, number: int) -> str:
        about = shown_column(number, self.names, self.has_names)
        return f" {about} has a different text in most rows, so it is not the labels."

    def _about_names(self) -> str:
        """Return advice if the first row looks like names, although `header` is false."""
        numbers = [column for column in self.columns if column[1:] and all(map(is_number, column[1:]))]
        if self.has_names or all(is_number(column[0]) for column in numbers):
            return ""
        return " Set header to true if line 1 contains the names of the columns."

    def _about_commas(self, texts: Sequence[int]) -> str:
        example = next((cell for number in texts for cell in self.columns[number] if has_decimal_comma(cell)), None)
        return f" If {example} is a number, set decimal to ','." if example else ""


def _could_be_labels(cells: Sequence[str]) -> bool:
    """Return True for a few different whole numbers, each twice on average."""
    values = _different(cells)
    return all(map(is_whole, values)) and 2 <= len(values) <= min(MANY_CLASSES, len(cells) // 2)


def _different(cells: Sequence[str]) -> set[str]:
    """Return the different values in a column, without the missing ones."""
    return {cell for cell in cells if not is_missing(cell)}
