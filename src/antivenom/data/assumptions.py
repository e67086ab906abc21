"""The assumptions about files: each sentence names its file."""

from collections.abc import Iterator, Sequence
from pathlib import Path


def with_files(files: Sequence[Path], found: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the assumptions about each file with its path. Those about the first file are not repeated for others.

    >>> [*with_files([Path("a.csv"), Path("b.csv")], [["One."], ["One.", "Two."]])]
    [('a.csv: One.',), ('b.csv: Two.',)]
    """
    first = found[0] if found else ()
    for number, (file, sentences) in enumerate(zip(files, found, strict=True)):
        yield tuple(f"{file}: {each}" for each in sentences if not number or each not in first)
