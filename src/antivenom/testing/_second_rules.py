"""Operations that an accelerator refuses: those with tensors of two devices, and those that only a CPU provides.

The rules are those of CUDA. In a pointwise operation, a CPU tensor without dimensions counts as a number. A tensor of
the device may be indexed with positions or masks on the CPU. All other tensors must be on the device.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

ACROSS_DEVICES = {"copy_", "_to_copy", "_copy_from"}
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put"}
TAKE_A_NUMBER = {"fill", "fill_", "masked_fill", "masked_fill_", "index_fill", "index_fill_", *INDEXED}
PRODUCTS = {"mm", "bmm", "addmm", "addmm_", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "convolution"}
CPU_ONLY = ("mkldnn", "_mkldnn", "to_mkldnn", "histogram", "_histogramdd", "narrow_copy", "quantize", "from_file")


@dataclass(frozen=True)
class Rules:
    """The rules for one operation.

    Args:
        cpu_only: only a CPU provides the operation.
        across: the operation copies between devices.
        indexed: its second argument contains indices, which may be on the CPU.
        number: the operation treats a CPU tensor without dimensions as a number.
        floats: the operation does not accept integers.
        written: the position and the name of each argument that the operation changes.
        draws: the operation draws random numbers.
        generator: the operation takes a generator.
    """

    cpu_only: bool
    across: bool
    indexed: bool
    number: bool
    floats: bool
    written: tuple[tuple[int, str], ...]
    draws: bool
    generator: bool


@cache
def rules_of(operation: OpOverload) -> Rules:
    """Return the rules of an operation, from its name, its tags and its schema."""
    name = operation._schema.name.partition("::")[2]
    arguments = operation._schema.arguments
    return Rules(
        cpu_only=name.startswith(CPU_ONLY),
        across=name in ACROSS_DEVICES,
        indexed=name in INDEXED,
        number=torch.Tag.pointwise in operation.tags or name.startswith("_foreach_") or name in TAKE_A_NUMBER,
        floats=name in PRODUCTS,
        written=tuple(
            (place, one.name)
            for place, one in enumerate(arguments)
            if one.alias_info is not None and one.alias_info.is_write
        ),
        draws=torch.Tag.nondeterministic_seeded in operation.tags,
        generator=any(one.name == "generator" for one in arguments),
    )


def check_operation(operation: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], device_type: str) -> None:
    """Raise an error for operations that CUDA refuses.

    Raises:
        NotImplementedError: only a CPU provides the operation.
        RuntimeError: the tensors are on two devices, or the operation does not accept their type.
    """
    rules = rules_of(operation)
    if rules.cpu_only:
        raise NotImplementedError(f"Could not run '{operation}' on '{device_type}': only a CPU provides it.")
    if rules.across:
        return
    tensors = list(tensors_in((*args, *kwargs.values())))
    elsewhere = [tensor for tensor in tensors if tensor.device.type != device_type]
    if elsewhere and len(elsewhere) < len(tensors):
        written = set(map(id, written_to(operation, args, kwargs)))
        indices = set(map(id, tensors_in(args[1:2]))) if rules.indexed and not _among(args[0], elsewhere) else set()
        for tensor in elsewhere:
            number = rules.number and tensor.ndim == 0 and id(tensor) not in written
            if not number and id(tensor) not in indices:
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but found at least two devices, {device_type}:0 "
                    f"and {tensor.device}! (in {operation}, a tensor of shape {tuple(tensor.shape)})"
                )
    if rules.floats and not all(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors):
        raise RuntimeError(f"'{operation}' is not implemented for integers on '{device_type}'.")


def written_to(operation: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors that the operation changes in place."""
    for place, name in rules_of(operation).written:
        yield from tensors_in([args[place] if place < len(args) else kwargs.get(name)])


def tensors_in(values: Iterable[Any]) -> Iterator[Tensor]:
    """Yield all tensors in the arguments, and in lists and tuples among them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


def _among(tensor: Tensor, tensors: Sequence[Tensor]) -> bool:
    return any(tensor is one for one in tensors)
