"""What the networks have learned, drawn: one picture or two for each analysis."""

from collections.abc import Iterator

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from antivenom.report import plane, words
from antivenom.report.drawing import (
    CONTROL,
    CYCLE,
    INK,
    MARKS,
    VICTIM,
    Picture,
    annotate,
    as_pixels,
    coloured,
    mosaic,
    opaque,
    short,
    style,
    to_png,
)
from antivenom.report.run import Array, Run

PANELS = {
    "similarity": ("cka", "similarity to\nthe control (CKA)"),
    "probes": ("probe", "linear probe's\naccuracy"),
    "drift": ("moved", "poisoned rows' way to the\nwanted class (0 to 1)"),
}
"""Each analysis with a figure a layer: the figure's name, and what it says."""


def learned(run: Run) -> list[Picture]:
    """The pictures of every analysis that was asked for."""
    return [*_by_layer(run), *_similarity(run), *_over_training(run), *_neurons(run), *_pictures(run)]


def _pictures(run: Run) -> Iterator[Picture]:
    yield from _saliency(run)
    yield from _filters(run)
    yield from _embedding(run)
    yield from plane.pictures(run)


def _array(run: Run, name: str) -> Array | None:
    return run.arrays.get(f"analysis.{name}")


def _names(array: Array) -> list[str]:
    return [str(name) for name in array]


def _by_layer(run: Run) -> Iterator[Picture]:
    """Similarity of victim and control, probes, and how far poisoned rows have moved, by layer."""
    known = {name: _names(array) for name in PANELS if (array := _array(run, f"{name}.layers")) is not None}
    if not known:
        return
    widest = max(map(len, known.values()))
    figure = Figure(figsize=(max(5.2, 0.5 * widest + 1), 2.6 * len(known)), dpi=110, layout="constrained")
    for axes, (analysis, layers) in zip(figure.subplots(len(known), squeeze=False)[:, 0], known.items(), strict=True):
        what, title = PANELS[analysis]
        for prefix, colour, line, who in (("", VICTIM, "-D", "victim"), ("control_", CONTROL, "--o", "control")):
            if f"{prefix}{what}.{layers[0]}" not in run.metrics:
                continue
            means = [run.mean(f"{prefix}{what}.{name}") for name in layers]
            shown = [np.nan if value is None else value for value in means]
            axes.plot(range(len(layers)), shown, line, color=colour, label=who, markersize=5)
        axes.set(ylabel=title)
        axes.set_xticks(range(len(layers)), [short(name, 18) for name in layers], rotation=35, ha="right", fontsize=8)
        if what != "cka":
            axes.legend(frameon=False, fontsize=8)
        style(axes)
    said = _least_alike(run)
    caption = "What the layers have learned, on the same clean test rows, means over the repeats."
    yield Picture("features_by_layer", to_png(figure), f"Figures by layer.{said}", caption)


def _least_alike(run: Run) -> str:
    layers = _array(run, "similarity.layers")
    known = [] if layers is None else [(run.mean(f"cka.{name}"), name) for name in _names(layers)]
    least = min(((value, name) for value, name in known if value is not None), default=None)
    return "" if least is None else f" Least alike is {least[1]}, with a CKA of {words.number(least[0])}."


def _similarity(run: Run) -> Iterator[Picture]:
    """CKA of every layer of the victim with every layer of the control."""
    matrix = _array(run, "similarity.matrix")
    if matrix is None:
        return
    mine, theirs = (
        [short(name, 18) for name in _names(run.arrays[f"analysis.similarity.{who}"])] for who in ("victim", "control")
    )
    figure = Figure(figsize=(0.42 * len(theirs) + 2.6, 0.42 * len(mine) + 1.8), dpi=110, layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(matrix, vmin=0, vmax=1, cmap="cividis")
    axes.set_xticks(range(len(theirs)), theirs, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(mine)), mine, fontsize=8)
    axes.set(xlabel="control", ylabel="victim")
    if len(mine) <= 20:
        annotate(axes, np.clip(matrix, 0, 1))
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="CKA")
    alt = f"CKA of {len(mine)} layers of the victim with the control's.{_least_alike(run)}"
    caption = "Similarity of every layer of the victim with every layer of the control, first repeat, in percent."
    yield Picture("similarity", to_png(figure), alt, caption)


def _over_training(run: Run) -> Iterator[Picture]:
    """How far each layer has moved poisoned rows, along the way."""
    moved, rows = _array(run, "drift.over_training"), _array(run, "drift.rows")
    if moved is None or rows is None:
        return
    layers, viridis = _names(run.arrays["analysis.drift.layers"]), colormaps["viridis"]
    figure = Figure(figsize=(8.6, 3.4), dpi=110, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, values, who in zip(panels, moved, ("victim", "control"), strict=True):
        for place, name in enumerate(layers):
            colour, mark = viridis(0.9 * place / max(1, len(layers) - 1)), MARKS[place % len(MARKS)]
            axes.plot(rows, values[:, place], color=colour, marker=mark, markersize=4, label=short(name, 18))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.axhline(0.5, color=INK, linewidth=0.8, linestyle=":")
        axes.set(title=who, xlabel="rows learned from")
        style(axes)
    panels[0].set_ylabel("poisoned rows' way to the\nwanted class (0 to 1)")
    panels[1].legend(frameon=False, fontsize=7)
    first = [(name, run.mean(f"appears.{name}")) for name in layers]
    said = [f"{name} after {value:,.0f} rows" for name, value in first if value is not None]
    alt = f"Beyond the middle, where the control is not: {', '.join(said) or 'no layer'}."
    yield Picture("drift_over_training", to_png(figure), alt, f"Where poisoned rows lie, along the way. {alt}")


def _neurons(run: Run) -> Iterator[Picture]:
    """The units that a trigger changes, and what becomes of the network without them."""
    change = _array(run, "neurons.change")
    if change is None:
        return
    layer = str(run.arrays["analysis.neurons.layer"])
    figure = Figure(figsize=(8.6, 3.2), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    for values, colour, line, who in zip(change, (VICTIM, CONTROL), ("-D", "--o"), ("victim", "control"), strict=True):
        left.plot(range(1, len(values) + 1), np.sort(values)[::-1], line, color=colour, label=who, markersize=4)
    left.set(xlabel="units, the most changed first", ylabel="change by the trigger", xscale="log")
    silenced = run.arrays["analysis.neurons.silenced"]
    for name, mark, title in (("accuracy", "o", "clean accuracy"), ("success", "x", "attack success")):
        both = run.arrays[f"analysis.neurons.{name}"]
        for values, colour, line, who in zip(both, (VICTIM, CONTROL), ("-", "--"), ("victim", "control"), strict=True):
            right.plot(silenced, 100 * values, line, marker=mark, color=colour, label=f"{title}, {who}", markersize=4)
    right.set(xlabel=f"silenced units of {short(layer, 18)}", ylabel="%", ylim=(-2, 102))
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=7)
        style(axes)
    share, then = run.mean("silenced_units"), run.mean("accuracy_without_them")
    said = "silencing units never halves the attack's success"
    if share is not None:
        said = (
            f"with {words.percent(share)} of the units silenced, the attack succeeds half as often, and clean accuracy"
        )
        said += f" is {words.percent(then)}"
    caption = f"Units of {layer} by what the trigger changes in them, first repeat; {said} (mean over the repeats)."
    yield Picture("neurons", to_png(figure), f"Units of {layer}: {said}.", caption)


def _saliency(run: Run) -> Iterator[Picture]:
    """Which pixels decide, by three methods, for victim and control."""
    maps, rows = _array(run, "saliency.maps"), _array(run, "saliency.rows")
    if maps is None or rows is None or rows.ndim != 4 or not len(rows):
        return
    methods = _names(run.arrays["analysis.saliency.methods"])
    lines = [("test row", None)] + [
        (f"{method}\n{who}", maps[side, place])
        for place, method in enumerate(methods)
        for side, who in enumerate(("victim", "control"))
        if not np.isnan(maps[side, place]).all()
    ]
    tiles = [
        [
            opaque(as_pixels(rows[place]))
            if values is None
            else coloured(size := np.abs(values[place]).sum(0), "inferno", 0, float(size.max()))
            for place in range(len(rows))
        ]
        for _, values in lines
    ]
    figure = mosaic(tiles, [title for title, _ in lines], size=0.95)
    figures = [
        (method, run.metrics.get(f"salient.{method}"), run.metrics.get(f"control_salient.{method}"))
        for method in methods
    ]
    said = "; ".join(
        f"{method}: {words.percent(mine['mean'])} on the trigger, {words.percent(theirs['mean'])} for the control"
        for method, mine, theirs in figures
        if mine is not None and theirs is not None
    )
    alt = f"Saliency of {len(rows)} rows for what the victim says of them. {said}".strip()
    yield Picture(
        "saliency", to_png(figure), alt, f"Which pixels decide, first repeat, each map on a scale of its own. {said}"
    )


def _filters(run: Run) -> Iterator[Picture]:
    """The first layer's weights, those that differ most first."""
    both = _array(run, "filters.both")
    if both is None:
        return
    count, across = both.shape[1], min(both.shape[1], 16)
    blocks = [range(first, min(first + across, count)) for first in range(0, count, across)]
    tiles = [[_filter(both[side, unit], both[:, unit]) for unit in block] for block in blocks for side in (0, 1)]
    figure = mosaic(tiles, ["victim", "control"] * len(blocks), size=0.5)
    apart = words.percent(run.mean("filters_apart"))
    alt = f"{count} filters of the first layer, of victim and control. They differ by {apart} of the control's norm."
    yield Picture("filters", to_png(figure), alt, f"The first layer's filters that differ most, first repeat. {alt}")


def _filter(weights: Array, twins: Array) -> Array:
    """A filter (channels, height, width) as a picture, on one scale with its twin."""
    size = max(float(np.abs(twins).max()), 1e-12)
    if weights.shape[0] == 3:
        return opaque(as_pixels(0.5 + weights / (2 * size)))
    return coloured(weights.mean(0), "RdBu_r", -size, size)


def _embedding(run: Run) -> Iterator[Picture]:
    """Penultimate features in the plane, a line of panels for each method."""
    places = _array(run, "embedding.places")
    if places is None:
        return
    methods = _names(run.arrays["analysis.embedding.methods"])
    known = run.arrays["analysis.embedding.classes"]
    towards = run.arrays["analysis.embedding.poisoned_towards"]
    figure = Figure(figsize=(8.6, 4.1 * len(methods)), dpi=110, layout="constrained")
    for line, method, both in zip(figure.subplots(len(methods), 2, squeeze=False), methods, places, strict=True):
        for axes, points, who in zip(line, both, ("victim", "control"), strict=True):
            _scatter(axes, points, known, run.classes)
            axes.set(title=f"{who}, {method}", xticks=[], yticks=[])
            axes.spines[:].set_color("#BBBBBB")
        line[0].legend(frameon=False, fontsize=6, ncols=2, markerscale=1.5)
    wanted = sorted({run.classes[int(label)] for label in towards})
    aim = "" if len(wanted) != 1 else f", which are to be taken for {wanted[0]}"
    alt = f"Penultimate features of {len(known)} clean test rows and {len(towards)} poisoned rows{aim}."
    yield Picture("embedding", to_png(figure), alt, f"{alt} Crosses are poisoned rows; first repeat.")


def _scatter(axes: Axes, points: Array, known: Array, classes: list[str]) -> None:
    clean, poisoned = points[: len(known)], points[len(known) :]
    shades = [*CYCLE, "#999999", "#A6761D", "#332288"]
    for label, name in enumerate(classes):
        mine = clean[known == label]
        colour = shades[label % len(shades)]
        axes.plot(*mine.T, MARKS[label % len(MARKS)], color=colour, markersize=2.5, alpha=0.7, label=short(name))
    axes.plot(*poisoned.T, "x", color=INK, markersize=4, markeredgewidth=0.8, label="poisoned")
