"""The description of one component, read from its file without importing it."""

import ast
import importlib
import importlib.util
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from antivenom.errors import UnknownComponentError, in_words
from antivenom.extras import missing_packages
from antivenom.files.opening import read_bytes
from antivenom.files.source_code import parse_source
from antivenom.registry.kinds import KINDS
from antivenom.stopping import Stopped

MAX_SOURCE_BYTES = 16 << 20
"""The largest file of Python source, in bytes."""


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


def read_entry(kind: str, module: str, file: Path, class_name: str = "") -> Entry | None:
    """Return the component in a file: the class with this name, or the component with the name of the file."""
    name = file.stem
    draft = Entry(kind, name, module, "", "", KINDS[kind].singular)
    try:
        tree = parse_source(read_bytes(file, MAX_SOURCE_BYTES))  # bytes, which may state their encoding
        return _described(draft, tree, class_name)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:  # MemoryError: nested too deeply
        return replace(draft, broken=printable(f"{type(error).__name__}: {error}"), summary="cannot be read")


def printable(text: str) -> str:
    r"""Return text in which every character that cannot be printed is a question mark.

    >>> printable("red \x1b[31m")
    'red ?[31m'
    """
    return "".join(each if each.isprintable() else "?" for each in text)


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
