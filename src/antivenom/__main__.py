"""`python -m antivenom` is `antivenom`. Signals are handled before the command loads."""

import gc
import os
import sys

if sys.path and not sys.flags.safe_path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - before pathlib is imported
    del sys.path[0]  # `python -m` puts the working directory there; no file in it may run unasked

from antivenom.stopping import Stopped, stopped_by_signals

OBJECTS_PER_COLLECTION = 20_000
"""More than Python's 700: the libraries make many objects while they load, and none of them is garbage."""


def main() -> None:
    """Load the command and run it."""
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    try:
        with stopped_by_signals():
            from antivenom.cli import main as command  # noqa: PLC0415 - takes half a second
    except Stopped as stop:
        sys.stderr.write("\nStopped.\n")
        sys.exit(128 + stop.number)
    command()


if __name__ == "__main__":
    main()
