"""The folder of the data sets."""

import os
from pathlib import Path

import platformdirs


def data_home() -> Path:
    """Return `$ANTIVENOM_DATA`, or `data` in the user's cache folder if it is not set."""
    named = os.environ.get("ANTIVENOM_DATA")
    return Path(named) if named else platformdirs.user_cache_path("antivenom") / "data"
