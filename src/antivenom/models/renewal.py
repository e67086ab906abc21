"""New weights for a module, from the `reset_parameters` of each layer."""

import math

import torch
from torch import nn
from torch.nn.utils import parametrize

from antivenom.errors import CapabilityError
from antivenom.models.probing import PARAMETRIZATIONS
from antivenom.private.modules import is_spectral_norm, renew_spectral_norm, without_parametrizations

KEEP = "To start a training with the weights of the module: classifier.with_state(classifier.state()). "
OLD_WRAPPERS = (
    f"{KEEP}For new weights, use spectral_norm or weight_norm of torch.nn.utils.parametrizations, or name a function "
    "that makes the module: the model `module` with its setting factory."
)
ADVICE = (
    f"{KEEP}For new weights, add this method, or name a function that makes the module: the model `module` with its "
    "setting factory."
)


def renew(module: nn.Module, frozen: frozenset[str]) -> None:
    """Give all parameters new weights in place, except the frozen ones. Draws from torch's global stream.

    Args:
        module: the module.
        frozen: the names of the parameters that keep their values. Layers whose parameters are all frozen keep their
            running statistics too.

    Raises:
        CapabilityError: a layer has parameters but no `reset_parameters()`, or this method does not set all of them.
    """
    parameters = dict(module.named_parameters())
    kept = {name: parameters[name].detach().clone() for name in frozen if name in parameters}
    layers = [(name, layer) for name, layer in module.named_modules() if not _is_kept(name, layer, frozen)]
    for name, layer in layers:
        _check(name, layer)
    with torch.no_grad():
        for name, weight in parameters.items():
            if name not in frozen and weight.is_floating_point():
                weight.fill_(math.nan)  # what no layer sets is found below
        for name, layer in layers:
            if parametrize.is_parametrized(layer):
                _renew_parametrized(name, layer, frozen)
            elif callable(reset := getattr(layer, "reset_parameters", None)):
                reset()
        for name, values in kept.items():
            parameters[name].copy_(values)
    unset = [name for name, weight in parameters.items() if name not in frozen and bool(torch.isnan(weight).any())]
    if unset:
        advice = OLD_WRAPPERS if unset[0].endswith(("_orig", "_g", "_v")) else ADVICE
        raise CapabilityError(f"New weights require reset_parameters(), which does not set '{unset[0]}'. {advice}")


def _is_kept(name: str, layer: nn.Module, frozen: frozenset[str]) -> bool:
    own = [f"{name}.{each}".lstrip(".") for each, _ in layer.named_parameters(recurse=False)]
    return bool(own) and all(each in frozen for each in own)


def _check(name: str, layer: nn.Module) -> None:
    if isinstance(layer, parametrize.ParametrizationList):
        return
    own = [each for each, _ in layer.named_parameters(recurse=False)]
    if getattr(layer, "reset_parameters", None) is None and own:
        kind = type(layer).__name__
        what = f"layer '{name}' ({kind})" if name else f"{kind}, for the module's own parameter '{own[0]}',"
        raise CapabilityError(f"New weights require reset_parameters(), which {what} does not have. {ADVICE}")


def _renew_parametrized(name: str, layer: nn.Module, frozen: frozenset[str]) -> None:
    """Reset a plain copy of a layer, and assign its weights through the inverse of each parametrization."""
    lists = layer.parametrizations
    assert isinstance(lists, nn.ModuleDict)
    names, mode = list(lists), lists.training
    for each in names:
        _check_state(f"{name}.{each}".lstrip("."), lists[each])
    lists.eval()  # in training mode, spectral_norm changes its state in each pass
    plain = without_parametrizations(layer, names)
    plain.reset_parameters()  # type: ignore[operator]
    for each in names:
        value = getattr(plain, each).detach()
        setattr(layer, each, value)
        own = [f"{name}.{PARAMETRIZATIONS}.{each}.{part}".lstrip(".") for part, _ in lists[each].named_parameters()]
        if is_spectral_norm(lists[each][0]) and not frozen.issuperset(own):  # type: ignore[index]
            renew_spectral_norm(lists[each][0], value)  # type: ignore[index]
    lists.train(mode)
    for each, value in layer.named_parameters(recurse=False):
        value.copy_(getattr(plain, each))


def _check_state(name: str, parts: nn.Module) -> None:
    """Raise CapabilityError if parametrizations have a state that new weights do not determine."""
    alone = list(parts.children())
    if any(True for _ in parts.buffers()) and not (len(alone) == 1 and is_spectral_norm(alone[0])):
        raise CapabilityError(
            f"New weights require a parametrization without a state of its own, which '{name}' does not have. Name a "
            "function that makes the module: the model `module` with its setting factory."
        )
