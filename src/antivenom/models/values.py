"""Checks of the values of a module's weights: finite, and as its own `reset_parameters` draws them."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models.renewal import renew
from antivenom.models.taking import copied
from antivenom.rng import Rng

UNUSUAL = 6.0
"""By this many standard errors, the spread or the mean of weights differs from that of newly drawn weights."""

CONSTANT = 1e-6
"""Weights whose standard deviation is a smaller share of the largest are all equal."""

BOUNDED_COUNT = 200
"""From this number of weights on, the largest is near the limit of a bounded distribution."""

BOUNDED_SPREAD = 1.9
"""The largest weight of a bounded distribution, in standard deviations: it is 1.73 for a uniform one."""

BEYOND = 20.0
"""The largest of n weights of a bounded distribution is within this share / n of the limit, except by a chance of
e**-20."""

FEWEST = 16
"""From this number of weights on, their spread and mean are compared."""

DRAWS_NEW = (
    "A training does not start with the weights of your module; it draws new ones. To start with yours: "
    "classifier.with_state(classifier.state())."
)
"""What is assumed about a module whose weights a training replaces. Doubts name it if a training fails."""

STARTS_WITH_LOADED = (
    "Trainings start with the loaded weights. For new ones, use the classifier that you had before with_state."
)
"""What is assumed about a classifier after `with_state`."""

LISTED = 4
"""The most layers that a sentence lists."""


def check_finite(module: nn.Module) -> None:
    """Check that a module has no NaN, and no infinite parameter. Infinite buffers are usual: masks of attention.

    Raises:
        SettingsError: it has one.
    """
    values: list[tuple[str, Tensor, bool]] = [(name, weight, False) for name, weight in module.named_parameters()]
    values += [(name, buffer, True) for name, buffer in module.named_buffers()]
    for name, value, may_be_infinite in values:
        if not value.is_floating_point() or value.is_meta:
            continue
        bad = torch.isnan(value) if may_be_infinite else ~torch.isfinite(value)
        if count := int(bad.sum()):
            what = "NaN" if may_be_infinite else "NaN or infinity"
            raise SettingsError(
                [
                    f"The module's '{name}' must have finite numbers; {count:,} of {value.numel():,} are {what}. Its "
                    "training has diverged, or its file is damaged: load other weights, or train it again."
                ]
            )


def about_replaced(module: nn.Module, frozen: frozenset[str], device: torch.device) -> tuple[str, ...]:
    """Return what is assumed about weights that new weights replace, although `reset_parameters` did not draw them.

    Args:
        module: the module; it does not change.
        frozen: the names of the parameters that keep their values.
        device: the device of the module.
    """
    new = copied(module)
    try:
        with Rng(0).child("replaced").torch_globally(device):
            renew(new, frozen)
    except CapabilityError:
        return ()  # `fresh` refuses the module with the reason
    drawn = dict(new.named_parameters())
    own = {name: weight for name, weight in module.named_parameters() if name not in frozen}
    if not (names := differing(own, drawn)):
        return ()
    return (f"{DRAWS_NEW} Seen: the weights of {_layers(names)} are not as reset_parameters() draws them.",)


def differing(own: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> list[str]:
    """Return the names of weights that do not have the values or the distribution of newly drawn ones."""
    return [name for name, weight in own.items() if _differs(weight, drawn[name])]


def _differs(weight: Tensor, drawn: Tensor) -> bool:
    """True if a parameter does not have the values or the distribution of a newly drawn one."""
    count = weight.numel()
    if count < 2 or not weight.is_floating_point():
        return False
    (spread, mean, largest), (expected, new_mean, new_largest) = _about(weight), _about(drawn)
    if min(spread, expected) <= CONSTANT * max(largest, new_largest):
        return not torch.allclose(weight, drawn, rtol=1e-3, atol=CONSTANT)
    if count < FEWEST:
        return False
    error = UNUSUAL / math.sqrt(count)
    if abs(math.log(spread / expected)) > error or abs(mean - new_mean) > 2 * error * max(spread, expected):
        return True
    bounded = count >= BOUNDED_COUNT and new_largest < BOUNDED_SPREAD * expected
    return bounded and largest > (1 + BEYOND / count) * new_largest


def _about(weight: Tensor) -> tuple[float, float, float]:
    """Return the standard deviation, the mean and the largest absolute value."""
    spread, mean = torch.std_mean(weight.detach(), correction=0)
    return float(spread), float(mean), max(map(abs, torch.stack(weight.detach().aminmax()).tolist()))


def _layers(names: Iterable[str]) -> str:
    parts = list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))
    more = f" and {len(parts) - LISTED} more" if len(parts) > LISTED else ""
    return ", ".join(map(repr, parts[:LISTED])) + more
