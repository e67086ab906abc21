"""How threads wait for each other: asleep, so that they burn no time on a busy machine. Loaded before torch."""

import os
import sys
from collections.abc import MutableMapping

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Passive waiting in GNU's, LLVM's and Intel's OpenMP, and in OpenBLAS; each reads it when it is loaded."""

AS_SET = "as the environment says"

_state = {"waiting": AS_SET}


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> str:
    """Ask for passive waiting; returns how threads will wait, in words.

    Nothing changes where one of the variables of `PASSIVE` is set: how threads wait is then the user's choice. Nothing
    changes either where torch is loaded already, as it is too late.

    >>> wait_passively({"OMP_WAIT_POLICY": "ACTIVE"})
    'as the environment says'
    """
    early = "torch" not in sys.modules
    if early and not PASSIVE.keys() & environment.keys():
        environment.update(PASSIVE)
    return "passive" if early and PASSIVE.items() <= environment.items() else AS_SET


def begin() -> None:
    """What `import antivenom` does: ask for passive waiting, and remember the answer for `waiting`."""
    _state["waiting"] = wait_passively()


def waiting() -> str:
    """How threads wait in this process: `passive`, or `as the environment says`."""
    return _state["waiting"]
