"""`python -m antivenom` is `antivenom`. Signals are handled before the command loads."""

import sys

from antivenom.own_code import forget_working_directory
from antivenom.stopping import Stopped, stopped_by_signals


def main() -> None:
    """Load the command and run it."""
    forget_working_directory()
    try:
        with stopped_by_signals():
            from antivenom.cli import main as command  # noqa: PLC0415 - takes half a second
    except Stopped as stop:
        sys.stderr.write("\nStopped.\n")
        sys.exit(128 + stop.number)
    command()


if __name__ == "__main__":
    main()
