"""Parts of modules that torch does not make public."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm


def compiled_inner(module: nn.Module) -> nn.Module:
    """Return the module that `torch.compile` was called with."""
    inner: nn.Module = module._orig_mod  # type: ignore[assignment]
    return inner


def is_spectral_norm(parametrization: nn.Module) -> bool:
    """True if it is the one that `torch.nn.utils.parametrizations.spectral_norm` adds to a layer."""
    return isinstance(parametrization, _SpectralNorm)


def renew_spectral_norm(parametrization: nn.Module, weight: Tensor) -> None:
    """Estimate the singular vectors of a new weight, as for a new layer. Draws from torch's global stream."""
    assert isinstance(parametrization, _SpectralNorm)
    old = parametrization
    new = _SpectralNorm(weight, old.n_power_iterations, getattr(old, "dim", 0), old.eps)
    for name, value in old.named_buffers():
        value.copy_(new.get_buffer(name))


def without_parametrizations(layer: nn.Module, names: list[str]) -> nn.Module:
    """Return a layer of the class that a parametrized layer had, with empty parameters.

    A copy of the layer would share its class, from which torch removes parametrizations.

    Args:
        layer: the parametrized layer.
        names: the names of its parametrized tensors.
    """
    original: type[nn.Module] = type(layer).__bases__[0]
    plain = nn.Module.__new__(original)
    plain.__dict__.update(vars(layer))
    own = [*dict(layer.named_parameters(recurse=False)), *names]
    empty = {each: nn.Parameter(torch.empty_like(getattr(layer, each))) for each in own}
    plain._parameters = {**layer._parameters, **empty}
    plain._modules = {name: each for name, each in layer._modules.items() if name != "parametrizations"}
    return plain
