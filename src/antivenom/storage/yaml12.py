"""Reading and writing YAML 1.2 with plain types: no aliases, no objects, no repeated keys; `1e-3` is a number."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from antivenom.errors import DataError, SettingsError
from antivenom.files.opening import read_text
from antivenom.settings import short

MAX_BYTES = 256 << 10
LARGEST = 10**300
"""The largest whole number: a larger one does not fit into a float."""
DEPTH = 100
"""The most lists and mappings inside of each other."""
BREAKS = set("\x85\u2028\u2029")
"""Characters that YAML 1.1 treats as line breaks."""


def read_yaml(file: Path | str) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        SettingsError: the file cannot be read, is not valid YAML, or does not contain a mapping.
    """
    try:
        text = read_text(file, MAX_BYTES)
    except DataError as error:
        raise SettingsError([str(error)]) from error
    mapping = parse_yaml(text, str(file))
    if not isinstance(mapping, dict):
        got = "it is empty" if mapping is None else f"got {short(mapping)}"
        raise SettingsError([f"{file} must contain settings, `key: value`; {got}."])
    return mapping


def parse_yaml(text: str, where: str) -> Any:
    """Return the numbers, text, lists and mappings in a YAML text.

    Raises:
        SettingsError: the text has tags, aliases, repeated keys, invalid YAML or too deep nesting.

    >>> parse_yaml("{rate: 1e-3, on: no}", "here")
    {'rate': 0.001, 'on': 'no'}
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that admits less
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "context", None) or str(error)
        raise SettingsError([f"{where}{place}: {' '.join(str(problem).split())}."]) from error
    except (RecursionError, ValueError) as error:
        raise SettingsError([f"{where} cannot be read as YAML: {short(str(error))}."]) from error


def dump_yaml(content: object) -> str:
    """Return plain content as YAML, in its order."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def dump_inline(content: object) -> str:
    r"""Return plain content as YAML on one line.

    >>> print(dump_inline({"name": "mlp", "hidden": [8, 4]}), dump_inline(5e-05), dump_inline("a\nb"))
    {name: mlp, hidden: [8, 4]} 5.0e-05 "a\nb"
    """
    text = yaml.dump([content], Dumper=_InlineDumper, default_flow_style=True, width=math.inf, sort_keys=False)
    return str(text).strip()[1:-1]


class _Loader(yaml.SafeLoader):
    """Accepts only the core types of YAML 1.2, without repeated keys and aliases."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        self.depth += 1
        refused = "aliases (*name)" if isinstance(event, yaml.AliasEvent) else f"tags ({tag})" if tag else None
        if refused:
            raise yaml.composer.ComposerError(None, None, f"{refused} are not allowed", event.start_mark)
        if self.depth > DEPTH:
            problem = f"more than {DEPTH} lists and mappings inside of each other"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value = int(self.construct_scalar(node))
        if abs(value) > LARGEST:
            raise yaml.constructor.ConstructorError(None, None, "a number is too large", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is repeated", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as another type, and does not write aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def represent_text(self, text: str) -> yaml.Node:
        style = '"' if BREAKS & set(text) else None  # otherwise they come back as spaces
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


class _InlineDumper(_Dumper):
    """Writes every text without a line break."""

    def represent_text(self, text: str) -> yaml.Node:
        style = None if text.isprintable() and len(text.splitlines()) < 2 else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)
_InlineDumper.add_representer(str, _InlineDumper.represent_text)


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+0123456789.")),
):
    for _class in (_Loader, _Dumper, _InlineDumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)
