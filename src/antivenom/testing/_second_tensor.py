"""A tensor that reports the second device as its device, and contains a CPU tensor with its values."""

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
    """A tensor of the second device. Every operation on it is checked, and then computed on the CPU."""

    _value: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, value: Tensor) -> "SecondTensor":
        """Wrap a CPU tensor, with the same memory."""
        tensor: SecondTensor = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            value.shape,
            value.stride(),
            value.storage_offset(),
            dtype=value.dtype,
            device=torch.device(DEVICE_TYPE, 0),
        )
        tensor._value = value
        return tensor

    @classmethod
    def __torch_dispatch__(
        cls, func: OpOverload, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute on the second device."""
        return compute(func, args, kwargs or {})

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Raise `TypeError`, unless forced: NumPy cannot use the device's memory."""
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array__(self, dtype: Any = None) -> np.ndarray:
        """Raise `TypeError`, like `numpy`."""
        return self.numpy() if dtype is None else self.numpy().astype(dtype, copy=False)

    def tolist(self) -> Any:
        """Return the values as Python numbers. Tensors of CUDA also copy themselves for this."""
        return self.detach().cpu().tolist()

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        """Return the values and the device as text."""
        return f"{repr(self._value)[:-1]}, device='{self.device}')"

    def __format__(self, spec: str) -> str:
        """Return the number as text if the tensor has no dimensions, like other tensors."""
        return format(self.item() if self.ndim == 0 else str(self), spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> "SecondTensor":
        """Return a copy as a new leaf, which is a parameter if this tensor is one."""
        if not self.is_leaf:
            raise RuntimeError("Only leaf tensors support the deepcopy protocol.")
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        copied = self.detach().clone().requires_grad_(self.requires_grad)
        vars(copied).update({name: value for name, value in vars(self).items() if name != "_value"})
        if self.grad is not None:
            copied.grad = self.grad.__deepcopy__(memo)
        memo[id(self)] = copied
        return copied  # type: ignore[return-value]

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        """Return the same values without their history for autograd."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        """Take over the memory, shape and strides of another tensor."""
        if not isinstance(value, SecondTensor):
            raise RuntimeError("incompatible tensor type: the data of a tensor must stay on its device.")
        _take(self, value._value)


def compute(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Check an operation and compute it on the CPU. The result is on the requested device."""
    check_operation(operation, args, kwargs, DEVICE_TYPE)
    written = list(written_to(operation, args, kwargs))
    wrappers = {id(tensor._value): tensor for tensor in written if isinstance(tensor, SecondTensor)}
    device = kwargs.get("device")
    plain_args, plain = _mapped(args, _unwrapped), {name: _mapped(value, _unwrapped) for name, value in kwargs.items()}
    if device is not None:
        plain["device"] = _cpu_for(device)
    with _randomness(operation, plain, on_device=device is None or device.type == DEVICE_TYPE):
        result = operation(*plain_args, **plain)
    for tensor in wrappers.values():
        _take(tensor, tensor._value)
    if device is not None and device.type != DEVICE_TYPE:
        return result
    return _mapped(result, lambda value: wrappers[id(value)] if id(value) in wrappers else _wrapped(value))


def _randomness(operation: OpOverload, kwargs: dict[str, Any], on_device: bool) -> Any:
    """Put the generator into `kwargs`, or return a block to draw in if the operation does not take a generator."""
    rules = rules_of(operation)
    if not rules.draws or not on_device:
        return nullcontext()
    if not rules.generator:
        return drawing_from_default()
    kwargs["generator"] = check_generator(kwargs.get("generator"))
    return nullcontext()


def _take(tensor: SecondTensor, value: Tensor) -> None:
    """Give this memory to a tensor, and update its shape and strides in PyTorch if they are different."""
    if tensor.shape != value.shape or tensor.stride() != value.stride() or tensor.dtype != value.dtype:
        Tensor.data.__set__(tensor, SecondTensor(value))  # type: ignore[attr-defined]
    tensor._value = value


def _cpu_for(device: torch.device) -> torch.device:
    if device.type == DEVICE_TYPE and device.index:
        raise RuntimeError(f"invalid device ordinal: the only device is '{DEVICE_TYPE}:0'; got '{device}'.")
    return CPU if device.type == DEVICE_TYPE else device


def _unwrapped(value: Any) -> Any:
    return value._value if isinstance(value, SecondTensor) else value


def _wrapped(value: Any) -> Any:
    return SecondTensor(value) if isinstance(value, Tensor) else value


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(each, change) for each in value)
    return change(value)
