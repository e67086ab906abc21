"""The components of a kind, and the search for one by its name."""

import importlib
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import PurePath
from typing import Any

from antivenom.errors import UnknownComponentError
from antivenom.files.opening import is_file
from antivenom.registry.entry import Entry, read_entry
from antivenom.registry.kinds import KINDS, OWN_DATA
from antivenom.registry.plugins import folders_of, plugins

MAX_WORD = 1000
"""The longest word for which similar words are looked for, and that a message repeats, in characters."""

FILES = {".npz": "Npz", ".csv": "Csv", ".tsv": "Csv", ".parquet": "Parquet", ".zip": "Folder"}
"""The data sources of files, by their endings."""


@cache
def entries(kind: str) -> dict[str, Entry]:
    """Return all components of a kind, sorted by name. It imports none of them.

    >>> entries("attacks")["badnets"].class_name
    'BadNets'
    """
    components = dict(_built_in(kind))
    group = KINDS[kind].package if kind != "datasets" else "antivenom.datasets"
    for entry in plugins(kind, group):
        components[entry.name] = entry
    return dict(sorted(components.items()))


def own_advice(kind: str, value: object) -> str:
    """Return advice about a value in place of a component: how to make one of it.

    >>> own_advice("datasets", "mine.npz")
    "Read it: Npz(path='mine.npz'), with `from antivenom.data.sources import Npz`."
    """
    if kind != "datasets":
        return KINDS[kind].own
    if isinstance(value, str) and value in entries(kind):
        return f"Load it: load({value!r}), with `from antivenom.data.sources import load`."
    if isinstance(value, str | PurePath):
        name = FILES.get(PurePath(value).suffix.lower(), "")
        text = str(value)
        return (
            f"Read it: {name}(path={text!r}), with `from antivenom.data.sources import {name}`." if name else OWN_DATA
        )
    if any(base.__module__.startswith("torch.utils.data") for base in type(value).__mro__):
        return (
            "Convert data sets of torch: Splits(train=from_torch(TRAIN), test=from_torch(TEST)), with `from "
            "antivenom.data.samples import from_torch`."
        )
    return KINDS[kind].own


def _built_in(kind: str) -> dict[str, Entry]:
    package = KINDS[kind].package
    components = {}
    for folder in folders_of(package):
        for file in sorted((*folder.glob("[!_]*.py"), *folder.glob("[!_]*/[!_]*.py"))):
            module = ".".join(file.relative_to(folder).with_suffix("").parts)
            entry = read_entry(kind, f"{package}.{module}", file)
            if entry is not None:
                components[entry.name] = entry
    return components


def find(kind: str, name: str) -> type[Any]:
    """Import and return the class of a component.

    Raises:
        UnknownComponentError: no component has that name; the message suggests the most similar name.

    >>> find("attacks", "badnet")
    Traceback (most recent call last):
        ...
    antivenom.errors.UnknownComponentError: Unknown attack 'badnet'. Did you mean 'badnets'? ...
    """
    known = entries(kind)
    if name not in known:
        hint = _other_spelling(kind, name) or did_you_mean(name, known) or _own_module(name)
        raise UnknownComponentError(
            f"Unknown {KINDS[kind].singular} '{name[:MAX_WORD]}'.{hint} `antivenom list {kind}` shows all."
        )
    return known[name].load()


def _own_module(name: str) -> str:
    """Return a hint if a name is that of a Python file in the working directory."""
    if not name.isidentifier() or not is_file(f"{name}.py"):
        return ""
    return f" For a class in {name}.py, write '{name}:CLASS', and pass --allow-code."


def _other_spelling(kind: str, name: str) -> str:
    """Return a hint for the import path of a class, or for a component of another kind; empty text for other names."""
    module, _, cls = name.rpartition(".")
    if module and cls.isidentifier():
        return f" For a class in your own file, write a colon: '{module}:{cls}'."
    other = next((each for each in KINDS if each != kind and name in entries(each)), None)
    if other is None:
        return ""
    word = KINDS[other].singular
    key = {"defences": "defences", "repairs": "repairs"}.get(other, word)
    return f" It is {'an' if word[0] in 'aeiou' else 'a'} {word}: write it under {key}."


def name_of(kind: str, cls: type[Any]) -> str:
    """Return the name of a class in specs; `module:Class` if it is not registered."""
    for entry in entries(kind).values():
        if getattr(sys.modules.get(entry.module), entry.class_name or " ", None) is cls:
            return entry.name
    return f"{cls.__module__}:{cls.__qualname__}"


def is_registered_module(path: str) -> bool:
    """True if `package.module:Class` names a class in the module of a registered component.

    The use of that component runs the module. So its other classes, such as an attack's trigger, run no further code.

    >>> is_registered_module("antivenom.attacks.badnets:BadNets"), is_registered_module("os:abort")
    (True, False)
    """
    module, _, name = path.partition(":")
    return name.isidentifier() and any(module == entry.module for kind in KINDS for entry in entries(kind).values())


def lazily(kind: str, homes: Mapping[str, str] | None = None) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for the package of a kind, for `from antivenom.attacks import BadNets`.

    Args:
        kind: a key of `KINDS`.
        homes: other names that are imported on first use, and their modules. The package defines them as a literal
            `_HOMES`, because the import graph of the store reads it.
    """
    package, others = KINDS[kind].package, homes or {}

    def __getattr__(name: str) -> Any:
        if name in others:
            return getattr(importlib.import_module(others[name]), name)
        for entry in entries(kind).values():
            if entry.class_name == name and not name.startswith("_"):
                return entry.load()
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *others, *(entry.class_name for entry in entries(kind).values())})

    return __getattr__, __dir__


def did_you_mean(word: str, known: object) -> str:
    """Return ` Did you mean 'x'?`, or empty text if no known word is similar, or the word is very long.

    >>> did_you_mean("epoch", ["epochs", "seed"])
    " Did you mean 'epochs'?"
    """
    if len(str(word)) > MAX_WORD:  # the comparison needs a lot of memory
        return ""
    close = get_close_matches(str(word), [str(item) for item in known], n=1)  # type: ignore[attr-defined]
    return f" Did you mean '{close[0]}'?" if close else ""
