"""What a stage's key is made of: settings, bytes, source code and the machine's arithmetic."""

import hashlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from antivenom.data import Splits
from antivenom.data.home import data_home
from antivenom.errors import DataError, MissingDataError
from antivenom.models import ModuleClassifier, is_module
from antivenom.models.classifier import weights_digest
from antivenom.models.module import Module
from antivenom.registry import import_named
from antivenom.settings import COMPONENT, LIVE, describe

ADDRESS = re.compile(r"\bat 0x[0-9a-f]+|(?:tensor|array)\(")
"""In a `repr`: it says where something is, or cuts it short, not what it is."""

BLOCK = 1 << 20

FACES = {"cli.py", "cli_data.py", "__main__.py", "report", "playground", "examples"}
"""Parts of the package that no result can depend on: imports run downward only."""


def identity(kind: str, component: Any) -> dict[str, Any] | None:
    """What tells a component from all others: settings and source; None where that cannot be told.

    What is made in Python is known by its bytes: a data set by its rows, a module by its weights and source.
    """
    if isinstance(component, Splits):
        return {"train": component.train.fingerprint, "test": component.test.fingerprint}
    if is_module(component):
        return _module_identity(component)
    described, source = describe(kind, component), _component_source(component)
    return None if source is None or _holds_live(described) else {**described, "source": source}


def arithmetic(device: torch.device) -> dict[str, Any]:
    """What numbers depend on beside settings: versions, device, threads, instruction set and this package's source."""
    return {
        "source": source_of("antivenom"),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scikit-learn": version("scikit-learn"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def bytes_of(files: tuple[Path, ...]) -> list[str]:
    """Each file's name below the folder that all are in, and the SHA-256 of its bytes."""
    if not files:
        return []
    names = [os.fspath(file) for file in files]
    start = len(os.path.commonpath([os.path.dirname(min(names)), os.path.dirname(max(names))]))  # noqa: PTH120
    return [f"{name[start:]} {_digest(name)}" for name in names]


def absent(file: Path) -> str:
    """What to say of a file that is not there."""
    home = file.is_relative_to(data_home())
    advice = "Put it there, or point $ANTIVENOM_DATA to where data sets are." if home else "Mend its path."
    return f"{file} is missing. {advice}"


def _digest(file: str) -> str:
    digest = hashlib.sha256()
    try:
        opened = os.open(file, os.O_RDONLY)  # a data set may be 60,000 files; `open` takes twice the time
        try:
            while block := os.read(opened, BLOCK):
                digest.update(block)
        finally:
            os.close(opened)
    except FileNotFoundError as error:
        raise MissingDataError(absent(Path(file))) from error
    except IsADirectoryError as error:
        raise DataError(f"{file} is a folder, not a file.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


@cache
def source_of(module: str) -> str | None:
    """SHA-256 of the source of the top-level package that a module belongs to; None where it has no file.

    antivenom's own faces are left out: an edited report recomputes nothing.
    """
    top = sys.modules.get(module.partition(".")[0])
    name = getattr(top, "__file__", None)
    if name is None:
        return None
    file = Path(name)
    files = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    digest = hashlib.sha256()
    for part in files:
        relative = part.relative_to(file.parent)
        if module == "antivenom" and relative.parts[0] in FACES:
            continue
        digest.update(f"{relative}\0".encode() + part.read_bytes() + b"\0")
    return digest.hexdigest()


def _component_source(component: Any) -> str | None:
    """The source beside antivenom's own that a component's work depends on; empty for antivenom's own components."""
    named = list(_modules(component))
    sources = [source_of(module) for module in sorted(set(named)) if module.partition(".")[0] != "antivenom"]
    return None if None in sources else " ".join(filter(None, sources))


def _modules(part: Any) -> Iterator[str]:
    """The modules in which a component, its parts and what it names are made."""
    if isinstance(part, tuple):
        for member in part:
            yield from _modules(member)
    elif hasattr(part, COMPONENT):
        yield type(part).__module__
        if isinstance(part, Module):
            yield import_named(part.factory).__module__
        for member in vars(part).values():
            yield from _modules(member)


def _holds_live(described: Any) -> bool:
    """Whether something in it was made in Python and is no component, so that its settings are not known."""
    if isinstance(described, dict):
        return described.get("name") == LIVE or any(map(_holds_live, described.values()))
    return isinstance(described, list) and any(map(_holds_live, described))


def _module_identity(classifier: ModuleClassifier) -> dict[str, Any] | None:
    try:
        layers = {type(layer) for layer in classifier.module.modules()}
        source = sorted(inspect.getsource(layer) for layer in layers if not layer.__module__.startswith("torch."))
    except (OSError, TypeError):
        return None
    settings = (classifier.input_shape, classifier.bounds, classifier.outputs, classifier.classes)
    made = (classifier.mean, classifier.std, classifier.optimizer, _plainly(classifier.factory))
    text = repr((str(classifier.module), settings, made, list(_attributes(classifier.module)), source))
    if ADDRESS.search(text):
        return None
    return {"weights": weights_digest(classifier), "module": hashlib.sha256(text.encode()).hexdigest()}


def _plainly(factory: object) -> object:
    """A factory of antivenom's own without the addresses in its `repr`; its source is part of the arithmetic."""
    if isinstance(factory, partial):
        return _plainly(factory.func), [*map(_plainly, factory.args)], factory.keywords
    if inspect.isfunction(factory) and factory.__module__.startswith("antivenom.") and "<" not in factory.__qualname__:
        return f"{factory.__module__}:{factory.__qualname__}"
    return factory


def _attributes(module: nn.Module) -> Iterator[tuple[str, str, object]]:
    """What a module's layers hold beside weights: sizes, rates, hooks, and whatever its author put there."""
    usual = {key: repr(value) for key, value in vars(nn.Module()).items()}
    elsewhere = ("training", "_parameters", "_buffers", "_modules")
    for name, layer in module.named_modules():
        for key, value in sorted(vars(layer).items()):
            if key not in elsewhere and repr(value) != usual.get(key):
                yield name, key, value
