"""The code blocks of the pages, found by a Markdown parser."""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    str(file.relative_to(ROOT))
    for file in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").rglob("*.md"),
    )
)
GUIDES = tuple(sorted(file.stem for file in (ROOT / "docs" / "write").glob("*.md") if file.stem != "index"))
MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A code block. The language is the first word after the fence, empty without one; the title follows it."""

    page: str
    line: int
    language: str
    title: str
    content: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_in(text: str, page: str) -> list[Block]:
    """All fenced and indented blocks of a text, from top to bottom."""
    found = []
    for token in MARKDOWN.parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map
            match = re.fullmatch(r'(\w*)(?: title="([\w.-]+)")?', token.info.strip())
            assert match, f"{page}:{token.map[0] + 1}: '{token.info}' must be a language, with a title or without."
            found.append(Block(page, token.map[0] + 1, match[1], match[2] or "", token.content))
    return found


def blocks_of(page: str) -> list[Block]:
    """All blocks of a page, such as `docs/features.md`."""
    return blocks_in((ROOT / page).read_text(), page)


def inline_code_in(text: str) -> list[str]:
    """What stands between backticks in the paragraphs and the tables of a text."""
    tokens = MARKDOWN.parse(text)
    return [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]


def example(guide: str, language: str) -> str:
    """The example of a guide in `docs/write/`: its only block of a language."""
    (block,) = [block for block in blocks_of(f"docs/write/{guide}.md") if block.language == language]
    return block.content


def write_examples(folder: Path) -> None:
    """Write the example of each guide to the file that its spec names, such as `scan_example.py`."""
    for guide in GUIDES:
        (folder / f"{guide.replace('-', '_')}_example.py").write_text(example(guide, "python"))
