"""Reading a page back: its text, its tables, and whatever it would fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_FETCHING = {"src", "srcset", "href", "xlink:href", "poster", "data", "action", "background"}
_VOID = {"meta", "br", "img", "input", "link", "hr", "source", "wbr"}


@dataclass
class Page:
    """What a page holds."""

    text: str
    tags: list[tuple[str, dict[str, str | None]]]
    tables: list[list[list[str]]]
    captions: list[str]
    by_id: dict[str, str] = field(default_factory=dict)
    unclosed: list[str] = field(default_factory=list)

    def table(self, *headings: str) -> list[list[str]]:
        """The rows of the one table whose head starts with these headings."""
        found = [table for table in self.tables if table[0][: len(headings)] == list(headings)]
        assert len(found) == 1, [table[0] for table in self.tables]
        return found[0][1:]

    def row(self, name: str, *headings: str) -> list[str]:
        """The row called ``name`` of that table, without its name."""
        found = [row[1:] for row in self.table(*headings) if row[0] == name]
        assert len(found) == 1, self.table(*headings)
        return found[0]

    def fact(self, name: str) -> str:
        """What stands beside ``name`` in the tables of names and values."""
        found = [row[1] for table in self.tables for row in table if [name, *row[1:2]] == row]
        assert len(found) == 1, name
        return found[0]

    def fetches(self) -> list[str]:
        """Every address that a browser would load by itself, and every piece of script."""
        found = []
        for tag, attributes in self.tags:
            if tag in {"script", "link", "iframe", "object", "embed", "base"}:
                found.append(f"<{tag}>")
            for name, value in attributes.items():
                if name.startswith("on"):
                    found.append(f"{name}={value}")
                if name in _FETCHING and not _harmless(tag, value or ""):
                    found.append(f"<{tag} {name}={value}>")
                if name == "style" and "url(" in (value or "").replace("url(#", ""):
                    found.append(f"style={value}")
        return found


def _harmless(tag: str, address: str) -> bool:
    return address.startswith(("#", "data:image/")) or tag == "a"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page("", [], [], [])
        self.styles: list[str] = []
        self._open: list[str] = []
        self._ids: list[tuple[int, str]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag, attributes):
        self.page.tags.append((tag, dict(attributes)))
        if tag == "br" and self._cell is not None:
            self._cell.append(" ")
        if tag in _VOID:
            return
        self._open.append(tag)
        if identifier := dict(attributes).get("id"):
            assert identifier not in self.page.by_id, f"id {identifier} occurs twice"
            self.page.by_id[identifier] = ""
            self._ids.append((len(self._open), identifier))
        if tag == "table":
            self.page.tables.append([])
        elif tag == "tr":
            self.page.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_startendtag(self, tag, attributes):
        self.page.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        if self._ids and self._ids[-1][0] == len(self._open):
            self._ids.pop()
        self._open.pop()
        if tag in ("td", "th"):
            self.page.tables[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data):
        if "style" in self._open:
            self.styles.append(data)
            return
        self.page.text += data
        for _, identifier in self._ids:
            self.page.by_id[identifier] += data
        if self._cell is not None:
            self._cell.append(data)

    def close(self):
        super().close()
        self.page.unclosed = self._open


def read_page(path: Path) -> Page:
    """Parse a page strictly: every element closed in order, every id once."""
    reader = _Reader()
    source = path.read_text(encoding="utf-8")
    assert source.startswith("<!doctype html>")
    reader.feed(source)
    reader.close()
    assert reader.page.unclosed == []
    style = "".join(reader.styles)
    assert "@import" not in style
    assert not re.search(r"url\((?!#)", style)
    reader.page.text = " ".join(reader.page.text.split())
    return reader.page
