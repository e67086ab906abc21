"""The layers of the code: as import-linter checks them, and as a page shows them."""

import re
import tomllib

from tests.helpers.blocks import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]


def layers_in(text: str) -> list[str]:
    """The layers that a block shows, without their explanations."""
    return [re.split(r"\s{2,}", line.strip())[0] for line in text.splitlines()]
