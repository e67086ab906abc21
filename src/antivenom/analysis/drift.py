"""Drift: the layer in which poisoned rows leave their true class, and the time at which they begin to do so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult
from antivenom.analysis._by_layer import chart_by_layer, finite_by_layer
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._drift import WIDTH, ClassSums, LayerDrift
from antivenom.analysis.layers import observe_layers, studied_layers
from antivenom.charts import Axis, Chart, Figure, Lines, Panels, Series, by_subject, pair
from antivenom.data import Dataset
from antivenom.models import Checkpoint, Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Labels, ShortRepr

CHECKPOINT_ROWS: Final = 1000
"""The largest number of clean rows, and of poisoned rows, that is used at each checkpoint."""
AXIS: Final = "shift of poisoned rows to\nthe wanted class (0 to 1)"


@component
class Drift:
    """Measure how far each layer of victim and control shifts poisoned rows from their true class to the wanted class.

    Figures: `shift`, for each layer of victim and control, is 0 at the centroid of the true class and 1 at that of the
    class that the attacker wants. If the training keeps checkpoints, `shifted_after` is, for each layer, the number of
    training rows after which the shift is first above 0.5 in the victim and not in the control; null if that never
    happens. See `drift`.

    Args:
        width: the largest number of features per row. Larger feature maps are averaged over cells.

    >>> Drift().width
    2048
    """

    width: AtLeastOne = WIDTH

    needs = frozenset({"features"})

    def start(self, context: AnalysisContext, rng: Rng) -> "_DriftObserver":  # noqa: ARG002
        """Return an observer of the classes' centroids in the layers of both networks."""
        return _DriftObserver(context, self.width)


@dataclass(frozen=True, eq=False, repr=False)
class DriftOverTraining(ShortRepr):
    """The shift of poisoned rows over the training.

    Attributes:
        layers: the names of the layers (a).
        rows: the number of training rows up to each checkpoint (k).
        shift: the shift in the victim and in the control (2, k, a).
    """

    layers: tuple[str, ...]
    rows: Tensor
    shift: Tensor

    def shifted_after(self) -> list[float | None]:
        """Return, for each layer, the rows after which the shift is first above 0.5 in the victim only, or None."""
        beyond = (self.shift[0] > 0.5) & (self.shift[1] <= 0.5)
        return [float(self.rows[column.int().argmax()]) if bool(column.any()) else None for column in beyond.t()]


def drift(
    classifier: Classifier,
    clean: Dataset,
    rows: Dataset | None = None,
    wanted: Labels | None = None,
    *,
    layers: Sequence[str] | None = None,
    width: int = WIDTH,
) -> LayerDrift:
    """Return the separation of clean classes in each layer, and the shift of other rows from one class to another.

    Args:
        classifier: the network.
        clean: clean rows with their true labels.
        rows: the other rows with their true labels, such as test rows with a trigger. None for no other rows.
        wanted: the class that the attacker wants for each of `rows` (n), such as the target of a backdoor.
        layers: the names of the layers; see `studied_layers` for the layers that are used if omitted.
        width: the largest number of features per row. Larger feature maps are averaged over cells.

    Raises:
        CapabilityError: the classifier does not provide features, or does not have these layers.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> by_layer = drift(net, test, test, (test.y + 1) % 10)
    >>> bool((by_layer.shift < 0.5).all())
    True
    """
    sums = ClassSums([tuple(layers or studied_layers(classifier))], clean, width)
    observe_layers((classifier,), clean, (sums,))
    return sums.drift(0, classifier, rows, wanted)


def drift_over_training(
    paths: Sequence[Sequence[Checkpoint]], clean: Dataset, rows: Dataset, wanted: Labels, *, width: int = WIDTH
) -> DriftOverTraining:
    """Return the shift of poisoned rows at each checkpoint of victim and control.

    Args:
        paths: the checkpoints of the victim and of the control, after the same numbers of rows.
        clean: clean rows with their true labels. At most 1,000 are used.
        rows: the poisoned rows with their true labels.
        wanted: the class that the attacker wants for each of `rows` (n).
        width: the largest number of features per row. Larger feature maps are averaged over cells.
    """
    layers = studied_layers(paths[0][0].classifier)
    few = clean.subset(torch.arange(min(len(clean), CHECKPOINT_ROWS), device=clean.device))
    steps = min(map(len, paths))
    shifts = [
        torch.stack([drift(each.classifier, few, rows, wanted, layers=layers, width=width).shift for each in path])
        for path in (one[:steps] for one in paths)
    ]
    return DriftOverTraining(layers, torch.tensor([each.rows for each in paths[0][:steps]]), torch.stack(shifts))


class _DriftObserver(ClassSums):
    """The observer of `Drift`: figures and charts of victim and control."""

    def __init__(self, context: AnalysisContext, width: int) -> None:
        super().__init__([studied_layers(network) for network in context.networks], context.test, width)
        self.context = context

    def finish(self) -> AnalysisResult:
        rows, wanted = self.context.poisoned_rows()
        drifts = [self.drift(index, network, rows, wanted) for index, network in enumerate(self.context.networks)]
        victim, control = (finite_by_layer(each.layers, each.shift.tolist()) for each in drifts)
        figures: list[Figure] = []
        for name, value in victim.items():
            figures += pair("shift", value, control.get(name), unit="none", better="low", subject=name)
        charts = list[Chart](_by_layer(victim, control))
        if not all(self.context.paths) or not len(rows):
            return AnalysisResult(figures=tuple(figures), charts=tuple(charts))
        few = torch.arange(min(len(rows), CHECKPOINT_ROWS), device=rows.device)
        over = drift_over_training(
            self.context.paths, self.context.test, rows.subset(few), wanted[few], width=self.width
        )
        first = dict(zip(over.layers, over.shifted_after(), strict=True))
        return AnalysisResult(
            figures=(*figures, *by_subject("shifted_after", first, unit="count")),
            charts=(*charts, _over_training(over)),
            data={"layers": np.array(over.layers), "rows": over.rows, "over_training": over.shift},
        )


def _by_layer(victim: dict[str, float | None], control: dict[str, float | None]) -> list[Lines]:
    """Return one chart, or none without rows to measure."""
    shifts = [{name: value for name, value in each.items() if value is not None} for each in (victim, control)]
    if not shifts[0]:
        return []
    furthest = max(shifts[0], key=lambda name: shifts[0][name])
    return [
        chart_by_layer(
            {"victim": shifts[0], "control": shifts[1]},
            label=AXIS,
            caption="The shift of poisoned rows in each layer: 0 at their true class, 1 at the attacker's class.",
            alt=f"The victim's layer with the largest shift is {furthest}: {shifts[0][furthest]:.2f}"
            + (f"; {shifts[1][furthest]:.2f} in the control." if furthest in shifts[1] else "."),
        )
    ]


def _over_training(over: DriftOverTraining) -> Panels:
    rows, shift = over.rows.numpy(), over.shift.numpy()
    panels = tuple(
        Lines(
            title=role,
            x=Axis(label="rows learned from", whole=True),
            y=Axis(label=AXIS if role == "victim" else ""),
            series=tuple(
                Series(label=name if role == "control" else "", x=rows, y=values[:, place], marks=True)
                for place, name in enumerate(over.layers)
            ),
            levels=np.array([0.5]),
            ordered=True,
        )
        for role, values in zip(("victim", "control"), shift, strict=True)
    )
    first = zip(over.layers, over.shifted_after(), strict=True)
    reached = [f"{name} after {rows:,.0f} rows" for name, rows in first if rows is not None]
    alt = f"Layers with a shift above 0.5 in the victim and not in the control: {', '.join(reached) or 'none'}."
    caption = f"The shift of poisoned rows over the training. {alt}"
    return Panels(name="over_training", caption=caption, alt=alt, charts=panels, across=2, share_y=True)
