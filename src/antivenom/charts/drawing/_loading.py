"""Loading matplotlib, also if the user's settings for it (a file `matplotlibrc`, `MPLBACKEND`) are damaged."""

import os
import sys
from contextlib import chdir
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


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
        folder = Path(next(iter(spec.submodule_search_locations))) / "mpl-data"
        backend = os.environ.pop("MPLBACKEND", None)
        try:
            with chdir(
                folder
            ):  # the first place in which matplotlib looks for a `matplotlibrc`; this one has its defaults
                import_module("matplotlib")
        finally:
            if backend is not None:
                os.environ["MPLBACKEND"] = backend


load_matplotlib()
