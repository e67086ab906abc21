"""Digests that identify a classifier made in Python."""

import hashlib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

ADDRESS = re.compile(r"\bat 0x[0-9a-f]+|(?:tensor|array)\(")
"""Parts of a `repr` that do not identify a value: a memory address, or a shortened tensor or array."""

ELSEWHERE = ("training", "_parameters", "_buffers", "_modules")
"""Attributes of a layer that are not settings: its mode, and parts of its state or of the module's `repr`."""


@runtime_checkable
class Stateful(Protocol):
    """An object with learned weights."""

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the weights by name."""


@runtime_checkable
class Identifiable(Protocol):
    """A classifier that has an identity for the keys of the store."""

    def identity(self) -> dict[str, Any] | None:
        """Return plain values that differ if the results could differ; None if it has no identity."""

    def code(self) -> Iterable[object]:
        """Return the classes and functions that it uses."""


def weights_digest(classifier: Stateful) -> str:
    """Return SHA-256 of all weights of a classifier, in hexadecimal."""
    return digest_of(classifier.state())


def digest_of(state: Mapping[str, Tensor]) -> str:
    """Return SHA-256 of weights of any precision by name, in hexadecimal.

    >>> digest_of({"w": torch.zeros(2)}) == digest_of({"w": torch.zeros(2, dtype=torch.bfloat16)})
    False
    """
    digest = hashlib.sha256()
    for name, value in state.items():
        whole = value.detach().cpu().contiguous().reshape(-1)
        digest.update(f"{name} {value.dtype}".encode() + whole.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def module_digest(module: nn.Module, settings: Iterable[object]) -> str | None:
    """Return SHA-256 of the structure and attributes of a module and of the settings of its adapter.

    Return None if a `repr` does not show a value completely, such as a hook or a tensor that is not a weight.
    """
    text = repr((str(module), [plainly(one) for one in settings], list(_attributes(module))))
    return None if ADDRESS.search(text) else hashlib.sha256(text.encode()).hexdigest()


def plainly(factory: object) -> object:
    """Describe a factory without memory addresses, if it calls only functions that a module defines."""
    if isinstance(factory, partial):
        return plainly(factory.func), [*map(plainly, factory.args)], factory.keywords
    if inspect.isfunction(factory) and "<" not in factory.__qualname__:
        return f"{factory.__module__}:{factory.__qualname__}"
    return factory


def called_by(factory: object) -> Iterator[object]:
    """Yield the functions and classes that a factory uses."""
    if isinstance(factory, partial):
        for part in (factory.func, *factory.args, *factory.keywords.values()):
            yield from called_by(part)
    elif inspect.ismethod(factory):
        yield type(factory.__self__)
    elif inspect.isfunction(factory):
        yield factory
    elif callable(factory):
        yield factory if isinstance(factory, type) else type(factory)


def estimator_settings(value: Any) -> object:
    """Return the settings of an estimator, and of the estimators in it, as plain values.

    Raises:
        TypeError: a setting is not a plain value, such as an array or a function.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value if isinstance(value, bool | int | str) or value is None else repr(float(value))
    if isinstance(value, np.generic):
        return estimator_settings(value.item())
    if isinstance(value, list | tuple):
        return [estimator_settings(item) for item in value]
    if isinstance(value, dict):
        return [[estimator_settings(key), estimator_settings(item)] for key, item in value.items()]
    if isinstance(value, type):
        return f"{value.__module__}:{value.__qualname__}"
    if callable(getattr(value, "get_params", None)):
        return [estimator_settings(type(value)), estimator_settings(dict(sorted(value.get_params(deep=False).items())))]
    raise TypeError(f"{type(value).__name__} is not a plain value")


def estimators_in(value: Any) -> Iterator[type]:
    """Yield the classes of an estimator and of the estimators in its settings."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from estimators_in(item)
    elif isinstance(value, dict):
        yield from estimators_in(list(value.values()))
    elif isinstance(value, type):
        yield value
    elif callable(getattr(value, "get_params", None)):
        yield type(value)
        yield from estimators_in(value.get_params(deep=False))


def _attributes(module: nn.Module) -> Iterator[tuple[str, str, object]]:
    """Yield the attributes of the layers except weights: sizes, rates, hooks and other attributes."""
    usual = {key: repr(value) for key, value in vars(nn.Module()).items()}
    for name, layer in module.named_modules():
        for key, value in sorted(vars(layer).items()):
            if key not in ELSEWHERE and repr(value) != usual.get(key):
                yield name, key, value
