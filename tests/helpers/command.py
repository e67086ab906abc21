"""The `antivenom` command: in this process where that is enough, and in its own process."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from antivenom import cli
from antivenom.terminal import err_console, out_console
from tests.helpers.forked import forked

WIDTH = 200
CONSOLES = (out_console, err_console)


def environment_at(place: Path, **more: str) -> dict[str, str]:
    """The environment of a command: its own store and data, and a wide terminal."""
    own = {"ANTIVENOM_STORE": str(place / "store"), "ANTIVENOM_DATA": str(place / "data"), "COLUMNS": str(WIDTH)}
    return {**os.environ, **own, **more}


def own_process(*arguments: str, at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, which imports antivenom anew."""
    code = f"import sys; sys.argv[:] = {['antivenom', *arguments]}; from antivenom.cli import main; main()"
    return forked(code, at=at, environment=environment_at(at, **environment))


def same_process(*arguments: str, at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process: the same words, the same exit status."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment_at(at, **environment)))
        stack.enter_context(mock.patch.object(sys, "argv", ["antivenom", *arguments]))
        stack.enter_context(mock.patch.object(sys, "path", list(sys.path)))
        for console in CONSOLES:
            stack.enter_context(mock.patch.object(console, "_width", WIDTH))
        stack.enter_context(contextlib.chdir(at))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())
