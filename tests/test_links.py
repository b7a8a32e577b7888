"""Links lead somewhere, and from the index of the docs a reader gets to every page.

What lies in the web is not asked, since these tests need no network: of such an address only the form is looked at.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import markdown_pages
import pytest
from markdown_pages import INDEX, ROOT, Link

PAGES = markdown_pages.pages()


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def wrong(page: Path, link: Link) -> str | None:
    """Say what is wrong with a link, if anything is."""
    if link.leaves:
        parts = urlsplit(link.target)
        whole = parts.scheme == "https" and "." in (parts.hostname or "") and not set(link.target) & set(' <>"{}|\\^`')
        return None if whole else "is not the whole address of a page in the web, https://..."
    path, anchor = markdown_pages.destination(page, link)
    if not path.is_relative_to(ROOT):
        return "leads out of the project"
    if not path.exists():
        return "leads to a file that is not there"
    if path.is_dir():
        return "leads to a folder, which the site cannot show: link to a file in it, as its README.md"
    if anchor and path.suffix == ".md" and anchor not in markdown_pages.anchors(path):
        return f"wants a heading that {named(path)} does not have"
    return None


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    for link in markdown_pages.links(page):
        problem = wrong(page, link)
        assert problem is None, f"{named(page)}, line {link.line}: {link.target!r} {problem}"


def test_a_reader_gets_from_the_index_to_every_page_of_the_docs():
    reached, todo = {INDEX}, [INDEX]
    while todo:
        page = todo.pop()
        for link in markdown_pages.links(page):
            path, _ = markdown_pages.destination(page, link)
            if not link.leaves and path.suffix == ".md" and path.is_file() and path not in reached:
                reached.add(path)
                todo.append(path)
    lost = [named(page) for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in reached]
    assert not lost, f"no page leads to {', '.join(lost)}: list it in docs/index.md"


def test_the_site_has_every_page_that_a_page_of_the_docs_links_to():
    shown = {*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("packages/*/README.md")}
    shown.add(ROOT / "packages/mlp-data/src/mlp_data/samples/README.md")  # as include_patterns of docs/conf.py has it
    for page in shown:
        for link in markdown_pages.links(page):
            path, _ = markdown_pages.destination(page, link)
            if not link.leaves and path.suffix == ".md":
                assert path in shown, f"{named(page)}, line {link.line}: {link.target} is not on the site"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("gone.md", "not there"),
        ("../README.md#no-such-heading", "does not have"),
        ("#nowhere", "does not have"),
        ("../..", "out of the project"),
        ("../packages/mlp-runtime", "a folder"),
        ("https://nowhere", "whole address"),
        ("http://example.org", "whole address"),
        ("//example.org/x", "whole address"),
        ("https://example.org/{page}", "whole address"),
    ],
)
def test_what_a_link_can_have_wrong_is_noticed(target, problem):
    assert problem in (wrong(ROOT / "docs" / "format.md", Link(target, 1)) or "nothing")


def test_anchors_are_made_as_repositories_make_them(tmp_path):
    page = tmp_path / "page.md"
    text = "# The `sigmoid`, clipped\n\n## C++ & more\n\n## Same\n\n## Same\n\n```\n# no heading\n```\n"
    page.write_text(text, encoding="utf-8")
    assert markdown_pages.anchors(page) == {"the-sigmoid-clipped", "c--more", "same", "same-1"}


def test_links_in_code_are_no_links_and_pictures_are(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("`[a](b)`\n\n[![c](d.png)](e.md)\n\n| t |\n| --- |\n| [f](g.md) |\n\n<img src='h.svg'>\n", "utf-8")
    assert [link.target for link in markdown_pages.links(page)] == ["e.md", "d.png", "g.md", "h.svg"]
