"""Modules that write into their rows, such as one that starts with `nn.ReLU(inplace=True)`."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from antivenom.models.taking import copied
from antivenom.private.kernels import writes_to

Run = Callable[[nn.Module, Tensor], Any]
"""A pass of rows (n, …) through a module."""


def writes_into_rows(module: nn.Module, run: Run, rows: Tensor) -> bool:
    """True if a pass in evaluation or in training mode writes into its rows.

    Args:
        module: the module, in evaluation mode; it does not change.
        run: passes rows through a module.
        rows: some rows; they do not change.
    """
    inference = torch.is_inference_mode_enabled()
    with torch.inference_mode(False) if inference else nullcontext(), torch.no_grad():
        return any(_writes(each, run, rows) for each in (copied(module), copied(module).train()))


def _writes(module: nn.Module, run: Run, rows: Tensor) -> bool:
    given = rows.detach().clone()
    before = writes_to(given)
    try:
        run(module, given)
    except Exception:  # the trial of the module says why  # noqa: BLE001
        return False
    return writes_to(given) != before or not torch.equal(given, rows)
