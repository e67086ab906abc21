"""Specs are YAML 1.2's plain types, and nothing that a stranger could do harm with."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from antivenom.errors import SettingsError
from antivenom.storage.yaml12 import MAX_BYTES, dump_inline, dump_yaml, parse_yaml, read_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.from_regex(r"[-+.0-9eExo_:~]{1,8}", fullmatch=True),
)
CONTENT = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+1.5e+3", 1500.0),
        ("0", 0),
        ("-12", -12),
        ("0.10", 0.1),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("tRUE", "tRUE"),
        ("010", "010"),
        ("00.5", "00.5"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2001-12-14", "2001-12-14"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("<<", "<<"),
        ("=", "="),
        ("1e", "1e"),
        (".", "."),
        ("'1'", "1"),
        ('"no"', "no"),
        ("[1, 2e0, a]", [1, 2.0, "a"]),
        ("{a: {b: [{}]}}", {"a": {"b": [{}]}}),
        ("a: 1\n'b': 2", {"a": 1, "b": 2}),
        ("<<: {a: 1}\nb: 2", {"<<": {"a": 1}, "b": 2}),
    ],
)
def test_plain_text_is_what_yaml_1_2_takes_it_for(text: str, value: Any) -> None:
    parsed = parse_yaml(text, "here")
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!!python/object/apply:os.system ['true']", "tags"),
        ("!!python/name:os.system", "tags"),
        ("a: !!timestamp 2001-12-14", "tags"),
        ("a: !!binary aGk=", "tags"),
        ("a: !!set {b}", "tags"),
        ("a: !!bool perhaps", "tags"),
        ("a: !!int x", "tags"),
        ("a: !!str 1", "tags"),
        ("a: !mine 1", "tags"),
        ("a: ! 1", "tags"),
        ("a: &b 1\nc: *b", "aliases"),
        ("&a [*a]", "aliases"),
        ("a: 1\na: 2", "'a' is repeated"),
        ("a: {b: 1, b: 1}", "'b' is repeated"),
        ("a: 1\n'a': 2", "'a' is repeated"),
        ("1: a", "a key must be text"),
        ("{true: 1, True: 2}", "a key must be text"),
        ("? [a]\n: b", "a key must be text"),
        ("? {a: b}\n: c", "a key must be text"),
        ("null: 1", "a key must be text"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: [", "line 1, column 5"),
        ("'", "line 1"),
        ("a: b: c", "line 1, column 5"),
        ("\ta: 1", "line 1"),
        ("@a", "line 1"),
        ("a: \x00", "here"),
        ("[" * 5000, "more than 100 lists and mappings inside"),
        ("{a: " * 5000, "more than 100 lists and mappings inside"),
        ("- " * 5000, "more than 100 lists and mappings inside"),
        ("a: " + "9" * 5000, "cannot be read as YAML"),
    ],
)
def test_what_is_more_than_plain_is_refused_with_its_place(text: str, said: str) -> None:
    limit = sys.getrecursionlimit()
    with pytest.raises(SettingsError) as caught:
        parse_yaml(text, "here")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("here")
    assert said in caught.value.problems[0]
    assert "\n" not in caught.value.problems[0]
    assert sys.getrecursionlimit() == limit


def test_the_same_anchor_named_never_is_harmless() -> None:
    assert parse_yaml("a: &b 1", "here") == {"a": 1}


@given(CONTENT)
@example("1e-3")
@example("010")
@example("no")
@example({"a": "1_0", "no": None, "1": "~"})
@example(["\x85", "\u2028", "\ufeff", "\U0001f600", " a ", "#", "a: b", "\t", "-"])
@example(-0.0)
@example(5e-324)
def test_what_is_dumped_is_parsed_again(content: Any) -> None:
    again = parse_yaml(dump_yaml(content), "here")
    assert again == content
    assert repr(again) == repr(content)


@given(st.dictionaries(TEXT, SCALARS, max_size=4))
def test_other_readers_find_the_same_text(content: dict[str, Any]) -> None:
    for key, value in yaml.safe_load(dump_yaml(content)).items():
        if isinstance(content[key], str):
            assert value == content[key]


def test_a_dump_repeats_what_stands_twice_and_keeps_the_order() -> None:
    shared = [1, 2]
    assert parse_yaml(dump_yaml({"b": shared, "a": shared}), "here") == {"b": [1, 2], "a": [1, 2]}
    assert dump_yaml({"b": shared, "a": shared}).startswith("b:")


@given(st.text(max_size=60))
def test_any_text_gives_plain_content_or_one_error(text: str) -> None:
    try:
        parsed = parse_yaml(text, "here")
    except SettingsError as error:
        assert error.problems[0].startswith("here")
        return
    assert isinstance(parsed, dict | list | str | int | float | bool | None)
    assert not (isinstance(parsed, float) and math.isnan(parsed))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "spec.yaml"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfea: 1", "is not UTF-8 text"),
        (b"a: \xe9", "at offset 3"),
        (b"", "must contain settings"),
        (b"- a", "must contain settings"),
        (b"a", "must contain settings"),
        (b"#" * (MAX_BYTES + 1), "must have at most"),
        (b"a: [", "line 1"),
    ],
)
def test_a_file_that_is_no_spec_is_refused_by_name(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=said) as caught:
        read_yaml(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(file: Path) -> None:
    for path, problem in ((file, "is missing"), (file.parent, "must be a regular file; got a folder")):
        with pytest.raises(SettingsError, match=problem):
            read_yaml(path)


def test_the_largest_file_and_a_byte_order_mark_are_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: 1\n#")
    file.write_bytes(file.read_bytes().ljust(MAX_BYTES, b"x"))
    assert read_yaml(file) == {"a": 1}


TEXTS = [
    "a",
    "",
    "no",
    "null",
    "1e-3",
    "a: b",
    "# c",
    "it's",
    "x\ny",
    "\x85",
    "\u2028",
    "\x7f",
    "ü 😀",
    " a ",
    "a " * 200,
]
OTHERS: list[Any] = [1, -0.0, 5e-05, 1e22, True, None, [], {}, {"a": {"b": ["1", 1, None, True, "x, y"]}}]


@pytest.mark.parametrize("content", [*TEXTS, *OTHERS])
def test_yaml_on_one_line_is_read_back(content: Any) -> None:
    text = dump_inline(content)
    assert "\n" not in text
    assert parse_yaml(text, "here") == content
