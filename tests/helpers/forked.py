"""Processes of their own that need not load the libraries again: forks of a process that has loaded them once.

A fork has none of antivenom's modules yet, so it imports the package as a new process does.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

SERVER = """
import gc, json, os, signal, sys, traceback
import jinja2, matplotlib.backends.backend_agg, numpy, pydantic, rich.progress, sklearn.datasets, torch, typer
torch.set_num_threads(1)
gc.freeze()  # or each fork collects all of it again, and copies it

def work(job):
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, name in ((0, os.devnull), (1, job["out"]), (2, job["err"])):
        os.dup2(os.open(name, os.O_RDWR), number)
    sys.path[:0] = [job["cwd"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["-c"]
    code = 0
    try:
        exec(compile(job["code"], "<code>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in sys.stdin:
    child = os.fork()
    if not child:
        work(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@functools.cache
def _server() -> subprocess.Popen[str]:
    """The process that forks; it ends with this one, when its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
    )


def forked(code: str, *, at: Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, in a folder and with an environment."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.NamedTemporaryFile("r+") as out, tempfile.NamedTemporaryFile("r+") as err:
        job = {"code": code, "cwd": str(at), "environment": dict(environment or os.environ)}
        server.stdin.write(json.dumps({**job, "out": out.name, "err": err.name}) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess([code], status, out.read(), err.read())
