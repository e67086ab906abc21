"""The figures of a run and of a grid."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from antivenom.report.drawing import (
    CONTROL,
    CYCLE,
    INK,
    MARKS,
    VICTIM,
    annotate,
    as_pixels,
    new_figure,
    short,
    style,
    to_png,
)
from antivenom.report.run import Run


def losses(run: Run) -> bytes:
    """Training loss by epoch: thin for each repeat, thick for their mean."""
    figure, axes = new_figure(5.2, 3.2)
    for who, (name, colour, line) in enumerate((("victim", VICTIM, "-"), ("control", CONTROL, "--"))):
        curves = run.arrays["losses"][:, who]
        epochs = np.arange(1, curves.shape[1] + 1)
        for curve in curves:
            axes.plot(epochs, curve, line, color=colour, alpha=0.35, linewidth=0.8)
        known = ~np.isnan(curves).any(0)
        axes.plot(epochs[known], curves[:, known].mean(0), line, color=colour, linewidth=2, label=name)
    axes.set(xlabel="epoch", ylabel="mean training loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return to_png(figure)


def by_class(run: Run) -> bytes:
    """Accuracy on each class, victim beside control."""
    classes = run.classes
    figure, axes = new_figure(5.2, max(2.2, 0.27 * len(classes) + 0.9))
    rows = np.arange(len(classes))
    known: list[float] = []
    for prefix, colour, mark, name in (
        ("control_class_accuracy", CONTROL, "o", "control"),
        ("class_accuracy", VICTIM, "D", "victim"),
    ):
        values = [run.metrics[f"{prefix}.{label}"]["mean"] for label in classes]
        if all(value is None for value in values):
            continue
        known += [100 * value for value in values if value is not None]
        axes.plot(
            [np.nan if v is None else 100 * v for v in values], rows, mark, color=colour, label=name, markersize=6
        )
    axes.set_yticks(rows, [short(label) for label in classes])
    axes.invert_yaxis()
    axes.set(xlabel="accuracy, % (the axis need not start at 0)", xlim=(min(known, default=0) - 6, 101))
    axes.legend(frameon=False, loc="upper left")
    return to_png(figure)


def confusions(run: Run) -> bytes:
    """Both confusion matrices, each row as shares of its true class, on one scale."""
    counts = run.arrays["confusion"].sum(0).astype(float)
    shares = counts / np.maximum(counts.sum(2, keepdims=True), 1)
    classes = [short(label) for label in run.classes]
    figure = Figure(figsize=(8.6 if len(shares) == 2 else 5.2, 4.3), dpi=110, layout="constrained")
    pair = figure.subplots(1, len(shares), squeeze=False)[0]
    for axes, matrix, name in zip(pair, shares, ("victim", "control"), strict=False):
        drawn = axes.imshow(matrix, vmin=0, vmax=1, cmap="cividis")
        axes.set(title=name, xlabel="predicted", ylabel="true class")
        if len(classes) <= 20:
            axes.set_xticks(range(len(classes)), classes, rotation=0 if max(map(len, classes)) < 3 else 60)
            axes.set_yticks(range(len(classes)), classes)
            annotate(axes, matrix)
    figure.colorbar(drawn, ax=pair, shrink=0.8, label="share of the true class")
    return to_png(figure)


def curves(rows: list[dict[str, Any]], axis: str, others: list[str], shown: dict[str, str]) -> bytes:
    """Figures against one numeric axis of a grid, a curve for each of the others' values.

    Of two other axes or more, the first has a column of plots for each of its values.
    """
    by_column = others[:1] if len(others) > 1 else []
    columns = list(dict.fromkeys(tuple(str(row[key]) for key in by_column) for row in rows))
    names = list(dict.fromkeys(tuple(str(row[key]) for key in others[len(by_column) :]) for row in rows))
    if len(columns) == 1:
        across = min(2, len(shown))
        places = {(figure, columns[0]): divmod(place, across) for place, figure in enumerate(shown)}
    else:
        across = len(columns)
        places = {
            (figure, name): (down, right) for down, figure in enumerate(shown) for right, name in enumerate(columns)
        }
    down = max(place[0] for place in places.values()) + 1
    figure_ = Figure(figsize=(4.3 * across, 3.0 * down), dpi=110, layout="constrained")
    drawn = figure_.subplots(down, across, squeeze=False)
    for (metric, column), (high, wide) in places.items():
        axes = drawn[high, wide]
        for index, name in enumerate(names):
            wanted = (*column, *name)
            mine = sorted((r for r in rows if tuple(str(r[k]) for k in others) == wanted), key=lambda r: float(r[axis]))
            mine = [row for row in mine if row.get(metric) is not None]
            x = [float(row[axis]) for row in mine]
            colour, mark = CYCLE[index % len(CYCLE)], MARKS[index % len(MARKS)]
            axes.plot(x, [100 * r[metric] for r in mine], color=colour, marker=mark, label=", ".join(name) or None)
            if mine and all(row[f"{metric}_low"] is not None for row in mine):
                low, high_ = ([100 * row[f"{metric}_{side}"] for row in mine] for side in ("low", "high"))
                axes.fill_between(x, low, high_, color=colour, alpha=0.15, linewidth=0)
        style(axes)
        known = [100 * row[key] for row in rows for key in (metric, f"{metric}_low") if row.get(key) is not None]
        floor = max(-2.0, min(known, default=0) - 4)  # the same in every plot of the figure
        title = ", ".join(short(name, 50) for name in column) if high == 0 else ""
        axes.set(xlabel=axis, ylabel=f"{shown[metric]}, %", ylim=(floor, 102), title=title)
    for axes in drawn.flat[len(places) :]:
        axes.set_axis_off()
    if len(names) > 1:
        drawn[0, 0].legend(frameon=False, fontsize=8)
    return to_png(figure_)


def cells(rows: list[dict[str, Any]]) -> bytes:
    """Every cell of a grid: victim, control and attack success in one line each."""
    figure, axes = new_figure(7.6, 0.42 * len(rows) + 1.1)
    places = np.arange(len(rows))
    for metric, colour, mark, name in (
        ("control_accuracy", CONTROL, "o", "control's accuracy"),
        ("clean_accuracy", VICTIM, "D", "victim's clean accuracy"),
        ("attack_success_rate", INK, "x", "attack success rate"),
    ):
        values = [np.nan if row[metric] is None else 100 * row[metric] for row in rows]
        axes.plot(values, places, mark, color=colour, label=name, markersize=7)
    axes.set_yticks(places, [short(row["cell"], 40) for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="%", xlim=(-2, 102))
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.5 / (0.42 * len(rows) + 0.3)), ncols=3)
    return to_png(figure)


def strip(run: Run, columns: int = 8) -> bytes:
    """Poison on its way: the base row, some of its rounds, what was stored; a line for each."""
    bases, rounds = run.arrays["poison_before"], run.arrays["poison_rounds"]
    count = rounds.shape[1]
    chosen = sorted({round(place) for place in np.linspace(1, count, min(count, columns))})
    figure = Figure(figsize=(0.8 * (len(chosen) + 1), 0.84 * len(rounds) + 0.3), dpi=110, layout="constrained")
    drawn = figure.subplots(len(rounds), len(chosen) + 1, squeeze=False)
    for line, base, grown in zip(drawn, bases, rounds, strict=True):
        for axes, pixels in zip(line, [base, *(grown[number - 1] for number in chosen)], strict=True):
            axes.imshow(as_pixels(pixels), interpolation="nearest")
            axes.set_axis_off()
    for axes, title in zip(drawn[0], ["base", *(f"round {number}" for number in chosen)], strict=True):
        axes.set_title(title, fontsize=7)
    return to_png(figure)


def by_round(run: Run) -> bytes:
    """Accuracy after one step on a poison, by round: thin for each poison, thick for their mean."""
    figure, axes = new_figure(5.2, 3.2)
    numbers, values = run.arrays["round_numbers"], 100 * run.arrays["round_accuracy"]
    for curve in values:
        axes.plot(numbers, curve, color=VICTIM, alpha=0.35, linewidth=0.8)
    axes.plot(numbers, values.mean(0), color=VICTIM, linewidth=2, marker="D", label="mean")
    axes.set(
        xlabel="round (0: the base row with the poison's label)", ylabel="accuracy after one step, %", ylim=(0, 101)
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return to_png(figure)


def trajectory(run: Run) -> bytes:
    """Clean accuracy, and attack success where there is one, along a stream; marks below where poison came in."""
    rows = run.arrays["trajectory_rows"]
    success = run.arrays["trajectory_success"]
    panels = [("trajectory_accuracy", "clean accuracy, %")]
    panels += [("trajectory_success", "attack success, %")] * (not np.isnan(success).all())
    figure = Figure(figsize=(5.2, 2.9 * len(panels)), dpi=110, layout="constrained")
    for axes, (name, title) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        for values, colour, line, who in zip(
            run.arrays[name], (VICTIM, CONTROL), "-:", ("victim", "control"), strict=True
        ):
            axes.plot(rows, 100 * values, line, color=colour, marker="." if who == "victim" else None, label=who)
        if (arrivals := run.arrays.get("poison_arrivals")) is not None and len(arrivals):
            axes.plot(arrivals, np.full(len(arrivals), -4), "|", color=INK, markersize=4, label="poison", clip_on=False)
        axes.set(xlabel="rows learned from", ylabel=title, ylim=(-6, 102))
        axes.legend(frameon=False, fontsize=8)
        style(axes)
    return to_png(figure)


def looking_back(run: Run) -> bytes:
    """What each defence of a stream saw of victim and control, and the window that it blames."""
    names = [str(name) for name in run.arrays["blame_names"]]
    rows, windows = run.arrays["blame_rows"], run.arrays["blame_windows"]
    figure = Figure(figsize=(5.2, 2.9 * len(names)), dpi=110, layout="constrained")
    drawn = figure.subplots(len(names), squeeze=False)[:, 0]
    for axes, name, both, window in zip(drawn, names, run.arrays["blame_signals"], windows, strict=True):
        for values, colour, line, who in zip(both, (VICTIM, CONTROL), ("-", ":"), ("victim", "control"), strict=True):
            axes.plot(rows, values, line, color=colour, marker=".", label=who)
        if window[1] > 0:
            axes.axvspan(*window, color=INK, alpha=0.15, linewidth=0, label="blamed")
        if (arrivals := run.arrays.get("poison_arrivals")) is not None and len(arrivals):
            floor = np.full(len(arrivals), both.min())
            axes.plot(arrivals, floor, "|", color=INK, markersize=6, label="poison", clip_on=False)
        axes.set(xlabel="rows learned from", ylabel=f"{short(name, 30)}: signal")
        axes.legend(frameon=False, fontsize=8)
        style(axes)
    return to_png(figure)


def distributions(run: Run) -> bytes:
    """Each detector's scores of clean and contributed rows, and its threshold."""
    names = [str(name) for name in run.arrays["defence_names"]]
    figure = Figure(figsize=(5.2, 2.9 * len(names)), dpi=110, layout="constrained")
    for place, (axes, name) in enumerate(zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True)):
        clean, poison = (run.arrays[f"defence_{kind}"][place] for kind in ("clean", "poison"))
        threshold = float(run.arrays["defence_threshold"][place])
        every = np.concatenate([clean, poison])
        edges = np.linspace(every.min(), max(every.max(), every.min() + 1e-6), 41)
        for values, colour, label, fill in (
            (clean, CONTROL, "clean rows", True),
            (poison, VICTIM, "the attacker's", False),
        ):
            if len(values):
                shares = np.full(len(values), 100 / len(values))
                kind = "stepfilled" if fill else "step"
                axes.hist(
                    values, edges, weights=shares, histtype=kind, color=colour, alpha=0.55 if fill else 1, label=label
                )
        if np.isfinite(threshold):
            axes.axvline(threshold, color=INK, linestyle=":", label="threshold")
        axes.set(xlabel=f"{short(name, 30)}: score", ylabel="% of the rows", yscale="symlog")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.legend(frameon=False, loc="upper right", fontsize=8)
        style(axes)
    return to_png(figure)
