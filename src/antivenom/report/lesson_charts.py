"""The charts of the lesson of the walking boundary, and the frames of its film."""

from collections.abc import Iterator, Sequence

import numpy as np

from antivenom.analysis.boundary_charts import curve_chart, plane_chart, walk_chart
from antivenom.analysis.walk import Walk
from antivenom.charts import Chart, Scatter, capitalised, worded

MAX_FRAMES = 91


def lesson_charts(walk: Walk, steps: Sequence[int]) -> Iterator[tuple[str, Chart]]:
    """Yield each chart of the lesson, after the name of its file."""
    scores = walk.score if walk.probable else "The decision function"
    yield "1-contours", plane_chart(walk, None, title=f"1. {scores} at every point", colours=True, scale=True)
    yield "2-boundary", plane_chart(walk, None, title="2. The boundary and the held-out points", legend=True)
    yield "poison", plane_chart(walk, None, title="The poison", poison=True, legend=True)
    for number, step in enumerate(steps, 3):
        title = f"{number}. {capitalised(walk.when(step))}"
        yield f"{number}-after-{int(walk.steps[step])}", plane_chart(walk, step, title=title, poison=True, legend=True)
    yield "walk", walk_chart(walk, steps)
    yield "curve", curve_chart(walk)


def frames(walk: Walk) -> Iterator[Scatter]:
    """Yield the boundary before the stream and at every step, or at evenly spaced steps if there are too many."""
    last = len(walk.steps) - 1
    yield _frame(walk, None)
    for step in sorted({round(each) for each in np.linspace(0, last, min(MAX_FRAMES - 1, last + 1))}):
        yield _frame(walk, step)


def _frame(walk: Walk, step: int | None) -> Scatter:
    flipped = worded(0.0 if step is None else walk.changed(step), "share")
    title = f"{walk.when(step)}: {worded(walk.accuracy(step), 'share')} right, {flipped} flipped"
    return plane_chart(walk, step, title=title, poison=True, size=0.8)
