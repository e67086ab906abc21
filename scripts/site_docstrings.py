"""Extensions of griffe for the API reference: components are dataclasses; examples become blocks of code."""

from typing import Any

import griffe


class Dataclass(griffe.ExprName):
    """Stands for `dataclasses.dataclass` as a decorator."""

    @property
    def canonical_path(self) -> str:
        """The path by which griffe knows a dataclass."""
        return "dataclasses.dataclass"


class Components(griffe.Extension):
    """Tell griffe that `@component` makes a dataclass, so that settings have types and defaults."""

    def on_class_instance(self, *, cls: griffe.Class, **_: Any) -> None:
        """Change the decorators of one class."""
        for decorator in cls.decorators:
            if decorator.callable_path.rpartition(".")[2] == "component":
                decorator.value = Dataclass("component", cls)


class Examples(griffe.Extension):
    """Put a fence around each doctest, which would otherwise be read as a quotation."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with a fence around each run of lines that begins with `>>>` and ends with an empty line."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if not inside and line.startswith(">>> "):
            lines.append("```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)
