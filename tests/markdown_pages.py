"""Markdown is read here as the site reads it: the pages of the project, their links, the anchors of their headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
INDEX = ROOT / "docs" / "index.md"
MADE = ("build", "dist", "runs")  # what programs leave, which is not of the project
IN_HTML = re.compile(r"""\b(?:href|src)=["']([^"']+)["']""")
MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Link:
    """Where a page leads to, and on which line it says so."""

    target: str
    line: int

    @property
    def leaves(self) -> bool:
        """Whether it leads out of the project, into the web."""
        return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", self.target))


def pages() -> list[Path]:
    """List every Markdown file of the project."""
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part.startswith(".") or part in MADE for part in path.relative_to(ROOT).parts)
    )


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    """Parse a page."""
    return tuple(MARKDOWN.parse(page.read_text(encoding="utf-8")))


@cache
def links(page: Path) -> tuple[Link, ...]:
    """List the links and the pictures of a page."""
    return tuple(_links(tokens(page)))


def _links(found: tuple[Token, ...]) -> Iterator[Link]:
    for block in found:
        line = block.map[0] + 1 if block.map else 0
        if block.type == "html_block":
            yield from (Link(target, line) for target in IN_HTML.findall(block.content))
        for token in block.children or ():
            if token.type == "html_inline":
                yield from (Link(target, line) for target in IN_HTML.findall(token.content))
            elif token.type in ("link_open", "image"):
                yield Link(str(token.attrGet("href") or token.attrGet("src") or ""), line)


@cache
def anchors(page: Path) -> frozenset[str]:
    """List what can stand behind # of a link to this page, made of headings as repositories and the site make it."""
    found: set[str] = set()
    for opening, inside in zip(tokens(page), tokens(page)[1:], strict=False):
        if opening.type == "heading_open":
            text = "".join(token.content for token in inside.children or () if token.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            number, anchor = 0, slug
            while anchor in found:
                number += 1
                anchor = f"{slug}-{number}"
            found.add(anchor)
    return frozenset(found)


def destination(page: Path, link: Link) -> tuple[Path, str]:
    """Return the file that a link within the project leads to, and the anchor there."""
    path, _, anchor = link.target.partition("#")
    return (page.parent / unquote(path)).resolve() if path else page, unquote(anchor)
