"""What a page is made of, read as a browser would."""

import re
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """The tags and the visible text of a page; fails on a tag that is not closed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(file.read_text())
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader reads, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str, kind: str = "") -> int:
        """How many tags there are, of a class where one is named."""
        return sum(found == tag and kind in [*(held.get("class") or "").split(" "), ""] for found, held in self.tags)


def checked(file: Path) -> Page:
    """A page that is whole, has no script, fetches nothing, and describes every picture."""
    page = Page(file)
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for tag, held in page.tags:
        assert not any(name.startswith("on") for name in held)
        source = held.get("src") or held.get("href") or ""
        assert not re.match(r"\s*(?:\w+:)?//|\s*javascript:", source), source
        if tag == "img":
            assert source.startswith("data:image/png;base64,")
            assert held.get("alt")
    assert not re.search(r"<(p|figcaption|caption|li|h\d)[^>]*>[\s.]*</", file.read_text()), "an empty paragraph"
    return page
