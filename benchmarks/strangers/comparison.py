"""The verdicts of two scans on the same networks, and the class effects that clean networks share."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.strangers.report import PROMISE, share
from benchmarks.strangers.scanning import Scanned, scanned

FEWEST = 3
"""The fewest clean networks of a recipe whose class effects are compared."""

Floats = NDArray[np.float64]


def comparison(folder: Path, names: tuple[str, str]) -> str:
    """Return, as text, what two scans find together, their correlation on clean networks, and the class effects.

    Together, a class has the smaller of its p-values, times two (Bonferroni).
    """
    both = [{each.network.name: each for each in scanned(folder, name)} for name in names]
    pairs = [(both[0][name], both[1][name]) for name in both[0] if name in both[1]]
    clean = [pair for pair in pairs if not pair[0].network.backdoored]
    backdoored = [pair for pair in pairs if pair[0].network.backdoored]
    flagged = [pair for pair in backdoored if _together(*pair).min() <= PROMISE]
    right = sum(int(_together(*pair).argmin()) in pair[0].network.targets for pair in flagged)
    alarms = sum(_together(*pair).min() <= PROMISE for pair in clean)
    lines = [
        f"## {names[0]} and {names[1]}",
        "",
        f"found {share(len(flagged), len(backdoored))}, right class {share(right, len(flagged))}, "
        f"false alarms {share(alarms, len(clean))}",
    ]
    if clean:
        logs = [np.concatenate([_logs(pair[scan]) for pair in clean]) for scan in (0, 1)]
        known = ~np.isnan(logs[0] + logs[1])
        correlation = float(np.corrcoef(logs[0][known], logs[1][known])[0, 1])
        lines.append(f"correlation of both statistics over the classes of clean networks: {correlation:.2f}")
    for scan, name in enumerate(names):
        effects = ", ".join(f"{recipe} {value:.2f}" for recipe, value in _effects([pair[scan] for pair in clean]))
        lines.append(f"correlation of a clean network with the mean of the others, {name}: {effects or 'too few'}")
    return "\n".join(lines)


def _together(first: Scanned, second: Scanned) -> Floats:
    p = np.array([[1.0 if value is None else value for value in each.p_value] for each in (first, second)])
    return np.asarray(np.minimum(1, 2 * p.min(0)))


def _logs(network: Scanned) -> Floats:
    """Return the logarithm of each class's statistic, less their mean and in units of their deviation."""
    values = np.array([np.nan if value is None or value <= 0 else value for value in network.statistic])
    logs = np.log(values)
    return np.asarray((logs - np.nanmean(logs)) / np.nanstd(logs))


def _effects(clean: list[Scanned]) -> list[tuple[str, float]]:
    """Return, for each recipe, the mean correlation of a network's classes with the mean of the other networks."""
    effects = []
    for recipe in sorted({each.network.case.recipe for each in clean}):
        group = np.array([_logs(each) for each in clean if each.network.case.recipe == recipe])
        others = [np.delete(group, row, 0).mean(0) for row in range(len(group))] if len(group) >= FEWEST else []
        if others:
            each_one = [np.corrcoef(own, other)[0, 1] for own, other in zip(group, others, strict=True)]
            effects.append((recipe, float(np.nanmean(each_one))))
    return effects
