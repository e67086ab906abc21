"""The page's content about one run: a section for each kind of component."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from antivenom.charts import capitalised, title_of, worded
from antivenom.report import tables, words
from antivenom.report.pictures import View, views
from antivenom.report.run import Run
from antivenom.report.tables import Sheet
from antivenom.runner.results.reading import Measured
from antivenom.storage.yaml12 import dump_yaml

MAX_CARDS_PER_KIND = 3
"""If a kind has more components, a table replaces their cards."""
MAX_FIGURES_PER_CARD = 4


@dataclass(frozen=True)
class Line:
    """A headline figure on a card: its title, and the values and intervals of victim and control."""

    title: str
    values: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Card:
    """A component's headline figures."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Part:
    """The page's content about one component: pictures in their order, and tables of its figures."""

    title: str
    views: tuple[tuple[View, ...], ...]
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Kind:
    """All components of a kind: a table that compares them if there are several, and a part for each."""

    title: str
    comparison: Sheet | None
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Section:
    """The page's content about one run."""

    name: str
    headline: str
    doubts: tuple[str, ...]
    assumptions: tuple[str, ...]
    cards: tuple[Card, ...]
    kinds: tuple[Kind, ...]
    repeats: Sheet | None
    stages: Sheet | None
    spec: str


def section_of(run: Run) -> tuple[Section, dict[str, bytes]]:
    """Return the page's content about a run, and the drawn charts as PNGs by key."""
    shown, pngs = views(run.charts)
    figures, charts = by_component(run, shown)
    names = list(dict.fromkeys((*figures, *charts)))
    kinds: dict[str, list[str]] = {name.partition(".")[0]: [] for name in charts}  # in the order of the charts
    for name in names:
        kinds.setdefault(name.partition(".")[0], []).append(name)
    cards = [
        card_of(name, figures[name])
        for members in kinds.values()
        for name in members
        if name in figures and len(members) <= MAX_CARDS_PER_KIND
    ]
    section = Section(
        name=run.name,
        headline=run.headline,
        doubts=run.doubts,
        assumptions=run.assumptions,
        cards=tuple(card for card in cards if card.lines),
        kinds=tuple(_kind(kind, members, figures, charts) for kind, members in kinds.items()),
        repeats=tables.repeats_table(run),
        stages=tables.stages_table(run.about.get("stages")),
        spec=dump_yaml(run.spec),
    )
    return section, pngs


def by_component(run: Run, shown: Mapping[str, View]) -> tuple[dict[str, list[Measured]], dict[str, list[View]]]:
    """Return figures and charts of each component, in their order."""
    figures: dict[str, list[Measured]] = {}
    for figure in run.metrics.values():
        figures.setdefault(figure.component, []).append(figure)
    charts: dict[str, list[View]] = {}
    for key, view in shown.items():
        charts.setdefault(key.rpartition(".")[0] or key, []).append(view)
    return figures, charts


def card_of(name: str, figures: Sequence[Measured]) -> Card:
    """Return a card of a component's headline figures, victim beside control."""
    both = tables.pairs(figure for figure in figures if figure.headline and not figure.subject)
    lines = []
    for (called, _), sides in list(both.items())[:MAX_FIGURES_PER_CARD]:
        values = [
            (who, worded(figure.mean, figure.unit), words.interval(figure))
            for who, figure in zip(("victim", "control"), sides, strict=True)
            if figure is not None
        ]
        if all(figure is None or figure.mean is None for figure in sides):
            continue
        if len(values) == 1 and values[0][0] == "victim":
            values = [("", *values[0][1:])]
        lines.append(Line(capitalised(title_of(called)), tuple(values)))
    kind, _, own = name.partition(".")
    return Card(f"{words.heading(kind, several=False)}{': ' if own else ''}{own}", tuple(lines))


def _kind(
    kind: str, names: Sequence[str], figures: Mapping[str, Sequence[Measured]], charts: Mapping[str, Sequence[View]]
) -> Kind:
    """Return the section of a kind."""
    measured = {name: figures[name] for name in names if any(not f.subject for f in figures.get(name, ()))}
    compares = len(measured) > 1 and kind not in measured
    comparison = tables.comparison(measured) if compares else None
    parts = []
    for name in names:
        own = figures.get(name, ())
        plain = None if comparison is not None and name in measured else tables.figures_table(own)
        sheets = [plain] if plain is not None else []
        parts.append(
            Part(
                title=words.component(name) if "." in name else "",
                views=_grouped(charts.get(name, ())),
                sheets=(*sheets, *tables.subjects_tables(own)),
            )
        )
    shown = tuple(part for part in parts if part.views or part.sheets)
    return Kind(words.heading(kind, several=kind not in names), comparison, shown)


def _grouped(shown: Sequence[View]) -> tuple[tuple[View, ...], ...]:
    """Return views in groups. Consecutive drawn pictures form a group and appear side by side."""
    groups: list[list[View]] = []
    for view in shown:
        if groups and view.uri and groups[-1][-1].uri:
            groups[-1].append(view)
        else:
            groups.append([view])
    return tuple(map(tuple, groups))
