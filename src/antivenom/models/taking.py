"""A user's module as antivenom uses it: without wrappers, copied, and with all layers of known size."""

import copy
import inspect
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from antivenom.errors import SettingsError
from antivenom.private.kernels import hook_count
from antivenom.private.modules import compiled_inner
from antivenom.rng import Rng

COMPILED = "OptimizedModule"
"""The class of `torch.compile`. An import of it would take seconds."""

CONTAINERS = (dict, OrderedDict, set, list)
"""Types of which a layer has many empty objects: its hooks, its buffers, its submodules."""

NEW_WEIGHTS = ", and new weights:"
"""The part of the assumption about lazy layers that loaded weights make untrue."""


def unwrapped(module: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the module inside of `DataParallel` and `torch.compile`, and what was assumed.

    >>> unwrapped(nn.DataParallel(nn.Linear(2, 2)))[0]
    Linear(in_features=2, out_features=2, bias=True)
    """
    assumed = []
    while (inner := _inner(module)) is not None:
        assumed.append(f"The module inside of {type(module).__name__} is used, without this wrapper.")
        module = inner
    return module, tuple(assumed)


def copied(module: nn.Module) -> nn.Module:
    """Return a copy that shares nothing with a module. Results of the last pass that it holds are copied as values.

    Raises:
        SettingsError: the module holds an object that Python cannot copy, such as a lock or an open file.
    """
    memo: dict[int, object] = {}
    for layer in module.modules():
        for value in vars(layer).values():
            if type(value) in CONTAINERS and not value:
                memo[id(value)] = type(value)()  # a layer has a dozen of them, and deepcopy takes long for each
            elif isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
        for buffer in layer.buffers(recurse=False):
            if isinstance(buffer, UninitializedBuffer):  # torch cannot copy it
                memo[id(buffer)] = UninitializedBuffer(device=buffer.device, dtype=buffer.dtype)  # type: ignore[call-arg]
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:  # an attribute of the user's module can raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SettingsError(
            [
                f"{type(module).__name__} cannot be copied: {reason}. Remove this attribute, or name a function that "
                "makes the module: the model `module` with its setting factory."
            ]
        ) from error


def materialised(module: nn.Module, run: Callable[[nn.Module], object], rng: Rng) -> tuple[str, ...]:
    """Give lazy layers their sizes with one dry run; return what was assumed. Other modules do not change."""
    lazy = [name for name, layer in module.named_modules() if any(map(is_lazy, layer.parameters(recurse=False)))]
    lazy += [name for name, layer in module.named_modules() if any(map(is_lazy, layer.buffers(recurse=False)))]
    if not lazy:
        return ()
    names = list(dict.fromkeys(lazy))
    with torch.no_grad(), rng.torch_globally():
        run(module)
    layers = "lazy layer has" if len(names) == 1 else "lazy layers have"
    return (f"{len(names)} {layers} the size that one row requires{NEW_WEIGHTS} {', '.join(names)}.",)


def assumed_of(module: nn.Module) -> tuple[str, ...]:
    """Return what is assumed about hooks and frozen parameters of a module."""
    assumed = []
    hooks = hook_count(module)
    if hooks:
        assumed.append(f"The module has {hooks} {'hook' if hooks == 1 else 'hooks'}, which run as a part of it.")
    if count := len(frozen_names(module)):
        which = "1 frozen parameter keeps its values" if count == 1 else f"{count} frozen parameters keep their values"
        assumed.append(f"{which} in every training. To train them, set requires_grad=True before as_classifier.")
    return tuple(assumed)


def advice_on_forward(module: nn.Module) -> str:
    """Return how to wrap a module whose forward takes its rows only by name; an empty text for other modules."""
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return ""
    if not parameters or any(each.kind not in (each.KEYWORD_ONLY, each.VAR_KEYWORD) for each in parameters):
        return ""
    name = parameters[0].name if parameters[0].kind is parameters[0].KEYWORD_ONLY else "NAME"
    call = f"return self.module({name}=x)"
    return f"Its forward takes rows only by name. Wrap the module in an nn.Module with forward(self, x): {call}."


def frozen_names(module: nn.Module) -> frozenset[str]:
    """Return the names of the parameters that do not require gradients."""
    return frozenset(name for name, weight in module.named_parameters() if not weight.requires_grad)


def _inner(module: nn.Module) -> nn.Module | None:
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return module.module  # type: ignore[no-any-return]
    if type(module).__name__ == COMPILED:
        return compiled_inner(module)
    return None
