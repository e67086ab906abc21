"""What a source file imports and defines, read from its text: nothing is run."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PACKAGE = "antivenom"
ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
BY_NAME = ("import_module", "__import__")
LITERALS = ("_HOMES", "__all__")
BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


@dataclass(frozen=True)
class Import:
    """One import statement: `from module import names`, or `import module` where there are no names."""

    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """What stands in a file.

    Attributes:
        imports: its imports in absolute names, those inside functions too, those for a type checker alone left out.
        classes: the names of all classes that it defines.
        bound: the names that exist in the module once it has run.
        literals: `_HOMES` (the names that a package imports when they are first used, with their modules) and
            `__all__`, where they are written out.
        attributes: every word after a dot: what may be asked of an imported package.
    """

    imports: tuple[Import, ...] = ()
    classes: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    literals: Mapping[str, Any] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()

    @property
    def homes(self) -> Mapping[str, str]:
        """Where the names that are imported when they are first used come from."""
        written = self.literals.get("_HOMES")
        return written if isinstance(written, dict) else {}


def read_contents(source: bytes, module: str, *, package: bool) -> Contents | None:
    r"""What stands in the source of a module; None where it is no Python.

    Args:
        source: the file's bytes.
        module: its name, to which relative imports are relative.
        package: whether it is a package's `__init__`.

    >>> text = b"from . import near\ndef work():\n    import far.away"
    >>> read_contents(text, "top.middle", package=False).imports
    (Import(module='top', names=('near',)), Import(module='far.away', names=()))
    """
    try:
        tree = ast.parse(source)
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
        """Statements alone can hold imports and classes: no expression is looked into."""
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
            elif isinstance(node, ast.If) and _for_types_alone(node.test):
                self.read(node.orelse, outermost=outermost)
                continue
            for block in BLOCKS:
                self.read(getattr(node, block, []), outermost=outermost and not inside)

    def read_calls(self, tree: ast.Module) -> None:
        """`import_module("a.b")` with the name written out."""
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
    """A value that is written out; None where it is computed."""
    if isinstance(node, ast.AugAssign) or node.value is None:
        return None
    try:
        return ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _for_types_alone(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"
