"""Figures: matplotlib's objects, no global state, colours that the colour-blind tell apart, always with a shape too."""

from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from bezoar.report.run import Array, Run

VICTIM, CONTROL, INK, GRID = "#D55E00", "#0072B2", "#222222", "#DDDDDD"
"""Okabe and Ito's vermillion and blue."""
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")


def png_of(pixels: Array) -> bytes:
    """One row (channels, height, width), uint8 or in [0, 1], as a PNG of its own size."""
    buffer = BytesIO()
    image.imsave(buffer, _pixels(pixels), format="png", metadata={"Software": ""})
    return buffer.getvalue()


def _pixels(row: Array) -> Array:
    """A row (channels, height, width), uint8 or in [0, 1], as (height, width, 3) in [0, 1]."""
    values = row.astype(np.float64) / (255 if row.dtype == np.uint8 else 1)
    values = np.clip(values, 0, 1).transpose(1, 2, 0)
    values = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3]
    return np.concatenate([values, values[:, :, :1]], axis=2) if values.shape[2] == 2 else values


def difference(before: Array, after: Array) -> Array:
    """Where two rows differ, grey for no change, stretched to the full range."""
    change = after.astype(np.float64) - before.astype(np.float64)
    peak = np.abs(change).max()
    return np.asarray(0.5 + (change / (2 * peak) if peak else 0 * change))


def losses(run: Run) -> bytes:
    """Training loss by epoch: thin for each repeat, thick for their mean."""
    figure, axes = _figure(5.2, 3.2)
    for who, (name, colour, style) in enumerate((("victim", VICTIM, "-"), ("control", CONTROL, "--"))):
        curves = run.arrays["losses"][:, who]
        epochs = np.arange(1, curves.shape[1] + 1)
        for curve in curves:
            axes.plot(epochs, curve, style, color=colour, alpha=0.35, linewidth=0.8)
        known = ~np.isnan(curves).any(0)
        axes.plot(epochs[known], curves[:, known].mean(0), style, color=colour, linewidth=2, label=name)
    axes.set(xlabel="epoch", ylabel="mean training loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _png(figure)


def by_class(run: Run) -> bytes:
    """Accuracy on each class, victim beside control."""
    classes = run.classes
    figure, axes = _figure(5.2, max(2.2, 0.27 * len(classes) + 0.9))
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
    axes.set_yticks(rows, [_short(label) for label in classes])
    axes.invert_yaxis()
    axes.set(xlabel="accuracy, % (the axis need not start at 0)", xlim=(min(known, default=0) - 6, 101))
    axes.legend(frameon=False, loc="upper left")
    return _png(figure)


def confusions(run: Run) -> bytes:
    """Both confusion matrices, each row as shares of its true class, on one scale."""
    counts = run.arrays["confusion"].sum(0).astype(float)
    shares = counts / np.maximum(counts.sum(2, keepdims=True), 1)
    classes = [_short(label) for label in run.classes]
    figure = Figure(figsize=(8.6 if len(shares) == 2 else 5.2, 4.3), dpi=110, layout="constrained")
    pair = figure.subplots(1, len(shares), squeeze=False)[0]
    for axes, matrix, name in zip(pair, shares, ("victim", "control"), strict=False):
        drawn = axes.imshow(matrix, vmin=0, vmax=1, cmap="cividis")
        axes.set(title=name, xlabel="predicted", ylabel="true class")
        if len(classes) <= 20:
            axes.set_xticks(range(len(classes)), classes, rotation=0 if max(map(len, classes)) < 3 else 60)
            axes.set_yticks(range(len(classes)), classes)
            _annotate(axes, matrix)
    figure.colorbar(drawn, ax=pair, shrink=0.8, label="share of the true class")
    return _png(figure)


def curves(rows: list[dict[str, Any]], axis: str, others: list[str]) -> bytes:
    """Clean accuracy and attack success against one numeric axis of a grid, a line for each of the others' values."""
    rated = any(row["attack_success_rate"] is not None for row in rows)
    figure = Figure(figsize=(8.6 if rated else 5.2, 3.4), dpi=110, layout="constrained")
    panels = [("clean_accuracy", "clean accuracy, %")] + [("attack_success_rate", "attack success, %")] * rated
    drawn = np.atleast_1d(figure.subplots(1, len(panels)))
    names = list(dict.fromkeys(tuple(str(row[key]) for key in others) for row in rows))
    for axes, (metric, title) in zip(drawn, panels, strict=True):
        for index, name in enumerate(names):
            mine = sorted((r for r in rows if tuple(str(r[k]) for k in others) == name), key=lambda r: float(r[axis]))
            mine = [row for row in mine if row[metric] is not None]
            x = [float(row[axis]) for row in mine]
            colour, mark = CYCLE[index % len(CYCLE)], MARKS[index % len(MARKS)]
            axes.plot(x, [100 * r[metric] for r in mine], color=colour, marker=mark, label=", ".join(name) or None)
            if mine and all(row[f"{metric}_low"] is not None for row in mine):
                low, high = ([100 * row[f"{metric}_{side}"] for row in mine] for side in ("low", "high"))
                axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        _style(axes)
        axes.set(xlabel=axis, ylabel=title, ylim=(-2, 102))
    if len(names) > 1:
        drawn[0].legend(frameon=False, fontsize=8)
    return _png(figure)


def cells(rows: list[dict[str, Any]]) -> bytes:
    """Every cell of a grid: victim, control and attack success in one line each."""
    figure, axes = _figure(7.6, 0.42 * len(rows) + 1.1)
    places = np.arange(len(rows))
    for metric, colour, mark, name in (
        ("control_accuracy", CONTROL, "o", "control's accuracy"),
        ("clean_accuracy", VICTIM, "D", "victim's clean accuracy"),
        ("attack_success_rate", INK, "x", "attack success rate"),
    ):
        values = [np.nan if row[metric] is None else 100 * row[metric] for row in rows]
        axes.plot(values, places, mark, color=colour, label=name, markersize=7)
    axes.set_yticks(places, [_short(row["cell"], 40) for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="%", xlim=(-2, 102))
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.5 / (0.42 * len(rows) + 0.3)), ncols=3)
    return _png(figure)


def strip(run: Run, columns: int = 8) -> bytes:
    """Poison on its way: the base row, some of its rounds, what was stored; a line for each."""
    bases, rounds = run.arrays["poison_before"], run.arrays["poison_rounds"]
    count = rounds.shape[1]
    chosen = sorted({round(place) for place in np.linspace(1, count, min(count, columns))})
    figure = Figure(figsize=(0.8 * (len(chosen) + 1), 0.84 * len(rounds) + 0.3), dpi=110, layout="constrained")
    drawn = figure.subplots(len(rounds), len(chosen) + 1, squeeze=False)
    for line, base, grown in zip(drawn, bases, rounds, strict=True):
        for axes, pixels in zip(line, [base, *(grown[number - 1] for number in chosen)], strict=True):
            axes.imshow(_pixels(pixels), interpolation="nearest")
            axes.set_axis_off()
    for axes, title in zip(drawn[0], ["base", *(f"round {number}" for number in chosen)], strict=True):
        axes.set_title(title, fontsize=7)
    return _png(figure)


def by_round(run: Run) -> bytes:
    """Accuracy after one step on a poison, by round: thin for each poison, thick for their mean."""
    figure, axes = _figure(5.2, 3.2)
    numbers, values = run.arrays["round_numbers"], 100 * run.arrays["round_accuracy"]
    for curve in values:
        axes.plot(numbers, curve, color=VICTIM, alpha=0.35, linewidth=0.8)
    axes.plot(numbers, values.mean(0), color=VICTIM, linewidth=2, marker="D", label="mean")
    axes.set(
        xlabel="round (0: the base row with the poison's label)", ylabel="accuracy after one step, %", ylim=(0, 101)
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return _png(figure)


def trajectory(run: Run) -> bytes:
    """Clean accuracy, and attack success where there is one, along a stream; marks below where poison came in."""
    rows = run.arrays["trajectory_rows"]
    success = run.arrays["trajectory_success"]
    panels = [("trajectory_accuracy", "clean accuracy, %")]
    panels += [("trajectory_success", "attack success, %")] * (not np.isnan(success).all())
    figure = Figure(figsize=(5.2, 2.9 * len(panels)), dpi=110, layout="constrained")
    for axes, (name, title) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        for values, colour, style, who in zip(
            run.arrays[name], (VICTIM, CONTROL), "-:", ("victim", "control"), strict=True
        ):
            axes.plot(rows, 100 * values, style, color=colour, marker="." if who == "victim" else None, label=who)
        arrivals = run.arrays.get("poison_arrivals", np.zeros(0))
        axes.plot(arrivals, np.full(len(arrivals), -4), "|", color=INK, markersize=4, label="poison", clip_on=False)
        axes.set(xlabel="rows of the stream", ylabel=title, ylim=(-6, 102))
        axes.legend(frameon=False, fontsize=8)
        _style(axes)
    return _png(figure)


def by_layer(run: Run) -> bytes:
    """Similarity of victim and control, probes, and how far poisoned rows have moved, by layer."""
    layers = [str(name) for name in run.arrays["studied_layers"]]
    panels = [
        ("", "cka", "similarity to\nthe control (CKA)"),
        ("control_", "probe", "linear probe's\naccuracy"),
        ("control_", "moved", "poisoned rows' way to the\nwanted class (0 to 1)"),
    ]
    panels = [panel for panel in panels if f"{panel[1]}.{layers[-1]}" in run.metrics]
    figure = Figure(figsize=(max(5.2, 0.5 * len(layers) + 1), 2.6 * len(panels)), dpi=110, layout="constrained")
    for axes, (control, what, title) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        both = [("", VICTIM, "-D", "victim")] + [(control, CONTROL, "--o", "control")] * bool(control)
        for prefix, colour, style, who in both:
            means = [run.metrics[f"{prefix}{what}.{name}"]["mean"] for name in layers]
            shown = [np.nan if value is None else value for value in means]
            axes.plot(range(len(layers)), shown, style, color=colour, label=who, markersize=5)
        axes.set(ylabel=title)
        axes.set_xticks(range(len(layers)), [_short(name, 18) for name in layers], rotation=35, ha="right", fontsize=8)
        if control:
            axes.legend(frameon=False, fontsize=8)
        _style(axes)
    return _png(figure)


def similarities(run: Run) -> bytes:
    """CKA of every layer of the victim with every layer of the control."""
    matrix = run.arrays["similarity_matrix"]
    mine, theirs = (
        [_short(str(name), 18) for name in run.arrays[f"similarity_{who}"]] for who in ("victim", "control")
    )
    figure = Figure(figsize=(0.42 * len(theirs) + 2.6, 0.42 * len(mine) + 1.8), dpi=110, layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(matrix, vmin=0, vmax=1, cmap="cividis")
    axes.set_xticks(range(len(theirs)), theirs, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(mine)), mine, fontsize=8)
    axes.set(xlabel="control", ylabel="victim")
    if len(mine) <= 20:
        _annotate(axes, np.clip(matrix, 0, 1))
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="CKA")
    return _png(figure)


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
        axes.set(xlabel=f"{_short(name, 30)}: score", ylabel="% of the rows", yscale="symlog")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.legend(frameon=False, loc="upper right", fontsize=8)
        _style(axes)
    return _png(figure)


def _annotate(axes: Axes, matrix: Array) -> None:
    for row, column in zip(*np.nonzero(matrix >= 0.005), strict=True):
        value = matrix[row, column]
        ink = "black" if value > 0.6 else "white"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=7)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    _style(axes)
    return figure, axes


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _short(label: str, limit: int = 12) -> str:
    """Text that matplotlib takes literally: no mathematics between dollar signs."""
    cut = label if len(label) <= limit else label[: limit - 1] + "…"
    return cut.replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()
