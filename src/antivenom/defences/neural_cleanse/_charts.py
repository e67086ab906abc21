"""What Neural Cleanse found, as charts."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from antivenom.charts import Axis, Bars, BarSeries, Images, Tile, column, worded_p_value

TRIGGERS_SHOWN = 20
"""Of at most this many classes, the most suspicious, the triggers are shown."""


def norms_chart(norms: Tensor, threshold: Tensor, flagged: Tensor, classes: tuple[str, ...]) -> Bars:
    """The norm of every class's mask, and the norm below which it would be flagged."""
    series = BarSeries(values=column(norms), limits=column(threshold), ringed=column(flagged))
    smallest = int(norms.nan_to_num(nan=torch.inf).argmin())
    return Bars(
        name="norms",
        categories=named(classes, len(norms)),
        category_label="class",
        series=(series,),
        value=Axis(label="L1 norm of the recovered mask", scale="log"),
        caption="The norm of each class's mask. Short lines are where a class would be flagged, rings are flags.",
        alt=f"Of {len(norms)} classes, {named(classes, len(norms))[smallest]} has the smallest mask.",
    )


def triggers_chart(masks: Tensor, patterns: Tensor, p_value: Tensor, classes: tuple[str, ...]) -> Iterator[Images]:
    """The triggers recovered for the most suspicious classes, on grey; none where rows are no images."""
    if patterns.ndim != 4:
        return
    order = p_value.nan_to_num(nan=1.0).argsort(stable=True)[:TRIGGERS_SHOWN].tolist()
    shown = ((1 - masks) * 0.5 + masks * patterns).clamp(0, 1).numpy().astype(np.float32)
    names = named(classes, len(masks))
    tiles = tuple(
        Tile(
            pixels=shown[row],
            lines=(names[row], worded_p_value(_known(p_value[row]))),
            alt=f"trigger recovered for {names[row]}",
        )
        for row in order
    )
    text = f"The triggers recovered for {len(order)} classes, the most suspicious first."
    yield Images(name="triggers", rows=(tiles,), caption=f"{text} Grey is untouched.", alt=text)


def named(classes: tuple[str, ...], count: int) -> tuple[str, ...]:
    """A name for each of a classifier's classes, of which the data may know fewer."""
    return tuple(classes[number] if number < len(classes) else f"class {number}" for number in range(count))


def _known(p_value: Tensor) -> float | None:
    return None if bool(p_value.isnan()) else float(p_value)
