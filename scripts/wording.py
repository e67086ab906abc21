"""Plain English, checked: turns that antivenom does not write, from `wording.toml`.

    python scripts/wording.py [--count] [PATH ...]

Without paths, all of `src`, `docs`, `benchmarks`, `scripts`, `tests`' names aside, and the pages beside the README.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
RULES = tomllib.loads((ROOT / "scripts" / "wording.toml").read_text(encoding="utf-8"))
PROSE = {re.compile(pattern, re.IGNORECASE): advice for pattern, advice in RULES["prose"].items()}
DEFAULT = ("src", "docs", "benchmarks", "README.md", "CONTRIBUTING.md", "SECURITY.md")
OWN = {"wording.toml", "wording.py", "CHANGELOG.md"}
KINDS = (".py", ".md", ".html", ".js", ".yaml")

Problem = tuple[Path, int, str]


def files_of(paths: list[str]) -> Iterator[Path]:
    """All files of text below the paths."""
    for path in map(Path, paths):
        candidates = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in candidates if file.suffix in KINDS and file.name not in OWN)


def problems_of(file: Path) -> Iterator[Problem]:
    """All that a file would better say otherwise."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        tree = ast.parse(text)
        yield from openings(file, tree)
        yield from names(file, tree)
        yield from prose(file, python_prose(text))
    else:
        yield from prose(file, enumerate(text.splitlines(), 1))


def openings(file: Path, tree: ast.Module) -> Iterator[Problem]:
    """Docstrings that open with a question word."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or "").split(" ", 1)[0]
            if first in RULES["docstring_openings"]:
                line = node.body[0].lineno if node.body else 1
                yield file, line, f'a docstring that opens with "{first}": say what it does or is'


def names(file: Path, tree: ast.Module) -> Iterator[Problem]:
    """Names with a word in them that has another, better word."""
    for node in ast.walk(tree):
        for name, line in names_in(node):
            for part in {name, *name.split("_")}:
                if part.lower() in RULES["names"] and name not in RULES["keep_names"]:
                    yield file, line, f"the name {name}: {RULES['names'][part.lower()]}"


def names_in(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The names that a node defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name, node.lineno
    elif isinstance(node, ast.arg):
        yield node.arg, node.lineno
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id, node.lineno


def python_prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of strings and comments."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1)):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def prose(file: Path, lines: Iterator[tuple[int, str]]) -> Iterator[Problem]:
    """Turns that have a plainer form."""
    for number, line in lines:
        for pattern, advice in PROSE.items():
            if match := pattern.search(line):
                yield file, number, f'"{match[0].strip()}": {advice}'


def main() -> None:
    """Print all problems; exit status 1 where there is any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", action="store_true", help="how many for each folder, instead of each one")
    parser.add_argument("paths", nargs="*", default=[str(ROOT / path) for path in DEFAULT])
    options = parser.parse_args()
    problems = [problem for file in files_of(options.paths) for problem in problems_of(file)]
    if options.count:
        for folder, count in sorted(Counter(str(problem[0].parent) for problem in problems).items()):
            print(f"{count:>5} {folder}")
    else:
        for file, line, text in problems:
            print(f"{file}:{line}: {text}")
    print(f"{len(problems)} turns to say more plainly." if problems else "Plain English.")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
