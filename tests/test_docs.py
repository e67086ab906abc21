"""The documentation agrees with the code where both say the same."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
MADE_BY_THE_SITE = ("glossary.md", "components/", "api/", "changelog.md", "gallery/")


def layers_in_the_map() -> list[list[str]]:
    """The blocks of layers in the map of the code, without their explanations."""
    text = (ROOT / "docs" / "house.md").read_text()
    blocks = re.findall(r"\n\n((?:    \S.*\n)+)", text)
    return [[re.split(r"\s{2,}", line.strip())[0] for line in block.splitlines()] for block in blocks]


@pytest.mark.parametrize("layers", LAYERS, ids=["package", "runner"])
def test_the_map_has_the_layers_that_are_checked(layers: list[str]) -> None:
    assert layers in layers_in_the_map()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http", *MADE_BY_THE_SITE)) and not target.removeprefix("../").startswith(
            MADE_BY_THE_SITE
        ):
            assert (page.parent / target).exists(), target
