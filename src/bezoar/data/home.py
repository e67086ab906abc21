"""Where data sets are looked for."""

import os
from pathlib import Path

import platformdirs


def data_home() -> Path:
    """`$BEZOAR_DATA`, or `data` in the user's cache folder."""
    named = os.environ.get("BEZOAR_DATA")
    return Path(named) if named else platformdirs.user_cache_path("bezoar") / "data"
