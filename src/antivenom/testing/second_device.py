"""A simulated second device. It finds mistakes with devices on a machine without a GPU.

    with second_device() as device, on_device(device):
        check_component(MyAttack(rate=0.2))

`on_device` puts the toy data and networks of the conformance checks on the device.
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
    """Enter a block in which `torch.device("second")` works, and follows the rules of a CUDA device.

    The device computes on the CPU, with the same numbers as the CPU. These rules are the same as for CUDA:

    - Operations on tensors of the device and of the CPU raise `RuntimeError`. As on CUDA, a CPU tensor without
      dimensions counts as a number in a pointwise operation, and a CPU tensor may be the index of a device's tensor.
    - `.numpy()` and `numpy.asarray` raise errors; `.cpu()`, `.item()` and `.tolist()` copy.
    - A generator draws only on its own device. The device has its own global generator.
    - Operations that CUDA does not provide (those of oneDNN, `torch.histogram`, products of integers) raise errors.
    - Factories, autograd, modules, optimizers, `torch.func`, autocast and `copy.deepcopy` work.

    The device does not simulate CUDA's speed, memory, streams, rounding and non-deterministic kernels; `foreach`
    optimizers (PyTorch updates one tensor after the other); `torch.compile`; saving with pickle. Estimators and Keras
    models stay on the CPU, as they do with CUDA.

    The device stays registered until the process ends, as the only third-party backend of PyTorch. Backward passes and
    generators of the device work only in the block, and only in the thread that entered it.

    Yields:
        `torch.device("second")`, without an index, like `cuda`. Its tensors are on `second:0`.

    Raises:
        AntivenomError: another third-party backend is already registered in PyTorch.

    >>> with second_device() as device:
    ...     try:
    ...         torch.ones(2, device=device) + torch.ones(2)
    ...     except RuntimeError:
    ...         print("two devices")
    two devices
    """
    _register()
    threads = torch.autograd.set_multithreading_enabled(False)  # the engine may have started without the device
    with threads, patch.object(torch, "Generator", random.Generator), random.RefuseGeneratorsOnCpu():
        yield torch.device(DEVICE_TYPE)


class _Backend:
    """The module `torch.second`, with the functions that PyTorch requires of a backend."""

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

    def get_rng_state(self, device: object = None) -> Tensor:  # noqa: ARG002 - there is only one device
        return self.default_generators[0].get_state()

    def set_rng_state(self, state: Tensor, device: object = None) -> None:  # noqa: ARG002
        self.default_generators[0].set_state(state)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


@cache
def _register() -> tuple[Library, ...]:
    """Register the device once in a process. The returned libraries must be kept as long as the device is used."""
    backend = torch._C._get_privateuse1_backend_name()
    if backend not in ("privateuseone", DEVICE_TYPE):
        raise AntivenomError(
            "second_device() must register PyTorch's only third-party backend, but "
            f"'{backend}' is already registered. Use another process."
        )
    torch.utils.rename_privateuse1_backend(DEVICE_TYPE)
    torch._register_device_module(DEVICE_TYPE, _Backend())
    _register_guard()
    fallbacks, aten = Library("_", "IMPL"), Library("aten", "IMPL")
    fallbacks.fallback(_compute, _KEY)
    fallbacks.fallback(fallthrough_kernel, _AUTOCAST)
    aten.impl("copy_", _copy, _KEY)
    for name in _LOWERED:
        aten.impl(name, _cast(name, None), _AUTOCAST)
    for name in _RAISED:
        aten.impl(name, _cast(name, torch.float32), _AUTOCAST)
    return fallbacks, aten


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
    """Compute an operation that creates a tensor on the device."""
    return compute(operation, args, kwargs)


def _copy(tensor: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:  # noqa: ARG001
    """Implement `copy_` for `torch.tensor`, which ignores subclasses."""
    destination, values = (one._value if isinstance(one, SecondTensor) else one for one in (tensor, source))
    destination.copy_(values)
    return tensor


def _cast(name: str, to: torch.dtype | None) -> Any:
    """Return an operation for autocast, which computes in the lower type or in float32."""
    packet, _, overload = name.partition(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload or "default")

    def cast(*args: Any, **kwargs: Any) -> Any:
        dtype = to or torch.get_autocast_dtype(DEVICE_TYPE)
        with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)):
            return operation(*(_as(value, dtype) for value in args), **{k: _as(v, dtype) for k, v in kwargs.items()})

    return cast


def _as(value: Any, dtype: torch.dtype) -> Any:
    """Return the value in this type if it is a floating-point tensor of the device, except for float64."""
    if isinstance(value, Tensor) and value.device.type == DEVICE_TYPE and value.is_floating_point():
        return value if value.dtype == torch.float64 else value.to(dtype)
    return value
