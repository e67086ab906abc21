"""A simulated second device: mistakes that only show on a GPU are found on a machine without one.

    with second_device() as device, on_device(device):
        check_component(MyAttack(rate=0.2))

`on_device` puts the toys of the conformance checks there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.library import Library, fallthrough_kernel

from antivenom.errors import AntivenomError
from antivenom.testing import _second_random as random
from antivenom.testing._second_random import DEVICE_TYPE
from antivenom.testing._second_tensor import SecondTensor, compute

_KEY = "PrivateUse1"
_AUTOCAST = f"Autocast{_KEY}"
_LOWERED = ("conv1d", "conv2d", "conv3d", "linear", "matmul", "mm", "bmm", "addmm", "baddbmm")
_RAISED = ("softmax.int", "log_softmax.int", "nll_loss", "cross_entropy_loss", "layer_norm", "exp", "log")


@contextmanager
def second_device() -> Iterator[torch.device]:
    """A block in which `torch.device("second")` computes, and behaves as a CUDA device does.

    The device computes on the CPU underneath, with the CPU's numbers. What holds for it as for CUDA:

    - Tensors of the device and of the CPU do not mix: `RuntimeError`. A CPU tensor without dimensions is a number in a
      pointwise operation, and a tensor of the device may be indexed by a CPU tensor, as CUDA allows both.
    - `.numpy()` and `numpy.asarray` refuse; `.cpu()`, `.item()` and `.tolist()` copy.
    - A generator draws on its own device alone, and the device has a global generator of its own.
    - Operations that CUDA does not have (oneDNN's, `torch.histogram`, products of whole numbers) raise.
    - Factories, autograd, modules, optimizers, `torch.func`, autocast and `copy.deepcopy` work.

    What it does not simulate: CUDA's speed, memory, streams, rounding and non-deterministic kernels; `foreach`
    optimizers (PyTorch updates one tensor after the other); `torch.compile`; saving with pickle. Estimators and Keras
    models stay on the CPU, on this device as on CUDA.

    The device is registered for the rest of the process, as PyTorch's one third-party backend. Backward passes, and
    generators of the device, need the block, in the thread that entered it.

    Yields:
        `torch.device("second")`, without an index, as users write `cuda`; its tensors are on `second:0`.

    Raises:
        AntivenomError: another backend took PyTorch's place for one.

    >>> with second_device() as device:
    ...     try:
    ...         torch.ones(2, device=device) + torch.ones(2)
    ...     except RuntimeError:
    ...         print("two devices")
    two devices
    """
    _register()
    threads = torch.autograd.set_multithreading_enabled(False)  # the engine may have begun without the device
    with threads, patch.object(torch, "Generator", random.Generator), random.GeneratorsStayHome():
        yield torch.device(DEVICE_TYPE)


class _Backend:
    """What PyTorch asks of a backend's module, `torch.second`."""

    default_generators = random.default_generators

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        self.default_generators[0].manual_seed(seed)

    def get_rng_state(self, device: object = None) -> Tensor:  # noqa: ARG002 - there is one
        return self.default_generators[0].get_state()

    def set_rng_state(self, state: Tensor, device: object = None) -> None:  # noqa: ARG002
        self.default_generators[0].set_state(state)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


@cache
def _register() -> tuple[Library, ...]:
    """Register the device, once in a process; the registrations live as long as what is returned."""
    named = torch._C._get_privateuse1_backend_name()
    if named not in ("privateuseone", DEVICE_TYPE):
        raise AntivenomError(
            f"second_device() needs PyTorch's place for a third-party backend; '{named}' has it. Use another process."
        )
    torch.utils.rename_privateuse1_backend(DEVICE_TYPE)
    torch._register_device_module(DEVICE_TYPE, _Backend())
    _register_guard()
    every, aten = Library("_", "IMPL"), Library("aten", "IMPL")
    every.fallback(_compute, _KEY)
    every.fallback(fallthrough_kernel, _AUTOCAST)
    aten.impl("copy_", _copy, _KEY)
    for name in _LOWERED:
        aten.impl(name, _cast(name, None), _AUTOCAST)
    for name in _RAISED:
        aten.impl(name, _cast(name, torch.float32), _AUTOCAST)
    return every, aten


def _register_guard() -> None:
    accelerator = torch._C._acc  # type: ignore[attr-defined]

    class Hooks(accelerator.PrivateUse1Hooks):  # type: ignore[misc, name-defined]
        def is_available(self) -> bool:
            return True

        def is_built(self) -> bool:
            return True

        def has_primary_context(self, index: int) -> bool:  # noqa: ARG002
            return True

    class Guard(accelerator.DeviceGuard):  # type: ignore[misc, name-defined]
        def type_(self) -> Any:
            return torch._C._autograd.DeviceType.PrivateUse1  # type: ignore[attr-defined]

    accelerator.register_python_privateuseone_hook(Hooks())
    accelerator.register_python_privateuseone_device_guard(Guard())


def _compute(operation: OpOverload, *args: Any, **kwargs: Any) -> Any:
    """What makes a tensor on the device from none."""
    return compute(operation, args, kwargs)


def _copy(tensor: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:  # noqa: ARG001
    """`copy_` inside `torch.tensor`, which does not look at subclasses."""
    held, values = (one._value if isinstance(one, SecondTensor) else one for one in (tensor, source))
    held.copy_(values)
    return tensor


def _cast(name: str, to: torch.dtype | None) -> Any:
    """An operation under autocast: in the lower type, or in float32."""
    packet, _, overload = name.partition(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload or "default")

    def cast(*args: Any, **kwargs: Any) -> Any:
        dtype = to or torch.get_autocast_dtype(DEVICE_TYPE)
        with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)):
            return operation(*(_as(value, dtype) for value in args), **{k: _as(v, dtype) for k, v in kwargs.items()})

    return cast


def _as(value: Any, dtype: torch.dtype) -> Any:
    """The tensor in that type, where it holds the device's single or lower numbers."""
    if isinstance(value, Tensor) and value.device.type == DEVICE_TYPE and value.is_floating_point():
        return value if value.dtype == torch.float64 else value.to(dtype)
    return value
