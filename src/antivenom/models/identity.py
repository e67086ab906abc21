"""What tells one classifier that was made in Python from another."""

import hashlib
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

ADDRESS = re.compile(r"\bat 0x[0-9a-f]+|(?:tensor|array)\(")
"""In a `repr`: it says where something is, or cuts it short, not what it is."""

ELSEWHERE = ("training", "_parameters", "_buffers", "_modules")
"""What a layer holds beside settings: its mode, and what its state or the module's own `repr` says."""


@runtime_checkable
class Stateful(Protocol):
    """What has learned something."""

    def state(self) -> dict[str, Tensor]:
        """A copy of the weights by name."""


def weights_digest(classifier: Stateful) -> str:
    """SHA-256 of everything that a classifier has learned, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in classifier.state().items():
        digest.update(name.encode() + np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()


def module_digest(module: nn.Module, settings: Iterable[object]) -> str | None:
    """SHA-256 of a module's structure, of what its layers hold, and of an adapter's settings.

    None where one of them holds what its `repr` does not show, such as a hook or a tensor that is no weight.
    """
    text = repr((str(module), [plainly(one) for one in settings], list(_attributes(module))))
    return None if ADDRESS.search(text) else hashlib.sha256(text.encode()).hexdigest()


def plainly(factory: object) -> object:
    """A factory without addresses in its `repr`, where a function of a module's is all that it calls."""
    if isinstance(factory, partial):
        return plainly(factory.func), [*map(plainly, factory.args)], factory.keywords
    if inspect.isfunction(factory) and "<" not in factory.__qualname__:
        return f"{factory.__module__}:{factory.__qualname__}"
    return factory


def called_by(factory: object) -> Iterator[object]:
    """The functions and classes that a factory works with."""
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
    """An estimator's settings, and those of the estimators in it, in plain values.

    Raises:
        TypeError: it holds what no plain value says, such as an array or a function.
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
    raise TypeError(f"{type(value).__name__} is no plain value")


def estimators_in(value: Any) -> Iterator[type]:
    """The classes of an estimator and of the estimators in its settings."""
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
    """What a module's layers hold beside weights: sizes, rates, hooks, and whatever its author put there."""
    usual = {key: repr(value) for key, value in vars(nn.Module()).items()}
    for name, layer in module.named_modules():
        for key, value in sorted(vars(layer).items()):
            if key not in ELSEWHERE and repr(value) != usual.get(key):
                yield name, key, value
