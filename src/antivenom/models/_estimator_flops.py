"""The work of one training step of an estimator."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from antivenom.threads import PASSES

AUTO_BATCH = 200
"""The largest batch of scikit-learn's perceptrons with `batch_size="auto"`."""


def flops_of(settings: Mapping[str, Any], rows: int, width: int, classes: int) -> int:
    """Return the floating-point operations of one step on rows of `width` numbers.

    >>> flops_of({}, 10, 4, 3)
    720
    """
    if "hidden_layer_sizes" in settings:
        rows = min(rows, AUTO_BATCH if settings["batch_size"] == "auto" else int(settings["batch_size"]))
    hidden: list[int] = np.atleast_1d(settings.get("hidden_layer_sizes", ())).astype(int).tolist()
    widths = [width, *hidden, classes]
    return int(PASSES * rows * sum(2 * before * after for before, after in pairwise(widths)))
