"""Where data sets are looked for."""

import os
from pathlib import Path

import platformdirs


def data_home() -> Path:
    """`$ANTIVENOM_DATA`, or `data` in the user's cache folder."""
    named = os.environ.get("ANTIVENOM_DATA")
    return Path(named) if named else platformdirs.user_cache_path("antivenom") / "data"
