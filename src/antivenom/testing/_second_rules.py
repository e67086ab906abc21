"""What an accelerator refuses: tensors of two devices in one operation, and operations that only a CPU has.

The rules are CUDA's. A CPU tensor without dimensions counts as a number in a pointwise operation, and a tensor of the
device may be indexed by positions or masks on the CPU; everything else must be on the device.
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
    """What holds for one operation.

    Args:
        cpu_only: only a CPU has it.
        across: it copies between devices.
        indexed: its second argument holds indices, which may stay on the CPU.
        number: a CPU tensor without dimensions is a number to it.
        floats: it does not take whole numbers.
        written: place and name of each argument that it changes.
        draws: it draws random numbers.
        generator: it takes a generator to draw from.
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
    """The rules of an operation, read from its name, its tags and its schema."""
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
    """Refuse what CUDA refuses.

    Raises:
        NotImplementedError: the operation exists on a CPU alone.
        RuntimeError: the tensors are on two devices, or the operation does not know their type.
    """
    rules = rules_of(operation)
    if rules.cpu_only:
        raise NotImplementedError(f"Could not run '{operation}' on '{device_type}': only a CPU has this operation.")
    if rules.across:
        return
    tensors = list(tensors_in((*args, *kwargs.values())))
    apart = [tensor for tensor in tensors if tensor.device.type != device_type]
    if apart and len(apart) < len(tensors):
        written = set(map(id, written_to(operation, args, kwargs)))
        free = set(map(id, tensors_in(args[1:2]))) if rules.indexed and not _among(args[0], apart) else set()
        for tensor in apart:
            number = rules.number and tensor.ndim == 0 and id(tensor) not in written
            if not number and id(tensor) not in free:
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but found at least two devices, {device_type}:0 "
                    f"and {tensor.device}! (in {operation}, a tensor of shape {tuple(tensor.shape)})"
                )
    if rules.floats and not all(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors):
        raise RuntimeError(f"'{operation}' is not implemented for whole numbers on '{device_type}'.")


def written_to(operation: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that the operation changes in place."""
    for place, name in rules_of(operation).written:
        yield from tensors_in([args[place] if place < len(args) else kwargs.get(name)])


def tensors_in(values: Iterable[Any]) -> Iterator[Tensor]:
    """All tensors among these arguments, and in the lists among them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


def _among(tensor: Tensor, tensors: Sequence[Tensor]) -> bool:
    return any(tensor is one for one in tensors)
