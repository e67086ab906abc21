"""The columns of a table of text: the line of names, the labels, and a column that only counts the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from antivenom.errors import DataError
from antivenom.registry import did_you_mean

LABEL_NAMES = frozenset({"label", "labels", "class", "classes", "target", "targets", "category"})
"""Names of columns of labels, in lower case."""

WEAK_LABEL_NAMES = frozenset({"y"})
"""Names of columns of labels unless another column has a better name: `y` can also be a coordinate."""

INDEX_NAMES = frozenset({"", "unnamed: 0", "index", "id", "row", "row_id"})
"""Names of columns that identify rows, in lower case."""

MISSING = ("", "?", "na", "n/a", "<na>", "nan", "null", "none")
"""Texts that mean: no value. They are compared in lower case."""

COUNTED = 5
"""From this number of rows on, a first column 0, 1, 2, … without a name counts the rows."""

IDENTIFYING = 10
"""From this number of rows on, a column named `id` with a different value in each row identifies the rows."""

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
        assumptions: what was inferred, one sentence each.
    """

    names: tuple[str, ...]
    header: bool
    label: int
    ignored: tuple[int, ...] = ()
    counting: tuple[tuple[int, int], ...] = ()
    assumptions: tuple[str, ...] = ()


def infer_columns(
    sample: Cells, *, label: str | int | None, header: bool | None, ignore: Sequence[str | int] | None
) -> Columns:
    """Return the columns of a table, from its first lines.

    Args:
        sample: the cells of the first lines, all of the same length.
        label: the name or number of the column of labels; inferred from names and values if None.
        header: whether the first line contains names; inferred from the other lines if None.
        ignore: the names or numbers of columns to leave out; if None, a column that counts the rows.

    Raises:
        DataError: a column does not exist, or what was to be inferred is ambiguous.

    >>> columns = infer_columns([["label", "a"], ["cat", "1"], ["dog", "2"]], label=None, header=None, ignore=None)
    >>> columns.names, columns.label, columns.assumptions
    (('label', 'a'), 0, ("The column 'label' contains the labels. Set label for another column.",))
    """
    has_names, notes = (header, ()) if header is not None else _has_names(sample)
    names = tuple(cell.strip() for cell in sample[0]) if has_names else tuple(map(str, range(len(sample[0]))))
    if len(set(names)) < len(names):
        raise DataError(f"must begin with a line of different column names; got {list(names)}.")
    rows = sample[1:] if has_names else sample
    if ignore is None:
        counting, more = _counting(names, rows, has_names=has_names)
        ignored = tuple(number for number, _ in counting)
    else:
        counting, more, ignored = (), (), tuple(_place(one, names) for one in ignore)
    place, about_label = (_place(label, names), ()) if label is not None else _label(names, rows, ignored, has_names)
    ignored = tuple(number for number in ignored if number != place)
    counting = tuple(pair for pair in counting if pair[0] != place)
    if len(names) - len(ignored) < 2:
        raise DataError("must have at least one column of numbers besides the labels; it has none.")
    return Columns(names, has_names, place, ignored, counting, (*notes, *more, *about_label))


def is_missing(cell: str, missing: Sequence[str] = MISSING) -> bool:
    """Return True if a cell has no value.

    >>> is_missing(" NaN "), is_missing("0")
    (True, False)
    """
    return cell.strip().lower() in missing


def is_number(cell: str) -> bool:
    """Return True if a cell is a number; `nan` and `inf` are not."""
    try:
        return abs(float(cell)) < float("inf")
    except ValueError:
        return False


def is_whole(cell: str) -> bool:
    """Return True if a cell is a whole number.

    >>> is_whole("2"), is_whole("2.0"), is_whole("2.5")
    (True, True, False)
    """
    return is_number(cell) and float(cell).is_integer()


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
    numbered = all(cell.strip() == str(number) for number, cell in enumerate(first) if not named[number])
    repeated = any(first[number] in column for number, column in enumerate(columns) if named[number])
    if numbered and not repeated:
        return _numbered_names(first)
    note = "The first line looks like all others, so it is a row and there are no column names. Set header to true"
    return False, (f"{note} if it contains names.",)


def _numbered_names(first: Sequence[str]) -> tuple[bool, tuple[str, ...]]:
    """Return that a first line 0, 1, 2, … contains names, as pandas writes them."""
    shown = ", ".join(first[:4])
    if len(first) < NUMBERED_NAMES:
        raise DataError(f"begins with the line {shown}: names of columns, or a row. Set header to true or false.")
    return True, (
        f"The first line, {shown}, …, contains the names of the columns. Set header to false if it is a row.",
    )


def _counting(
    names: tuple[str, ...], rows: Cells, *, has_names: bool
) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    """Return the columns that only count the rows, with their first values, and a sentence about them.

    Raises:
        DataError: a column has the name of an index, and a different value in each row, but does not count.
    """
    candidates = [number for number, name in enumerate(names) if name.lower() in INDEX_NAMES]
    if not has_names:
        candidates = [0] if len(rows) >= COUNTED else []
    counting = []
    for number in candidates:
        cells = [row[number].strip() for row in rows]
        start = int(cells[0]) if cells and cells[0] in ("0", "1") else None
        if start is not None and cells == list(map(str, range(start, start + len(cells)))):
            counting.append((number, start))
        elif has_names and len(cells) >= IDENTIFYING and len(set(cells)) == len(cells):
            raise DataError(
                f"has the column {names[number]!r} with a different value in each row, as an identifier has. Set "
                f"ignore to [{number}] to leave it out, or to [] to use it."
            )
    shown = ", ".join(repr(names[number]) for number, _ in counting)
    note = f"The column {shown} counts the rows, so it is left out. Set ignore to [] to use it."
    return tuple(counting), (note,) if counting else ()


def _label(names: tuple[str, ...], rows: Cells, ignored: Sequence[int], has_names: bool) -> tuple[int, tuple[str, ...]]:
    """Return the column of labels, by its name or by its values, and a sentence about it.

    Raises:
        DataError: no column or several columns can be it.
    """
    others = [number for number in range(len(names)) if number not in ignored]
    named = _with_names(names, others, LABEL_NAMES) or _with_names(names, others, WEAK_LABEL_NAMES)
    texts = [number for number in others if not all(is_number(row[number]) or is_missing(row[number]) for row in rows)]
    likely = named or texts or [number for number in others if _could_be_labels([row[number] for row in rows])]
    if len(likely) == 1:
        which = repr(names[likely[0]]) if has_names else f"number {likely[0]}"
        return likely[0], (f"The column {which} contains the labels. Set label for another column.",)
    shown = ", ".join(names[number] for number in (likely or others)[:8])
    many = "several columns that can be the labels" if likely else "no column that is clearly the labels"
    raise DataError(f"has {many}: {shown}. Set label to a name, or to a number: 0 is the first column, -1 the last.")


def _with_names(names: tuple[str, ...], columns: Sequence[int], wanted: frozenset[str]) -> list[int]:
    return [number for number in columns if names[number].lower() in wanted]


def _could_be_labels(cells: Sequence[str]) -> bool:
    """Return True for a few different whole numbers, each twice on average."""
    values = {cell for cell in cells if not is_missing(cell)}
    return all(map(is_whole, values)) and 2 <= len(values) <= min(MANY_CLASSES, len(cells) // 2)
