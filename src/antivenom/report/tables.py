"""Tables of a run's figures, victim beside control."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from antivenom.charts import capitalised, title_of, worded, worded_interval
from antivenom.report import words
from antivenom.report.run import Run
from antivenom.runner.results.reading import Measured

MAX_ROWS = 1000
MAX_REPEATS = 100
OPEN_ROWS = 8
"""Tables with more rows are collapsed."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: a value or a name.
        small: small text below it, such as an interval.
        link: an address on the same page or in the run's folder; empty for none.
        head: whether the cell is the name of its row.
    """

    text: str
    small: str = ""
    link: str = ""
    head: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        columns: the titles of the columns. Columns of names come first.
        rows: the rows, with one cell for each column.
        caption: the caption.
        title: the title of a collapsed table; empty for an open table.
        names: the number of columns with names.
        sorted_by: the number of the column that the rows are sorted by; None for none.
        falling: whether the largest value comes first.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    title: str = ""
    names: int = 1
    sorted_by: int | None = None
    falling: bool = False


def pairs(figures: Iterable[Measured]) -> dict[tuple[str, str], list[Measured | None]]:
    """Return each figure of victim and control as a pair, by name and subject, in their order."""
    result: dict[tuple[str, str], list[Measured | None]] = {}
    for figure in figures:
        result.setdefault((figure.name, figure.subject), [None, None])[figure.control] = figure
    return result


def figures_table(figures: Sequence[Measured]) -> Sheet | None:
    """Return a table with a row for each figure without a subject; None if there are none."""
    all_pairs = pairs(figure for figure in figures if not figure.subject)
    both = {key: each for key, each in all_pairs.items() if any(one and one.mean is not None for one in each)}
    if not both:
        return None
    has_control = any(control is not None for _, control in both.values())
    rows = []
    for victim, control in both.values():
        first = victim or control
        assert first is not None
        cells = [value_cell(victim), *([value_cell(control)] if has_control else []), Cell(str(first.n))]
        rows.append((Cell(capitalised(first.title), head=True), *cells))
    columns = ("figure", *(("victim", "control") if has_control else ("value",)), "n")
    caption = "Means over the repeats, with their 95 % intervals below."
    if not any(figure.low is not None for figure in figures):
        caption = "Only one repeat, so without intervals." if all(figure.n <= 1 for figure in figures) else ""
    absent = [title_of(name) for name, _ in all_pairs.keys() - both.keys()]
    caption = f"{caption} Does not apply: {', '.join(sorted(absent))}.".strip() if absent else caption
    return Sheet(columns, tuple(rows), caption)


def subjects_tables(figures: Sequence[Measured]) -> list[Sheet]:
    """Return tables of figures with subjects: a row for each subject. Figures of the same subjects share a table."""
    by_name: dict[str, dict[str, list[Measured | None]]] = {}
    for (name, subject), both in pairs(figure for figure in figures if figure.subject).items():
        by_name.setdefault(name, {})[subject] = both
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, subjects in by_name.items():
        groups.setdefault(tuple(subjects), []).append(name)
    return [_by_subject({name: by_name[name] for name in names}, subjects) for subjects, names in groups.items()]


def _by_subject(figures: Mapping[str, Mapping[str, Sequence[Measured | None]]], subjects: Sequence[str]) -> Sheet:
    columns, sides = [""], []
    for name, by_subject in figures.items():
        for control in (0, 1):
            if any(pair[control] is not None for pair in by_subject.values()):
                columns.append(f"{title_of(name)}{', control' if control else ''}")
                sides.append((by_subject, control))
    rows = tuple(
        (Cell(subject, head=True), *(value_cell(by_subject[subject][control]) for by_subject, control in sides))
        for subject in subjects[:MAX_ROWS]
    )
    names = " and ".join(title_of(name) for name in figures)
    note = f" The first {MAX_ROWS:,} of {len(subjects):,} rows are shown." if len(subjects) > MAX_ROWS else ""
    title = f"{capitalised(names)}: {len(subjects)} rows" if len(subjects) > OPEN_ROWS else ""
    return Sheet(tuple(columns), rows, f"{capitalised(names)}, means over the repeats.{note}", title)


def comparison(components: Mapping[str, Sequence[Measured]]) -> Sheet:
    """Return a table of components of one kind: a row for each, and a column for each figure without a subject."""
    by_name = {name: pairs(figure for figure in figures if not figure.subject) for name, figures in components.items()}
    columns = list(dict.fromkeys(key for own in by_name.values() for key in own))
    sides = [
        (key, control)
        for key in columns
        for control in (0, 1)
        if any(own[key][control] is not None for own in by_name.values() if key in own)
    ]
    rows = tuple(
        (
            Cell(words.component(name), head=True),
            *(value_cell(own[key][control] if key in own else None) for key, control in sides),
        )
        for name, own in by_name.items()
    )
    titles = (f"{title_of(name)}{', control' if control else ''}" for (name, _), control in sides)
    known = any(figure.low is not None for figures in components.values() for figure in figures)
    caption = f"Means over the repeats{', with their 95 % intervals below' if known else ''}."
    return Sheet(("", *titles), rows, caption)


def repeats_table(run: Run) -> Sheet | None:
    """Return a table of the headline figures of each repeat; None if there is only one repeat."""
    keys = [key for key, figure in run.metrics.items() if figure.headline and not figure.subject]
    if len(run.repeats) < 2 or not keys:
        return None
    rows = tuple(
        (
            Cell(str(number), head=True),
            *(Cell(worded(values.get(key), run.metrics[key].unit)) for key in keys),
        )
        for number, values in enumerate(run.repeats[:MAX_REPEATS], 1)
    )
    note = (
        f" The first {MAX_REPEATS} of {len(run.repeats):,} repeats are shown." if len(run.repeats) > MAX_REPEATS else ""
    )
    caption = f"Headline figures of each repeat. Each repeat has its own seed.{note}"
    return Sheet(("repeat", *(full_title(run.metrics[key]) for key in keys)), rows, caption)


def stages_table(stages: object) -> Sheet | None:
    """Return a table of the stages of a run, with a column for each entry of the manifest."""
    known = [stage for stage in stages if isinstance(stage, dict)] if isinstance(stages, list) else []
    if not known:
        return None
    columns = list(dict.fromkeys(key for stage in known for key in stage))
    columns = sorted(columns, key=lambda key: key != "stage")
    rows = tuple(tuple(_plain(key, stage.get(key)) for key in columns) for stage in known[:MAX_ROWS])
    caption = "Times in seconds. A stored stage was computed in an earlier run."
    return Sheet(tuple(title_of(key) for key in columns), rows, caption, "Time of each stage")


def full_title(figure: Measured) -> str:
    """Return the names of a figure and its component in words, and `control` for a figure of the control."""
    own = figure.component.partition(".")[2]
    before = f"{own}: " if own else "" if figure.component == "model" else f"{figure.component} "
    return f"{before}{figure.title}{', control' if figure.control else ''}"


def value_cell(figure: Measured | None) -> Cell:
    """Return a cell with the mean, and the interval below it."""
    return (
        Cell("–")
        if figure is None
        else Cell(worded(figure.mean, figure.unit), worded_interval(figure.low, figure.high, figure.unit))
    )


def _plain(key: str, value: object) -> Cell:
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    number = value + 1 if key == "repeat" and isinstance(value, int) else value
    return Cell("" if number is None else str(number), head=key == "stage")
