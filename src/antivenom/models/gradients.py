"""The gradients of a module: the parameters that get none, and whether its rows get one."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from antivenom.models.taking import copied

Run = Callable[[nn.Module, Tensor], Tensor]
"""A pass of rows through a module, with class scores (n, width) as its result."""


@dataclass(frozen=True)
class Gradients:
    """The gradients of a module's scores.

    Attributes:
        to_rows: True if the rows get a gradient in evaluation mode.
        cut: the names of the parameters that require a gradient and never get one, although their part of the module
            runs, in the order of the module.
    """

    to_rows: bool
    cut: tuple[str, ...]


def find_gradients(module: nn.Module, run: Run, rows: Tensor) -> Gradients:
    """Return which parameters and rows get a gradient, by one backward pass in evaluation mode.

    If a gradient is absent, a copy of the module makes another pass in training mode. A parameter that gets a gradient
    there can be trained.

    Args:
        module: the module, in evaluation mode; it does not change.
        run: passes rows through a module.
        rows: some rows.
    """
    names = [name for name, weight in module.named_parameters() if weight.requires_grad]
    if not any(weight.is_floating_point() for weight in module.parameters()):
        return Gradients(True, ())
    reached, ran = _reached(module, run, rows)
    if reached is None:  # an operation has no derivative: torch says so in a training
        return Gradients(False, ())
    to_rows = "" in reached
    if not reached.issuperset(names):
        reached |= _reached(copied(module).train(), run, rows)[0] or set()
    return Gradients(to_rows, tuple(name for name in names if name not in reached and _is_cut(name, ran, reached)))


def about_cut(names: Iterable[str]) -> tuple[str, ...]:
    """Return what is assumed about parameters without a gradient.

    >>> about_cut(["backbone.0.weight", "backbone.0.bias"])[0]
    "The weights of 'backbone' get no gradient (torch.no_grad or detach in forward): they are kept as they are."
    """
    parts = list(dict.fromkeys(name.partition(".")[0] for name in names))
    if not parts:
        return ()
    listed = ", ".join(map(repr, parts))
    why = "(torch.no_grad or detach in forward): they are kept as they are"
    return (f"The weights of {listed} get no gradient {why}.",)


def _reached(module: nn.Module, run: Run, rows: Tensor) -> tuple[set[str] | None, set[str]]:
    """Return the names of parameters with a gradient, with "" for the rows, and the names of the layers that ran.

    The first is None if the pass or its gradient fails.
    """
    ran: set[str] = set()
    layers = list(module.named_modules())
    handles = [layer.register_forward_hook(partial(_note, ran, name)) for name, layer in layers]
    inference = (
        torch.is_inference_mode_enabled()
    )  # leaving it where it is not on would reset other settings of autograd
    with torch.inference_mode(False) if inference else nullcontext(), torch.enable_grad():
        inputs = rows.detach().clone().requires_grad_()
        variables = {"": inputs, **{name: each for name, each in module.named_parameters() if each.requires_grad}}
        try:
            scores = run(module, inputs)
            if not scores.requires_grad:
                return set(), ran
            computed = torch.autograd.grad(scores.sum(), list(variables.values()), allow_unused=True)
        except Exception:  # a user's module can raise anything  # noqa: BLE001
            return None, ran
        finally:
            for handle in handles:
                handle.remove()
    return {name for name, gradient in zip(variables, computed, strict=True) if gradient is not None}, ran


def _note(ran: set[str], name: str, *_: object) -> None:
    ran.add(name)


def _is_cut(name: str, ran: set[str], reached: set[str]) -> bool:
    """True if the layer of a parameter ran, or if no parameter of the smallest part that ran around it has a gradient.

    The other parameters were not used for these rows, such as those of an expert that was not chosen.
    """
    part = name.rpartition(".")[0]
    if part in ran:
        return True
    while part not in ran and part:
        part = part.rpartition(".")[0]
    return not any(each and (each.startswith(f"{part}.") or not part) for each in reached)
