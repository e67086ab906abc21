"""The commands that a page shows: read as a shell does, checked, and run where that is cheap."""

import contextlib
import importlib.util
import io
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from typer.core import TyperCommand
from typer.main import get_command

from antivenom.cli import app
from antivenom.errors import MissingDataError
from tests.helpers.blocks import ROOT
from tests.helpers.command import same_process

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
CHEAP = ("list", "show", "glossary", "poison", "measure", "report", "data list", "store size")
TRAINING = ("run", "sweep run", "boundary", "demo", "craft")
PLACEHOLDER = re.compile(r"[A-Z]{3,}")


class Started(Exception):
    """A command has read everything and would start to train."""


def commands_in(text: str) -> list[list[str]]:
    """The words of each command: without comments, with continued lines joined, without variables in front.

    A task of an array of Slurm is the first one.
    """
    text = text.replace("$SLURM_ARRAY_TASK_ID", "1")
    lines = text.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines]
    for words in commands:
        while words and re.match(r"[A-Z_]+=", words[0]):
            del words[0]
    return [words for words in commands if words]


def parse_antivenom(words: list[str]) -> str:
    """Let the real command read its words. Return the name of the subcommand, such as `data list`.

    Raises:
        click's UsageError: an unknown command or option, or a value of the wrong type.
    """
    names: list[str] = []

    def record(command: TyperCommand, context: Any) -> None:
        names.append(context.command_path.removeprefix("antivenom "))

    with mock.patch.object(TyperCommand, "invoke", autospec=True, side_effect=record):
        app(words, prog_name="antivenom", standalone_mode=False)
    return "".join(names)


def antivenom(words: list[str], folder: Path) -> None:
    """Check a command of antivenom, and run it if it is cheap."""
    name = parse_antivenom(words)
    if any(word.startswith("s3://") for word in words):
        return  # nobody answers there
    if any(PLACEHOLDER.fullmatch(Path(word.split("=")[-1]).stem) for word in words):
        return
    if name in CHEAP:
        done = same_process(*words, at=folder)
        assert done.returncode == 0, done.stderr
    elif name in TRAINING:
        start_training(words, folder)


def start_training(words: list[str], folder: Path) -> None:
    """Run a command until it would start to train. Its spec is right then; only files may be missing."""
    with contextlib.ExitStack() as stack:
        for start in ("Experiment.run", "Sweep.run", "craft.craft"):
            stack.enter_context(mock.patch(f"antivenom.runner.{start}", side_effect=Started))
        stack.enter_context(mock.patch.object(sys, "path", list(sys.path)))
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        with pytest.raises((Started, MissingDataError)):  # files are reported missing if there is no other problem
            app(words, prog_name="antivenom", standalone_mode=False)


def names_a_command(words: list[str]) -> bool:
    """Whether the words are the name of a command, without the arguments that it requires."""
    command: Any = get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word)
    return command is not None


def make(words: list[str], folder: Path) -> None:
    """Check that the Makefile has the targets."""
    assert set(words) <= set(TARGETS), f"The Makefile has the targets {TARGETS}; got {words}."


def pip(words: list[str], folder: Path) -> None:
    """Check that pyproject.toml has the extras of antivenom that a command installs."""
    assert words[0] == "install", words
    for requirement in words[1:]:
        for extra in re.findall(r"^antivenom\[(.*)\]$", requirement):
            assert set(extra.split(",")) <= set(EXTRAS), f"pyproject.toml has the extras {[*EXTRAS]}; got {extra}."


def python(words: list[str], folder: Path) -> None:
    """Check that a module of the project exists; run a script of the page's folder."""
    if words[:2] == ["-m", "pip"]:
        pip(words[2:], folder)
    elif words[0] == "-m":
        module = words[1]
        assert PLACEHOLDER.search(module) or importlib.util.find_spec(module), f"There is no module {module}."
    else:
        with contextlib.chdir(folder), mock.patch.object(sys, "argv", words):
            runpy.run_path(words[0], run_name="__main__")


def pre_commit(words: list[str], folder: Path) -> None:
    """Check that the hooks have their settings."""
    assert words == ["install"]
    assert (ROOT / ".pre-commit-config.yaml").is_file()


def export(words: list[str], _: Path) -> None:
    """A variable that the package reads gets a value."""
    (assignment,) = words
    name, _, value = assignment.partition("=")
    assert value
    assert any(f'"{name}"' in file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))


COMMANDS: dict[str, Callable[[list[str], Path], None]] = {
    "antivenom": antivenom,
    "export": export,
    "make": make,
    "pip": pip,
    "python": python,
    "pre-commit": pre_commit,
}


def check_command(words: list[str], folder: Path) -> None:
    """Check one command, and run it in a folder if it is cheap."""
    program = words[0].removeprefix(".venv/bin/")
    assert program in COMMANDS, f"No rule checks the command '{program}'."
    COMMANDS[program](words[1:], folder)
