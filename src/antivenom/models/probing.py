"""A trial of a module on some rows, before anything depends on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from antivenom.errors import ProbabilityOutputsError, SettingsError
from antivenom.models._adapter import Bounds
from antivenom.models._reasons import in_words
from antivenom.models.independence import check_independent
from antivenom.models.outputs import Outputs, find_outputs

PROBED_ROWS = 3
"""The number of rows of the trial."""

PARAMETRIZATIONS = "parametrizations"
"""The name of torch for the parts that compute the weights of a layer, such as `weight_norm`."""

KINDS = ("logits", "probabilities")

LARGE = 1000.0
"""The factor of rows that take logits out of [0, 1], but not probabilities."""


@dataclass
class Trace:
    """The observations of hooks during a pass of one batch.

    Attributes:
        linear: the names and widths of the linear layers, in the order in which they ran.
        rowwise: the names of the layers with one output for each row.
        largest: the most bytes per row of the inputs and outputs of one layer.
        total: the bytes per row of the outputs of all layers.
    """

    linear: list[tuple[str, int]] = field(default_factory=list)
    rowwise: set[str] = field(default_factory=set)
    largest: int = 0
    total: int = 0

    def head(self, width: int) -> str | None:
        """Return the last linear layer that ran; the last with as many units as there are scores if there is one."""
        named = [name for name, units in self.linear if units == width] or [name for name, _ in self.linear]
        return named[-1] if named else None


@dataclass(frozen=True)
class Probed:
    """The result of a trial: how to read outputs, what was assumed, the scores of the rows, and the trace."""

    outputs: Outputs
    assumptions: tuple[str, ...]
    scores: Tensor
    trace: Trace


def probe(
    forward: Callable[[Tensor], Any],
    module: nn.Module,
    rows: Tensor,
    kind: str,
    classes: int | None,
    advice: Callable[[], str] = str,
) -> Probed:
    """Pass rows through a module in evaluation mode, and check what it returns.

    Args:
        forward: returns the outputs of the module for a batch.
        module: the module, for hooks.
        rows: `PROBED_ROWS` rows.
        kind: "logits" or "probabilities".
        classes: the number of classes if it is known.
        advice: returns the end of the message if the module does not take the rows.

    Raises:
        SettingsError: the module does not take the rows, its outputs have no class scores, differ from call to call or
            depend on other rows of the batch, or are not of this kind.
    """
    if kind not in KINDS:
        raise SettingsError([f"outputs must be 'logits' or 'probabilities'; got {kind!r}."])
    with traced(module, len(rows)) as trace:
        out = outputs_of(forward, rows, advice)
    try:
        outputs, assumptions = find_outputs(out, len(rows), kind, classes)
    except SettingsError as error:
        help_on_shape = advice() if rows.ndim == 3 else ""  # a convolution takes them as one image
        raise SettingsError([f"{problem} {help_on_shape}".rstrip() for problem in error.problems]) from error
    scores = outputs.scores(out, len(rows))
    check_independent(
        lambda batch: outputs.scores(outputs_of(forward, batch), len(batch)), rows, scores, tolerance=_tolerance(out)
    )
    _check_kind(forward, rows, outputs, out, scores)
    return Probed(outputs, assumptions, scores, trace)


def probing_rows(shape: tuple[int, ...], bounds: Bounds, device: torch.device) -> Tensor:
    """Return different rows within the bounds: the first has the middle of the range everywhere."""
    low, high = bounds or (0.0, 1.0)
    rows = torch.full((PROBED_ROWS, *shape), (low + high) / 2, device=device)
    flat = rows.view(PROBED_ROWS, -1)
    ramp = torch.linspace(0, 1, flat.shape[1], device=device)
    for row in range(1, PROBED_ROWS):
        flat[row] = low + (high - low) * (ramp * (2 * row + 1)).frac()
    return rows


@contextmanager
def traced(module: nn.Module, rows: int) -> Iterator[Trace]:
    """Observe the layers of a module inside a `with` statement."""
    trace = Trace()
    observed = leaves(module).items()
    handles = [layer.register_forward_hook(partial(_observe, trace, name, rows)) for name, layer in observed]
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()


def leaves(module: nn.Module) -> dict[str, nn.Module]:
    """Return the layers that contain no other layers by name, in the order of the module, without parametrizations.

    >>> list(leaves(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))))
    ['0', '1.0']
    """
    inside = f"{PARAMETRIZATIONS}."
    return {
        name: layer
        for name, layer in module.named_modules()
        if inside not in f"{name}." and all(child == PARAMETRIZATIONS for child, _ in layer.named_children())
    }


def tensors_in(value: object) -> list[Tensor]:
    """Return the tensors in the inputs or outputs of a layer."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for each in value for tensor in tensors_in(each)]
    return []


def outputs_of(forward: Callable[[Tensor], Any], rows: Tensor, advice: Callable[[], str] = str) -> Any:
    """Return the outputs of a module for rows.

    Args:
        forward: returns the outputs of the module for a batch.
        rows: the rows.
        advice: returns the end of the message if the module does not take the rows.

    Raises:
        SettingsError: the module does not take the rows.
    """
    try:
        return forward(rows)
    except Exception as error:  # a user's module can raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(". ")
        reason = in_words(reason, len(rows))
        message = f"The module does not accept rows of shape {tuple(rows.shape[1:])}: {reason}. {advice()}"
        raise SettingsError([message.rstrip()]) from error


def _observe(trace: Trace, name: str, rows: int, layer: nn.Module, inputs: object, output: object) -> None:
    before, after = (sum(each.numel() * each.element_size() for each in tensors_in(part)) for part in (inputs, output))
    trace.largest = max(trace.largest, (before + after) // rows)
    trace.total += after // rows
    if (tensors := tensors_in(output)) and tensors[0].ndim and len(tensors[0]) == rows:
        trace.rowwise.add(name)
    if isinstance(layer, nn.Linear):
        trace.linear.append((name, layer.out_features))


def _check_kind(forward: Callable[[Tensor], Any], rows: Tensor, outputs: Outputs, out: Any, scores: Tensor) -> None:
    """Raise SettingsError if outputs are not logits, or not probabilities, as they are expected to be."""
    inside = bool(((scores >= 0) & (scores <= 1)).all())
    exact = outputs.width > 1 and inside and bool(((scores.sum(1) - 1).abs() < _tolerance(out)).all())
    if outputs.kind == "probabilities":
        if outputs.width > 1 and not exact:
            raise SettingsError(
                ["outputs is 'probabilities', but the module's outputs do not sum to 1. Pass 'logits'."]
            )
        if not inside:
            raise SettingsError(
                ["outputs is 'probabilities', but the module's outputs are not between 0 and 1. Pass 'logits'."]
            )
    elif exact:
        raise ProbabilityOutputsError(
            ["The module's outputs sum to 1, as probabilities do. Pass outputs='probabilities'."]
        )
    elif inside and _always_inside(forward, rows, outputs):
        if outputs.width == 1:
            raise ProbabilityOutputsError(
                ["The module's outputs are between 0 and 1, as probabilities are. Pass outputs='probabilities'."]
            )
        raise SettingsError(
            [
                "The module's outputs are between 0 and 1 and do not sum to 1, as sigmoids do. Return logits: remove "
                "the last sigmoid."
            ]
        )


def _always_inside(forward: Callable[[Tensor], Any], rows: Tensor, outputs: Outputs) -> bool:
    """True if outputs that depend on the rows stay in [0, 1] for very large rows too."""
    try:
        parts = [outputs.scores(forward(rows * factor), len(rows)) for factor in (LARGE, -LARGE)]
    except Exception:  # rows outside of the range of a lookup: nothing is known  # noqa: BLE001
        return False
    scores = torch.cat(parts)
    return bool(((scores >= 0) & (scores <= 1)).all()) and bool((scores != scores[:1]).any())


def _tolerance(out: Any) -> float:
    single = all(tensor.dtype in (torch.float32, torch.float64) for tensor in tensors_in(out))
    return 1e-4 if single else 2e-2
