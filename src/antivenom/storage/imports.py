"""Reading the imports and definitions of a source file from its text. No code is run."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from antivenom.files.source_code import parse_source

PACKAGE = "antivenom"
ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
BY_NAME = ("import_module", "__import__")
LITERALS = ("_HOMES", "__all__")
BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


@dataclass(frozen=True)
class Import:
    """One import statement: `from module import names`, or `import module` if `names` is empty."""

    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """The imports and definitions of a file.

    Attributes:
        imports: its imports with absolute names, including those inside functions, but not those under TYPE_CHECKING.
        classes: the names of all classes that it defines.
        bound: the names that exist in the module after it has run.
        literals: `_HOMES` (names that a package imports at their first use, with their modules) and `__all__`, if the
            file contains their values.
        attributes: every word after a dot. These may be attributes of an imported package.
    """

    imports: tuple[Import, ...] = ()
    classes: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    literals: Mapping[str, Any] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()

    @property
    def homes(self) -> Mapping[str, str]:
        """The modules of names that are imported at their first use."""
        written = self.literals.get("_HOMES")
        return written if isinstance(written, dict) else {}


def read_contents(source: bytes, module: str, *, package: bool) -> Contents | None:
    r"""Return the imports and definitions in the source of a module, or None if it is not valid Python.

    Args:
        source: the bytes of the file.
        module: the name of the module, for relative imports.
        package: whether the file is the `__init__` of a package.

    >>> text = b"from . import near\ndef work():\n    import far.away"
    >>> read_contents(text, "top.middle", package=False).imports
    (Import(module='top', names=('near',)), Import(module='far.away', names=()))
    """
    try:
        tree = parse_source(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    reader = _Reader(module if package else module.rpartition(".")[0])
    reader.read(tree.body, outermost=True)
    text = source.decode(errors="replace")
    if module.partition(".")[0] != PACKAGE and any(word in text for word in BY_NAME):
        reader.read_calls(tree)
    return Contents(
        tuple(dict.fromkeys(reader.imports)),
        frozenset(reader.classes),
        frozenset(reader.bound),
        reader.literals,
        frozenset(ATTRIBUTE.findall(text)),
    )


class _Reader:
    def __init__(self, package: str) -> None:
        self.package = package
        self.imports: list[Import] = []
        self.classes: set[str] = set()
        self.bound: set[str] = set()
        self.literals: dict[str, Any] = {}

    def read(self, body: list[Any], *, outermost: bool) -> None:
        """Read statements. Expressions are skipped: they cannot contain imports or classes."""
        for node in body:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if outermost:
                self._bind(node)
            if isinstance(node, ast.ClassDef):
                self.classes.add(node.name)
            elif isinstance(node, ast.Import):
                self.imports += [Import(alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node.level, node.module or "")
                self.imports.append(Import(module, tuple(alias.name for alias in node.names)))
            elif isinstance(node, ast.If) and _is_type_checking(node.test):
                self.read(node.orelse, outermost=outermost)
                continue
            for block in BLOCKS:
                self.read(getattr(node, block, []), outermost=outermost and not inside)

    def read_calls(self, tree: ast.Module) -> None:
        """Read calls such as `import_module("a.b")` with a constant name."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in BY_NAME:
                name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                if isinstance(name, str):
                    bare = name.lstrip(".")
                    self.imports.append(Import(self._absolute(len(name) - len(bare), bare)))

    def _absolute(self, level: int, module: str) -> str:
        if not level:
            return module
        above = self.package.split(".")[: len(self.package.split(".")) - level + 1]
        return ".".join([*above, *([module] if module else [])])

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.bound |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.bound.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            names = set(_targets(node))
            self.bound |= names
            for name in names & set(LITERALS):
                self.literals[name] = _literal(node)


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[str]:
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(part, ast.Name):
                yield part.id


def _literal(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Any:
    """Return the value of a literal, or None if it is computed."""
    if isinstance(node, ast.AugAssign) or node.value is None:
        return None
    try:
        return ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"
