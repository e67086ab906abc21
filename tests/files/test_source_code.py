"""Parsing Python source in several threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from antivenom.files.source_code import parse_source

SOURCES = [file.read_bytes() for file in sorted(Path(__file__).parents[1].joinpath("runner").glob("*.py"))]


def test_threads_parse_at_the_same_time() -> None:
    with ThreadPoolExecutor(8) as threads:
        trees = list(threads.map(parse_source, SOURCES * 8))
    assert [len(tree.body) for tree in trees] == [len(parse_source(source).body) for source in SOURCES] * 8


def test_what_is_not_python_is_an_error() -> None:
    with pytest.raises(SyntaxError):
        parse_source(b"def")
