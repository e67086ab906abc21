"""Tests and benchmarks import public names only, and no test imports another."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("antivenom", "antivenom_plugin", "benchmarks", "tests")
FILES = sorted(file.relative_to(ROOT) for place in ("tests", "benchmarks") for file in (ROOT / place).rglob("*.py"))


def imported(text: str) -> Iterator[str]:
    """Every name of this project that a file imports, in full; a string that is such a name counts too."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{each.name}" for each in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not set(node.value) & set(" \n"):
            names = [node.value.replace(":", ".")]
        parts = {name: name.split(".") for name in names}
        yield from (name for name in names if parts[name][0] in OURS and all(map(str.isidentifier, parts[name])))


def private(name: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def test_imports_are_public() -> None:
    found = {file: list(filter(private, imported((ROOT / file).read_text()))) for file in FILES}
    assert {str(file): names for file, names in found.items() if names} == {}


def test_what_tests_share_is_in_their_helpers() -> None:
    found = {}
    for file in FILES:
        own = ".".join(file.with_suffix("").parts)
        names = [name for name in imported((ROOT / file).read_text()) if name.startswith("tests.")]
        found[str(file)] = [name for name in names if not name.startswith(("tests.helpers", own))]
    assert {file: names for file, names in found.items() if names} == {}


def test_what_is_private_is_found() -> None:
    text = "import antivenom._a\nfrom antivenom.b import _c\nfrom antivenom.d import e\nf = 'antivenom._g:H'\nimport _i"
    found = [name.removeprefix("antivenom.") for name in imported(text) if private(name)]
    assert found == ["_a", "b._c", "_g.H"]
