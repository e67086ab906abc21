"""The command that runs one cell of a sweep alone."""

import shlex
from collections.abc import Mapping
from typing import Any

from antivenom.runner.spec.axes import SECTIONS
from antivenom.storage.yaml12 import dump_inline


def command_for(spec: Mapping[str, Any], values: Mapping[str, Any], *, out: str, file: str = "spec.yaml") -> str:
    """Return the command that runs one cell of a sweep, quoted for a POSIX shell.

    Args:
        spec: the spec of the sweep.
        values: the values that the sweep sets in the cell.
        out: the folder of the run.
        file: the path of the spec.

    >>> command_for({"grid": {"attack": ["badnets"]}}, {"attack": {"name": "badnets", "target": 7}}, out="again")
    "antivenom run spec.yaml --set grid=null --set 'attack={name: badnets, target: 7}' --out again"
    """
    removed = [f"{section}=null" for section in SECTIONS if spec.get(section) is not None]
    keys = sorted(values, key=lambda key: key.count("."))  # whole components before their settings
    words = ["antivenom", "run", file]
    for each in (*removed, *(f"{key}={dump_inline(values[key])}" for key in keys)):
        words += ["--set", each]
    return shlex.join([*words, "--out", out])
