"""A run's figures as tables: whatever there is, victim beside control."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from antivenom.charts import capitalised, title_of, worded, worded_interval
from antivenom.report import words
from antivenom.report.run import Measured, Run

MOST_ROWS = 1000
MOST_REPEATS = 100
OPEN_ROWS = 8
"""Tables with more rows than this are folded up."""


@dataclass(frozen=True)
class Cell:
    """What stands in a cell of a table.

    Attributes:
        text: a value or a name.
        small: below it, such as an interval.
        link: an address on the same page or in the run's folder; empty for none.
        head: whether it names its row.
    """

    text: str
    small: str = ""
    link: str = ""
    head: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        columns: their names; those of names, at the left, first.
        rows: a cell for each column.
        caption: what the table shows.
        title: of a table that is folded up; empty for one that is open.
        names: how many columns hold names.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    title: str = ""
    names: int = 1


def pairs(figures: Iterable[Measured]) -> dict[tuple[str, str], list[Measured | None]]:
    """Victim and control of each figure, by name and subject, in order."""
    found: dict[tuple[str, str], list[Measured | None]] = {}
    for figure in figures:
        found.setdefault((figure.name, figure.subject), [None, None])[figure.control] = figure
    return found


def figures_table(figures: Sequence[Measured]) -> Sheet | None:
    """A row for each figure without a subject; None where there is none."""
    both = pairs(figure for figure in figures if not figure.subject)
    if not both:
        return None
    twins = any(control is not None for _, control in both.values())
    rows = []
    for victim, control in both.values():
        first = victim or control
        assert first is not None
        cells = [value_cell(victim), *([value_cell(control)] if twins else []), Cell(str(first.n))]
        rows.append((Cell(capitalised(first.title), head=True), *cells))
    columns = ("figure", *(("victim", "control") if twins else ("value",)), "n")
    caption = "Means over the repeats; below them the 95 % interval."
    if not any(figure.low is not None for figure in figures):
        caption = "One repeat, so there are no intervals." if all(figure.n <= 1 for figure in figures) else ""
    return Sheet(columns, tuple(rows), caption)


def subjects_tables(figures: Sequence[Measured]) -> list[Sheet]:
    """Figures with subjects: a row for each subject; figures of the same subjects share a table."""
    by_name: dict[str, dict[str, list[Measured | None]]] = {}
    for (name, subject), both in pairs(figure for figure in figures if figure.subject).items():
        by_name.setdefault(name, {})[subject] = both
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, subjects in by_name.items():
        groups.setdefault(tuple(subjects), []).append(name)
    return [_by_subject({name: by_name[name] for name in names}, subjects) for subjects, names in groups.items()]


def _by_subject(figures: Mapping[str, Mapping[str, Sequence[Measured | None]]], subjects: Sequence[str]) -> Sheet:
    columns, sides = [""], []
    for name, held in figures.items():
        for control in (0, 1):
            if any(both[control] is not None for both in held.values()):
                columns.append(f"{title_of(name)}{', control' if control else ''}")
                sides.append((held, control))
    rows = tuple(
        (Cell(subject, head=True), *(value_cell(held[subject][control]) for held, control in sides))
        for subject in subjects[:MOST_ROWS]
    )
    names = " and ".join(title_of(name) for name in figures)
    note = f" The first {MOST_ROWS:,} of {len(subjects):,} are shown." if len(subjects) > MOST_ROWS else ""
    title = f"{capitalised(names)}: {len(subjects)} rows" if len(subjects) > OPEN_ROWS else ""
    return Sheet(tuple(columns), rows, f"{capitalised(names)}, means over the repeats.{note}", title)


def comparison(components: Mapping[str, Sequence[Measured]]) -> Sheet:
    """Several components of one kind: a row for each, a column for each figure without a subject."""
    both = {name: pairs(figure for figure in figures if not figure.subject) for name, figures in components.items()}
    columns = list(dict.fromkeys(key for held in both.values() for key in held))
    sides = [
        (key, control)
        for key in columns
        for control in (0, 1)
        if any(held[key][control] is not None for held in both.values() if key in held)
    ]
    rows = tuple(
        (
            Cell(words.component(name), head=True),
            *(value_cell(held[key][control] if key in held else None) for key, control in sides),
        )
        for name, held in both.items()
    )
    titles = (f"{title_of(name)}{', control' if control else ''}" for (name, _), control in sides)
    return Sheet(("", *titles), rows, "Means over the repeats; below them the 95 % interval.")


def repeats_table(run: Run) -> Sheet | None:
    """Headline figures of each repeat; None where there is one repeat."""
    keys = [key for key, figure in run.metrics.items() if figure.headline and not figure.subject]
    if len(run.repeats) < 2 or not keys:
        return None
    rows = tuple(
        (
            Cell(str(number), head=True),
            *(Cell(worded(values.get(key), run.metrics[key].unit)) for key in keys),
        )
        for number, values in enumerate(run.repeats[:MOST_REPEATS], 1)
    )
    note = f" The first {MOST_REPEATS} of {len(run.repeats):,} are shown." if len(run.repeats) > MOST_REPEATS else ""
    caption = f"Headline figures of each repeat, every one with its own seed.{note}"
    return Sheet(("repeat", *(full_title(run.metrics[key]) for key in keys)), rows, caption)


def stages_table(stages: object) -> Sheet | None:
    """The stages of a run, a column for whatever is known of each."""
    known = [stage for stage in stages if isinstance(stage, dict)] if isinstance(stages, list) else []
    if not known:
        return None
    columns = list(dict.fromkeys(key for stage in known for key in stage))
    columns = sorted(columns, key=lambda key: key != "stage")
    rows = tuple(tuple(_plain(key, stage.get(key)) for key in columns) for stage in known[:MOST_ROWS])
    caption = "Seconds; a stage read from the store was computed earlier."
    return Sheet(tuple(title_of(key) for key in columns), rows, caption, "Time of each stage")


def full_title(figure: Measured) -> str:
    """A figure's name in words after its component's, which the model's own figures do not need; and whose it is."""
    own = figure.component.partition(".")[2]
    before = f"{own}: " if own else "" if figure.component == "model" else f"{figure.component} "
    return f"{before}{figure.title}{', control' if figure.control else ''}"


def value_cell(figure: Measured | None) -> Cell:
    """A mean, and below it its interval."""
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
