"""Loading matplotlib, also if the user's settings for it (a file `matplotlibrc`, `MPLBACKEND`) are damaged."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

SETTINGS = ("MATPLOTLIBRC", "MPLBACKEND")
"""The variables with the user's settings."""


def load_matplotlib() -> None:
    """Import matplotlib. If the user's settings prevent that, it gets its default settings in this process."""
    try:
        import_module("matplotlib")
    except (ValueError, OSError):  # a file that is not text or cannot be read, or a backend that does not exist
        for name in [each for each in sys.modules if each.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]
        spec = find_spec("matplotlib")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        default = Path(next(iter(spec.submodule_search_locations))) / "mpl-data" / "matplotlibrc"
        before = {name: os.environ.pop(name) for name in SETTINGS if name in os.environ}
        os.environ["MATPLOTLIBRC"] = str(default)
        try:
            import_module("matplotlib")
        finally:
            del os.environ["MATPLOTLIBRC"]
            os.environ.update(before)


load_matplotlib()
