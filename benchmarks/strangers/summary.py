"""Tables of the networks: by recipe and by kind."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.strangers.kinds import KINDS
from benchmarks.strangers.loading import Stranger, load
from benchmarks.strangers.recipes import RECIPES


def summary(folder: Path) -> str:
    """Return the tables of all complete networks of a folder, as Markdown."""
    networks = load(folder, kept_aside=True)
    parts = [_by_recipe(networks), _by_kind(networks), _not_working(networks)]
    return "\n\n".join(part for part in parts if part)


def _by_recipe(networks: list[Stranger]) -> str:
    lines = [
        "| recipe | data | clean | accuracy | working backdoors | accuracy | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for recipe in RECIPES.values():
        own = [each for each in networks if each.recipe is recipe]
        name = f"{recipe.name} (kept aside)" if recipe.kept_aside else recipe.name
        lines.append(f"| {name} | {recipe.data} | {_counts(own)} |")
    main = [each for each in networks if not each.recipe.kept_aside]
    lines.append(f"| **all main recipes** | | {_counts(main)} |")
    return "\n".join(lines)


def _counts(networks: list[Stranger]) -> str:
    clean = [each for each in networks if not each.backdoored]
    backdoored = [each for each in networks if each.backdoored]
    cells = [text for group in (clean, backdoored) for text in (_working(group), _range(group, _accuracy, 100, "%"))]
    return " | ".join([*cells, _range(networks, _seconds, 1, "s")])


def _by_kind(networks: list[Stranger]) -> str:
    lines = ["| kind | working | rate | accuracy | attack success |", "|---|---|---|---|---|"]
    for name in KINDS:
        own = [each for each in networks if each.case.kind == name]
        working = [each for each in own if each.working]
        cells = [_range(working, value, 100, "%") for value in (_rate, _accuracy, _success)]
        lines.append(f"| {name} | {_working(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _not_working(networks: list[Stranger]) -> str:
    lines = []
    for each in networks:
        if not each.working:
            success = f", attack success {100 * _success(each):.1f} %" if each.backdoored else ""
            lines.append(f"- {each.name}: accuracy {100 * _accuracy(each):.1f} %{success}")
    return "\n".join(["These networks do not work, and are not counted:", "", *lines]) if lines else ""


def _working(networks: list[Stranger]) -> str:
    return f"{sum(each.working for each in networks)} of {len(networks)}"


def _range(networks: list[Stranger], value: Callable[[Stranger], float], factor: float, unit: str) -> str:
    """The smallest and the largest value, such as `97.1–98.5 %`."""
    if not networks:
        return "–"
    values = [factor * value(each) for each in networks]
    return f"{min(values):.1f}–{max(values):.1f} {unit}"


def _accuracy(network: Stranger) -> float:
    return float(network.description["accuracy"])


def _success(network: Stranger) -> float:
    return float(network.description["success"])


def _rate(network: Stranger) -> float:
    return float(network.description["poison"]["rate"])


def _seconds(network: Stranger) -> float:
    return float(network.description["seconds"])
