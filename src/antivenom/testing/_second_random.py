"""Random generators of the second device: they draw a CPU generator's numbers, and refuse to draw on a CPU."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DEVICE_TYPE = "second"
CpuGenerator = torch.Generator
_OURS: "weakref.WeakValueDictionary[int, SecondGenerator]" = weakref.WeakValueDictionary()


class SecondGenerator(CpuGenerator):
    """A generator that says it is on the second device."""

    def __new__(cls) -> "SecondGenerator":
        """A new one, known by the address of its state: PyTorch hands operations another Python object for it."""
        made = super().__new__(cls)
        _OURS[made._cdata] = made
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it draws."""
        return torch.device(DEVICE_TYPE, 0)


class _AnyGenerator(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, CpuGenerator)


class Generator(metaclass=_AnyGenerator):
    """Stands in for `torch.Generator`, which cannot be asked for a device written in Python."""

    def __new__(cls, device: torch.device | str = "cpu") -> CpuGenerator:  # type: ignore[misc]
        """A generator on that device."""
        device = torch.device(device)
        return SecondGenerator() if device.type == DEVICE_TYPE else CpuGenerator(device=device)


class GeneratorsStayHome(TorchFunctionMode):
    """Refuses to draw CPU numbers from a generator of the second device, as PyTorch does for CUDA."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call it, and look where the result is."""
        result = func(*args, **(kwargs or {}))
        generator = (kwargs or {}).get("generator")
        if generator is not None and generator._cdata in _OURS and result.device.type != DEVICE_TYPE:
            raise RuntimeError(
                f"Expected a '{result.device.type}' device type for generator but found '{DEVICE_TYPE}'."
            )
        return result


default_generators = (SecondGenerator(),)


def check_generator(generator: CpuGenerator | None) -> CpuGenerator:
    """The generator to draw from; the device's own without one.

    Raises:
        RuntimeError: it is on a CPU.
    """
    if generator is None:
        return default_generators[0]
    if generator._cdata not in _OURS:
        raise RuntimeError(f"Expected a '{DEVICE_TYPE}' device type for generator but found 'cpu'.")
    return generator


@contextmanager
def drawing_from_default() -> Iterator[None]:
    """Lend the device's own generator to operations that take no generator (dropout, `rand_like`)."""
    kept = torch.default_generator.get_state()
    torch.default_generator.set_state(default_generators[0].get_state())
    try:
        yield
    finally:
        default_generators[0].set_state(torch.default_generator.get_state())
        torch.default_generator.set_state(kept)
