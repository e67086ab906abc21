"""What a file imports, read from its text."""

import pytest

from antivenom.storage.imports import Import, read_contents

READ = [
    ("import a.b, c as d", [Import("a.b"), Import("c")]),
    ("from a.b import c, d as e", [Import("a.b", ("c", "d"))]),
    ("from a import *", [Import("a", ("*",))]),
    ("from . import near", [Import("top.middle", ("near",))]),
    ("from .near import x", [Import("top.middle.near", ("x",))]),
    ("from .. import far", [Import("top", ("far",))]),
    ("from ..far.away import x", [Import("top.far.away", ("x",))]),
    ("def work():\n    import a", [Import("a")]),
    ("class A:\n    async def b(self):\n        with c:\n            import d", [Import("d")]),
    ("try:\n    import a\nexcept ImportError:\n    import b\nelse:\n    import c\nfinally:\n    import d", "abcd"),
    ("match a:\n    case 1:\n        import b\nfor c in d:\n    import e\nelse:\n    import f", "bef"),
    ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", "b"),
    ("import typing as t\nif t.TYPE_CHECKING:\n    import a", [Import("typing")]),
    ("if not TYPE_CHECKING:\n    import a", "a"),
    (
        "from importlib import import_module\nx = import_module('a.b')",
        [Import("importlib", ("import_module",)), Import("a.b")],
    ),
    ("__import__('a')\n__import__(name)", "a"),
    (
        "import importlib\nimportlib.import_module('.near', __package__)",
        [Import("importlib"), Import("top.middle.near")],
    ),
    ("'''import a'''\n# import b", ""),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_imports_are_read_from_the_text(text: str, expected: list[Import] | str) -> None:
    wanted = [Import(letter) for letter in expected] if isinstance(expected, str) else expected
    contents = read_contents(text.encode(), "top.middle.module", package=False)
    assert contents is not None
    assert set(contents.imports) == set(wanted)


def test_a_package_is_what_its_own_relative_imports_start_from() -> None:
    contents = read_contents(b"from .near import x", "top.middle", package=True)
    assert contents is not None
    assert contents.imports == (Import("top.middle.near", ("x",)),)


def test_names_that_exist_once_a_module_has_run() -> None:
    text = b"import a.b\nfrom c import d as e\nf = g, h = 1, 2\ni: int = 3\ndef j(): k = 1\nclass L:\n    m = 1"
    contents = read_contents(text, "module", package=False)
    assert contents is not None
    assert contents.bound == {"a", "e", "f", "g", "h", "i", "j", "L"}
    assert contents.classes == {"L"}


def test_the_names_a_package_imports_when_they_are_used_are_read_where_they_are_written_out() -> None:
    contents = read_contents(b"_HOMES = {'A': 'b.c'}\n__all__ = ['A']\n__all__ += extra", "module", package=True)
    assert contents is not None
    assert contents.homes == {"A": "b.c"}
    assert contents.literals["__all__"] is None


@pytest.mark.parametrize("text", [b"def", b"\0", b"\xff\xfe", b"(" * 10_000])
def test_what_is_no_python_has_no_contents(text: bytes) -> None:
    assert read_contents(text, "module", package=False) is None


def test_a_file_may_say_how_it_is_encoded() -> None:
    contents = read_contents("# coding: latin-1\nimport a\nb = 'é'".encode("latin-1"), "module", package=False)
    assert contents is not None
    assert contents.imports == (Import("a"),)
