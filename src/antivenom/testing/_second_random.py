"""Random generators of the second device: they draw the numbers of a CPU generator, but not into CPU tensors."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DEVICE_TYPE = "second"
CpuGenerator = torch.Generator
_GENERATORS: "weakref.WeakValueDictionary[int, SecondGenerator]" = weakref.WeakValueDictionary()


class SecondGenerator(CpuGenerator):
    """A generator that reports the second device as its device."""

    def __new__(cls) -> "SecondGenerator":
        """Register a new generator by the address of its state: PyTorch passes another Python object to operations."""
        generator = super().__new__(cls)
        _GENERATORS[generator._cdata] = generator
        return generator

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Return the second device."""
        return torch.device(DEVICE_TYPE, 0)


class _AnyGenerator(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, CpuGenerator)


class Generator(metaclass=_AnyGenerator):
    """A replacement of `torch.Generator`, which does not accept a device that is written in Python."""

    def __new__(cls, device: torch.device | str = "cpu") -> CpuGenerator:  # type: ignore[misc]
        """Return a generator on the device."""
        device = torch.device(device)
        return SecondGenerator() if device.type == DEVICE_TYPE else CpuGenerator(device=device)


class RefuseGeneratorsOnCpu(TorchFunctionMode):
    """Refuse to draw CPU tensors from a generator of the second device, as PyTorch does for CUDA."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, and check the device of its result."""
        result = func(*args, **(kwargs or {}))
        generator = (kwargs or {}).get("generator")
        if generator is not None and generator._cdata in _GENERATORS and result.device.type != DEVICE_TYPE:
            raise RuntimeError(
                f"Expected a '{result.device.type}' device type for generator but found '{DEVICE_TYPE}'."
            )
        return result


default_generators = (SecondGenerator(),)


def check_generator(generator: CpuGenerator | None) -> CpuGenerator:
    """Return the generator, or the device's default generator if it is None.

    Raises:
        RuntimeError: the generator is on a CPU.
    """
    if generator is None:
        return default_generators[0]
    if generator._cdata not in _GENERATORS:
        raise RuntimeError(f"Expected a '{DEVICE_TYPE}' device type for generator but found 'cpu'.")
    return generator


@contextmanager
def drawing_from_default() -> Iterator[None]:
    """Use the device's default generator for operations that do not take a generator (dropout, `rand_like`)."""
    saved = torch.default_generator.get_state()
    torch.default_generator.set_state(default_generators[0].get_state())
    try:
        yield
    finally:
        default_generators[0].set_state(torch.default_generator.get_state())
        torch.default_generator.set_state(saved)
