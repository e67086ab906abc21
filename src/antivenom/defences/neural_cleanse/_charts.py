"""Charts of the results of Neural Cleanse."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from antivenom.charts import Axis, Bars, BarSeries, Images, Tile, column, worded_p_value
from antivenom.defences._verdict_view import class_names

TRIGGERS_SHOWN = 20
"""The largest number of triggers in the chart."""


def norms_chart(norms: Tensor, threshold: Tensor, flagged: Tensor, classes: tuple[str, ...]) -> Bars:
    """Return a chart of the norm of every class's mask, and the norm below which the class would be flagged."""
    series = BarSeries(values=column(norms), limits=column(threshold), ringed=column(flagged))
    smallest = int(norms.nan_to_num(nan=torch.inf).argmin())
    return Bars(
        name="norms",
        categories=class_names(classes, len(norms)),
        category_label="class",
        series=(series,),
        value=Axis(label="L1 norm of the recovered mask", scale="log"),
        caption="The norm of each class's mask. Short lines mark the thresholds; rings mark flagged classes.",
        alt=f"Of {len(norms)} classes, {class_names(classes, len(norms))[smallest]} has the smallest mask.",
    )


def triggers_chart(masks: Tensor, patterns: Tensor, p_value: Tensor, classes: tuple[str, ...]) -> Iterator[Images]:
    """Yield a chart of the triggers of the most suspicious classes, on grey; nothing if the rows are not images."""
    if patterns.ndim != 4:
        return
    order = p_value.nan_to_num(nan=1.0).argsort(stable=True)[:TRIGGERS_SHOWN].tolist()
    shown = ((1 - masks) * 0.5 + masks * patterns).clamp(0, 1).numpy().astype(np.float32)
    names = class_names(classes, len(masks))
    tiles = tuple(
        Tile(
            pixels=shown[row],
            lines=(names[row], worded_p_value(_known(p_value[row]))),
            alt=f"trigger recovered for {names[row]}",
        )
        for row in order
    )
    text = f"The recovered triggers of {len(order)} classes, the most suspicious class first."
    yield Images(name="triggers", rows=(tiles,), caption=f"{text} The trigger does not change grey areas.", alt=text)


def _known(p_value: Tensor) -> float | None:
    return None if bool(p_value.isnan()) else float(p_value)
