"""The documentation agrees with the code where both say the same."""

import re
from pathlib import Path

import pytest

from tests.helpers.blocks import blocks_of
from tests.helpers.layers import LAYERS, layers_in

ROOT = Path(__file__).parents[1]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
MADE_BY_THE_SITE = ("glossary.md", "components/", "api/", "changelog.md", "gallery/")


@pytest.mark.parametrize("layers", LAYERS, ids=["package", "runner"])
def test_the_map_has_the_layers_that_are_checked(layers: list[str]) -> None:
    shown = [layers_in(block.content) for block in blocks_of("docs/house.md") if block.language == "text"]
    assert layers in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http", *MADE_BY_THE_SITE)) and not target.removeprefix("../").startswith(
            MADE_BY_THE_SITE
        ):
            assert (page.parent / target).exists(), target
