"""A tensor that says it is on the second device, and holds a CPU tensor with its values."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._ops import OpOverload

from antivenom.testing._second_random import DEVICE_TYPE, check_generator, drawing_from_default
from antivenom.testing._second_rules import check_operation, rules_of, written_to

CPU = torch.device("cpu")


class SecondTensor(Tensor):
    """A tensor of the second device; every operation on it is checked, then computed on the CPU."""

    _value: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, value: Tensor) -> "SecondTensor":
        """Wrap a CPU tensor: the same memory under another name."""
        made: SecondTensor = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            value.shape,
            value.stride(),
            value.storage_offset(),
            dtype=value.dtype,
            device=torch.device(DEVICE_TYPE, 0),
        )
        made._value = value
        return made

    @classmethod
    def __torch_dispatch__(
        cls, func: OpOverload, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute on the second device."""
        return compute(func, args, kwargs or {})

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Refused, unless forced: NumPy has no memory there."""
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array__(self, dtype: Any = None) -> np.ndarray:
        """Refused, as `numpy` is."""
        return self.numpy() if dtype is None else self.numpy().astype(dtype, copy=False)

    def tolist(self) -> Any:
        """Its values as Python numbers; CUDA's tensors copy themselves for this too."""
        return self.detach().cpu().tolist()

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        """Its values, and where they are."""
        return f"{repr(self._value)[:-1]}, device='{self.device}')"

    def __format__(self, spec: str) -> str:
        """The number where it holds one, as other tensors are written."""
        return format(self.item() if self.ndim == 0 else str(self), spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> "SecondTensor":
        """A leaf of its own, a parameter where this is one."""
        if not self.is_leaf:
            raise RuntimeError("Only leaf tensors support the deepcopy protocol.")
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        made = self.detach().clone().requires_grad_(self.requires_grad)
        vars(made).update({name: value for name, value in vars(self).items() if name != "_value"})
        if self.grad is not None:
            made.grad = self.grad.__deepcopy__(memo)
        memo[id(self)] = made
        return made  # type: ignore[return-value]

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        """The same values without a history."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        """Take another tensor's memory, shape and strides."""
        if not isinstance(value, SecondTensor):
            raise RuntimeError("incompatible tensor type: the data of a tensor must stay on its device.")
        _take(self, value._value)


def compute(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Check an operation, and compute it on the CPU; what it makes is on the device that was asked for."""
    check_operation(operation, args, kwargs, DEVICE_TYPE)
    written = list(written_to(operation, args, kwargs))
    inside = {id(tensor._value): tensor for tensor in written if isinstance(tensor, SecondTensor)}
    device = kwargs.get("device")
    plain_args, plain = _mapped(args, _unwrapped), {name: _mapped(value, _unwrapped) for name, value in kwargs.items()}
    if device is not None:
        plain["device"] = _cpu_for(device)
    with _randomness(operation, plain, on_device=device is None or device.type == DEVICE_TYPE):
        result = operation(*plain_args, **plain)
    for tensor in inside.values():
        _take(tensor, tensor._value)
    if device is not None and device.type != DEVICE_TYPE:
        return result
    return _mapped(result, lambda value: inside[id(value)] if id(value) in inside else _wrapped(value))


def _randomness(operation: OpOverload, kwargs: dict[str, Any], on_device: bool) -> Any:
    """Put the generator in its place; the block to draw in where the operation takes none."""
    rules = rules_of(operation)
    if not rules.draws or not on_device:
        return nullcontext()
    if not rules.generator:
        return drawing_from_default()
    kwargs["generator"] = check_generator(kwargs.get("generator"))
    return nullcontext()


def _take(tensor: SecondTensor, value: Tensor) -> None:
    """Let a tensor hold this memory, and tell PyTorch its shape and strides where they are new."""
    if tensor.shape != value.shape or tensor.stride() != value.stride() or tensor.dtype != value.dtype:
        Tensor.data.__set__(tensor, SecondTensor(value))  # type: ignore[attr-defined]
    tensor._value = value


def _cpu_for(device: torch.device) -> torch.device:
    if device.type == DEVICE_TYPE and device.index:
        raise RuntimeError(f"invalid device ordinal: there is one device '{DEVICE_TYPE}', not '{device}'.")
    return CPU if device.type == DEVICE_TYPE else device


def _unwrapped(value: Any) -> Any:
    return value._value if isinstance(value, SecondTensor) else value


def _wrapped(value: Any) -> Any:
    return SecondTensor(value) if isinstance(value, Tensor) else value


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(each, change) for each in value)
    return change(value)
