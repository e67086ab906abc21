"""The assumptions about files: each sentence names its file."""

from collections.abc import Iterator, Sequence
from pathlib import Path


def with_files(files: Sequence[Path], sentences: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the assumptions about each file with its path. Those about the first file are not repeated for others.

    >>> [*with_files([Path("a.csv"), Path("b.csv")], [["One."], ["One.", "Two."]])]
    [('a.csv: One.',), ('b.csv: Two.',)]
    """
    first = sentences[0] if sentences else ()
    for number, (file, own) in enumerate(zip(files, sentences, strict=True)):
        yield tuple(f"{file}: {each}" for each in own if not number or each not in first)
