"""What an accelerator refuses: tensors of two devices in one operation, and operations that only a CPU has.

The rules are CUDA's. A CPU tensor without dimensions counts as a number in a pointwise operation, and a tensor of the
device may be indexed by positions or masks on the CPU; everything else must be on the device.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

ACROSS_DEVICES = {"copy_", "_to_copy", "_copy_from"}
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put"}
TAKE_A_NUMBER = {"fill", "fill_", "masked_fill", "masked_fill_", "index_fill", "index_fill_", *INDEXED}
PRODUCTS = {"mm", "bmm", "addmm", "addmm_", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "convolution"}
CPU_ONLY = ("mkldnn", "_mkldnn", "to_mkldnn", "histogram", "_histogramdd", "narrow_copy", "quantize", "from_file")


def check_operation(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any], device_type: str) -> None:
    """Refuse what CUDA refuses.

    Raises:
        NotImplementedError: the operation exists on a CPU alone.
        RuntimeError: the tensors are on two devices, or the operation does not know their type.
    """
    name = name_of(operation)
    if name.startswith(CPU_ONLY):
        raise NotImplementedError(f"Could not run '{operation}' on '{device_type}': only a CPU has this operation.")
    if name in ACROSS_DEVICES:
        return
    tensors = list(tensors_in((*args, *kwargs.values())))
    if any(tensor.device.type == device_type for tensor in tensors):
        written = {id(tensor) for tensor in written_to(operation, args, kwargs)}
        indices = {id(tensor) for tensor in tensors_in(args[1:2])} if _indexes_device(name, args, device_type) else {}
        for tensor in tensors:
            apart = tensor.device.type != device_type and id(tensor) not in indices
            if apart and (id(tensor) in written or not _is_number(tensor, operation)):
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but found at least two devices, {device_type}:0 "
                    f"and {tensor.device}! (in {operation}, a tensor of shape {tuple(tensor.shape)})"
                )
    if name in PRODUCTS and not all(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors):
        raise RuntimeError(f"'{operation}' is not implemented for whole numbers on '{device_type}'.")


def written_to(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """The tensors that the operation changes in place."""
    for place, argument in enumerate(operation._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from tensors_in([args[place] if place < len(args) else kwargs.get(argument.name)])


def tensors_in(values: Sequence[Any]) -> Iterator[Tensor]:
    """All tensors among these arguments, and in the lists among them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


def name_of(operation: OpOverload) -> str:
    """Its name without namespace and overload."""
    return operation._schema.name.partition("::")[2]


def _indexes_device(name: str, args: Sequence[Any], device_type: str) -> bool:
    return name in INDEXED and isinstance(args[0], Tensor) and args[0].device.type == device_type


def _is_number(tensor: Tensor, operation: OpOverload) -> bool:
    name = name_of(operation)
    takes = torch.Tag.pointwise in operation.tags or name.startswith("_foreach_") or name in TAKE_A_NUMBER
    return tensor.ndim == 0 and takes
