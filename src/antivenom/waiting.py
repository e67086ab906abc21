"""Let waiting threads sleep, so that they use no time on a busy machine. This module loads before torch."""

import os
import sys
from collections.abc import MutableMapping

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Variables for passive waiting in GNU's, LLVM's and Intel's OpenMP and in OpenBLAS, which read them on loading."""

AS_SET = "as the environment says"

_state = {"waiting": AS_SET}


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> str:
    """Set the variables for passive waiting, and return the mode of waiting in words.

    Nothing changes if the user has already set one of the variables in `PASSIVE`, or if torch is already loaded: then
    it is too late.

    >>> wait_passively({"OMP_WAIT_POLICY": "ACTIVE"})
    'as the environment says'
    """
    early = "torch" not in sys.modules
    if early and not PASSIVE.keys() & environment.keys():
        environment.update(PASSIVE)
    return "passive" if early and PASSIVE.items() <= environment.items() else AS_SET


def begin() -> None:
    """Set passive waiting, and store the mode for `waiting`. `import antivenom` calls it."""
    _state["waiting"] = wait_passively()


def waiting() -> str:
    """Return the mode of waiting in this process: `passive` or `as the environment says`."""
    return _state["waiting"]
