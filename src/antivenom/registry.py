"""The registry of components by kind and name. It reads the files of components without importing them.

A component is a class with the decorator `component`, in a file of the package of its kind. Class and file have the
same name, except for case and underscores: `attacks/label_flip.py` defines `LabelFlip`, and specs call it `label_flip`.
A family of several files is a folder: `defences/neural_cleanse/neural_cleanse.py`. Other packages add components by
entry points: group `antivenom.attacks`, name `my_attack`, value `package.module:Class`.
"""

import ast
import glob
import importlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path, PurePath
from typing import Any

from antivenom.errors import UnknownComponentError, in_words
from antivenom.extras import missing_packages
from antivenom.files.opening import read_bytes
from antivenom.files.source_code import parse_source
from antivenom.stopping import Stopped

MAX_SOURCE_BYTES = 16 << 20
"""The largest file of Python source, in bytes."""

MAX_WORD = 1000
"""The longest word for which similar words are looked for, and that a message repeats, in characters."""

METADATA_ERRORS = (OSError, ValueError, TypeError, LookupError, AttributeError)
"""What the metadata of a damaged package raises in the parser of the standard library."""


@dataclass(frozen=True)
class Kind:
    """A kind of component: its name in the singular, its package, and its methods, of which it must have one.

    If the methods make different components, as for defences, `contracts` has a name for each method. `own` says how a
    user's object becomes a component.
    """

    singular: str
    package: str
    methods: tuple[str, ...]
    contracts: tuple[str, ...] = ()
    own: str = ""

    def contract_of(self, names: Collection[str]) -> str:
        """Return the contract of a class with these methods, such as `scan`; the kind's own name if it is unknown.

        >>> KINDS["defences"].contract_of(dir(find("defences", "neural_cleanse")))
        'scan'
        """
        known = (word for method, word in zip(self.methods, self.contracts, strict=False) if method in names)
        return next(known, self.singular)


OWN_DATA = (
    "Make one of arrays: Splits(train=Dataset.from_arrays(x, y), test=Dataset.from_arrays(x_test, y_test)), with "
    "`from antivenom import Dataset, Splits`."
)
OWN_MODEL = (
    "Convert your own network, Keras model or estimator: as_classifier(model, input_shape=(1, 28, 28)), with the shape "
    "of one row."
)

FILES = {".npz": "Npz", ".csv": "Csv", ".tsv": "Csv", ".parquet": "Parquet", ".zip": "Folder"}
"""The data sources of files, by their endings."""

KINDS = {
    "datasets": Kind("dataset", "antivenom.data.sources", ("load",), own=OWN_DATA),
    "models": Kind("model", "antivenom.models", ("build",), own=OWN_MODEL),
    "triggers": Kind("trigger", "antivenom.triggers", ("apply",)),
    "goals": Kind("goal", "antivenom.goals", ("success",)),
    "attacks": Kind("attack", "antivenom.attacks", ("poison",)),
    "surrogates": Kind("surrogate", "antivenom.surrogates", ("recipe",)),
    "arrivals": Kind("arrival", "antivenom.arrivals", ("arrange",)),
    "defences": Kind(
        "defence",
        "antivenom.defences",
        ("score", "suspicion", "scan", "blame"),
        ("detector", "filter", "scan", "stream defence"),
    ),
    "repairs": Kind("repair", "antivenom.repairs", ("repair",)),
    "analyses": Kind("analysis", "antivenom.analysis", ("start",)),
    "trainings": Kind("training", "antivenom.training", ("fit",)),
    "trackers": Kind("tracker", "antivenom.trackers", ("track",)),
}


@dataclass(frozen=True)
class Entry:
    """The description of a component before it is imported.

    `contract` is its kind, or the narrower name of a defence, such as `scan`. `missing` lists the top-level packages
    that its file imports and that are not installed. `broken` is the reason that the file could not be read, or None.
    `package` and `version` name the installed package that adds it; they are empty for components of antivenom.
    """

    kind: str
    name: str
    module: str
    class_name: str
    summary: str
    contract: str = ""
    missing: tuple[str, ...] = ()
    broken: str | None = None
    package: str = ""
    version: str = ""

    def load(self) -> type[Any]:
        """Import the component's class.

        Raises:
            UnknownComponentError: its file is broken, or requires a package that is not installed.
        """
        singular = KINDS[self.kind].singular
        if self.broken:
            raise UnknownComponentError(
                f"The {singular} '{self.name}' cannot be loaded from {printable(self.module)}: {self.broken}"
            )
        if self.missing:
            raise UnknownComponentError(missing_packages(f"The {singular} '{self.name}'", self.missing))
        try:
            return getattr(importlib.import_module(self.module), self.class_name)  # type: ignore[no-any-return]
        except (KeyboardInterrupt, Stopped):
            raise
        except BaseException as error:  # the module of a stranger may raise anything
            raise UnknownComponentError(
                f"The {singular} '{self.name}' cannot be loaded from {printable(self.module)}: {in_words(error)}"
            ) from error


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
    for folder in _folders(package):
        for file in sorted((*folder.glob("[!_]*.py"), *folder.glob("[!_]*/[!_]*.py"))):
            module = ".".join(file.relative_to(folder).with_suffix("").parts)
            entry = _read(kind, f"{package}.{module}", file)
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
        hint = _other_spelling(kind, name) or did_you_mean(name, known)
        raise UnknownComponentError(
            f"Unknown {KINDS[kind].singular} '{name[:MAX_WORD]}'.{hint} `antivenom list {kind}` shows all."
        )
    return known[name].load()


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


def _folders(package: str) -> list[Path]:
    """Return the folders of a package. `find_spec` of its full name would import its parents."""
    top, *below = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module that was made in Python
        return []
    return [Path(folder, *below) for folder in (spec.submodule_search_locations if spec else None) or ()]


def plugins(kind: str, group: str) -> Iterator[Entry]:
    """Yield the components of a kind that other packages add. A package whose metadata is damaged is broken."""
    try:
        points = list(entry_points(group=group))
    except METADATA_ERRORS:
        points = []
        for distribution in distributions():
            try:
                points += distribution.entry_points.select(group=group)
            except METADATA_ERRORS as error:
                yield _broken_package(kind, distribution, error)
    yield from (_plugin(kind, point) for point in points)


def _broken_package(kind: str, distribution: Distribution, error: Exception) -> Entry:
    place = printable(str(getattr(distribution, "_path", "a package")))
    broken = f"cannot be read: the entry points in {place}: {type(error).__name__}"
    return Entry(kind, Path(place).name, "", "", "no description", KINDS[kind].singular, broken=broken)


def printable(text: str) -> str:
    r"""Return text in which every character that cannot be printed is a question mark.

    >>> printable("red \x1b[31m")
    'red ?[31m'
    """
    return "".join(each if each.isprintable() else "?" for each in text)


def _plugin(kind: str, point: EntryPoint) -> Entry:
    """Return the entry of a component that another package adds. Its file is read, not imported."""
    module, _, class_name = point.value.partition(":")
    name = printable(point.name)
    plain = Entry(kind, name, module, class_name, "no description", KINDS[kind].singular)
    try:
        file, exists = _file_of(module)
        entry = (None if file is None else _read(kind, module, file, class_name)) or plain
        if not exists and module not in sys.modules:
            entry = replace(plain, broken=f"cannot be found: the module {printable(module)!r} does not exist")
    except (OSError, ValueError, ImportError) as error:  # a null character, a very long name, or only dots
        entry = replace(plain, broken=f"cannot be found: {printable(f'{module!r}: {error}')}")
    package, version = _package_of(point)
    return replace(entry, name=name, class_name=class_name, package=package, version=version)


def _file_of(module: str) -> tuple[Path | None, bool]:
    """Return the Python file of a module, or None; and whether there is any file of it, such as a compiled one."""
    above, _, stem = module.rpartition(".")
    places = [folder / f"{stem}.py" for folder in (_folders(above) if above else ())]
    places += [folder / "__init__.py" for folder in _folders(module)]
    places += _top_level(module) if not above else []
    files = [place for place in places if place.is_file()]
    python = next((file for file in files if file.suffix == ".py"), None)
    compiled = (each for place in places for each in place.parent.glob(f"{glob.escape(place.stem)}.*"))
    return python, bool(files) or any(each.is_file() for each in compiled)


def _top_level(module: str) -> list[Path]:
    """Return the file of a module that is not in a package. It is not imported."""
    try:
        spec = importlib.util.find_spec(module) if module else None
    except ValueError:  # a module that was made in Python
        return []
    return [Path(spec.origin)] if spec and spec.origin else []


def _package_of(point: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of the package of an entry point; empty text for metadata without them."""
    try:
        return (printable(str(point.dist.name)), printable(str(point.dist.version))) if point.dist else ("", "")
    except METADATA_ERRORS:
        return "", ""


def _read(kind: str, module: str, file: Path, class_name: str = "") -> Entry | None:
    """Return the component in a file: the class with this name, or the component with the name of the file."""
    name = file.stem
    draft = Entry(kind, name, module, "", "", KINDS[kind].singular)
    try:
        tree = parse_source(read_bytes(file, MAX_SOURCE_BYTES))  # bytes, which may state their encoding
        return _described(draft, tree, class_name)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:  # MemoryError: nested too deeply
        return replace(draft, broken=printable(f"{type(error).__name__}: {error}"), summary="cannot be read")


def _described(draft: Entry, tree: ast.Module, class_name: str) -> Entry | None:
    """Return the entry of the component in a parsed file."""
    kind, name = draft.kind, draft.name
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (
            node.name == class_name
            if class_name
            else node.name.lower() == name.replace("_", "") and _is_component(node)
        ):
            doc = printable((ast.get_docstring(node) or "no description").partition("\n")[0])
            contract = KINDS[kind].contract_of({each.name for each in node.body if isinstance(each, ast.FunctionDef)})
            return replace(draft, class_name=node.name, summary=doc, contract=contract, missing=_missing(tree))
    return None


def _is_component(node: ast.ClassDef) -> bool:
    return any(ast.unparse(each).split(".")[-1] == "component" for each in node.decorator_list)


def _missing(tree: ast.Module) -> tuple[str, ...]:
    imported = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition(".")[0])
    return tuple(sorted(name for name in imported if not _installed(name)))


@cache
def _installed(name: str) -> bool:
    return sys.modules.get(name) is not None or importlib.util.find_spec(name) is not None
