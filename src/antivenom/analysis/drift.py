"""In which layer, and after how many rows, poisoned rows leave their true class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult
from antivenom.analysis._by_layer import chart_by_layer, where_defined
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._drift import WIDTH, ClassSums, LayerDrift
from antivenom.analysis._layers import observe_layers, studied_layers
from antivenom.charts import Axis, Chart, Figure, Lines, Panels, Series, by_subject, pair
from antivenom.data import Dataset
from antivenom.models import Checkpoint, Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Labels, ShortRepr

CHECKPOINT_ROWS: Final = 1000
"""At each checkpoint, this many clean rows and this many poisoned ones are used at most."""
AXIS: Final = "shift of poisoned rows to\nthe wanted class (0 to 1)"


@component
class Drift:
    """How far each layer of victim and control shifts poisoned rows from their true class to the wanted one.

    Figures: `shift`, for each layer of victim and control, from 0, at the true class's centroid, to 1, at the wanted
    class's. Where the training keeps checkpoints, also `shifted_after`, for each layer: after how many rows of training
    the victim's layer first has them beyond the middle and the control's does not; null where that never happens. See
    `drift`.

    Args:
        width: maps of more numbers are averaged over cells.

    >>> Drift().width
    2048
    """

    width: AtLeastOne = WIDTH

    needs = frozenset({"features"})

    def start(self, context: AnalysisContext, rng: Rng) -> "_DriftObserver":  # noqa: ARG002
        """Observe the classes' centroids in the layers of both networks."""
        return _DriftObserver(context, self.width)


@dataclass(frozen=True, eq=False, repr=False)
class DriftOverTraining(ShortRepr):
    """How far poisoned rows are shifted, over the training.

    Attributes:
        layers: their names (a).
        rows: how many rows each checkpoint had learned from (k).
        shift: of the victim and of the control (2, k, a).
    """

    layers: tuple[str, ...]
    rows: Tensor
    shift: Tensor

    def shifted_after(self) -> list[float | None]:
        """For each layer, after how many rows the victim first has them beyond the middle, and the control has not."""
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
    """Class centroids and scatter of clean rows in each layer, and where other rows lie between two centroids.

    Args:
        classifier: the network.
        clean: clean rows with their true labels.
        rows: rows to place, with their true labels, such as test rows with a trigger.
        wanted: the class that each is pulled to (n), such as a backdoor's target.
        layers: which; all that do more than move numbers, where left out.
        width: maps of more numbers are averaged over cells.

    Raises:
        CapabilityError: the classifier has no layers, or not these.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> found = drift(net, test, test, (test.y + 1) % 10)
    >>> bool((found.shift < 0.5).all())
    True
    """
    sums = ClassSums([tuple(layers or studied_layers(classifier))], clean, width)
    observe_layers((classifier,), clean, (sums,))
    return sums.drift(0, classifier, rows, wanted)


def drift_over_training(
    paths: Sequence[Sequence[Checkpoint]], clean: Dataset, rows: Dataset, wanted: Labels, *, width: int = WIDTH
) -> DriftOverTraining:
    """Where each checkpoint of victim and control puts poisoned rows, between its own centroids.

    Args:
        paths: the victim's checkpoints and the control's, after as many rows each.
        clean: clean rows with their true labels; up to 1,000 are used.
        rows: rows to place, with their true labels.
        wanted: the class that each is pulled to (n).
        width: maps of more numbers are averaged over cells.
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
    """Victim and control: their drift as figures and charts."""

    def __init__(self, context: AnalysisContext, width: int) -> None:
        super().__init__([studied_layers(network) for network in context.networks], context.test, width)
        self.context = context

    def finish(self) -> AnalysisResult:
        rows, wanted = self.context.poisoned_rows()
        found = [self.drift(place, network, rows, wanted) for place, network in enumerate(self.context.networks)]
        victim, control = (where_defined(each.layers, each.shift.tolist()) for each in found)
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
    """One chart; none where no rows were placed."""
    shifts = [{name: value for name, value in each.items() if value is not None} for each in (victim, control)]
    if not shifts[0]:
        return []
    furthest = max(shifts[0], key=lambda name: shifts[0][name])
    return [
        chart_by_layer(
            {"victim": shifts[0], "control": shifts[1]},
            label=AXIS,
            caption="How far each layer shifts poisoned rows from their true class to the attacker's class.",
            alt=f"The victim shifts poisoned rows furthest in {furthest}: {shifts[0][furthest]:.2f} of the way to the "
            "wanted class" + (f", the control {shifts[1][furthest]:.2f}." if furthest in shifts[1] else "."),
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
    alt = f"Beyond the middle in the victim and not in the control: {', '.join(reached) or 'no layer'}."
    caption = f"Where poisoned rows lie over the training. {alt}"
    return Panels(name="over_training", caption=caption, alt=alt, charts=panels, across=2, share_y=True)
