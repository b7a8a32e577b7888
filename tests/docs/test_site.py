"""The built site leads nowhere that is not there, and asks nothing of other computers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_pages import ROOT

TOLD_ONLY = {"canonical", "next", "prev", "index", "search", "author"}  # links of the head that load nothing


class Page(HTMLParser):
    """What of a page matters here: its anchors, where it leads, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.ids |= {said[name] for name in ("id", "name") if name in said}
        for name, value in said.items():
            if name == "src" or (name == "href" and tag == "link" and said.get("rel") not in TOLD_ONLY):
                self.loads.append(value)
            elif name == "href":
                self.leads.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site: that of MLP_SITE, or one that is built for these tests."""
    if "MLP_SITE" in os.environ:
        return Path(os.environ["MLP_SITE"]).resolve()
    home = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-d", f"{home}/trees", "."]
    done = subprocess.run([*build, f"{home}/html"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return home / "html"


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_every_link_of_the_site_leads_to_a_page_and_an_anchor_that_are_there(site, pages):
    for path, page in pages.items():
        for target in page.leads:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert there.is_relative_to(site), f"{path.name}: {target} leads out of the site"
            assert there.is_file(), f"{path.name}: {target} is not there"
            if parts.fragment and there.suffix == ".html":
                assert unquote(parts.fragment) in pages[there].ids, f"{path.name}: {target} has no such anchor"


def test_no_page_loads_anything_from_elsewhere(site, pages):
    for path, page in pages.items():
        for target in page.loads:
            parts = urlsplit(target)
            assert not parts.netloc, f"{path.name} loads {target}"
            if parts.scheme != "data":
                assert (path.parent / unquote(parts.path)).is_file(), f"{path.name} loads {target}, which is not there"
    for style in site.rglob("*.css"):
        for target in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", style.read_text("utf-8")):
            assert not re.match(r"(https?:)?//", "".join(target)), f"{style.name} loads {''.join(target)}"


def test_every_page_of_the_docs_became_one_of_the_site(site):
    for page in ROOT.glob("docs/**/*.md"):
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file(), page


def test_the_interface_has_the_texts_of_the_source(site):
    shown = (site / "docs" / "api.html").read_text(encoding="utf-8")
    for anchor in ("mlp_runtime.load", "mlp_runtime.Model.predict", "mlp_data.from_arrays", "mlp_train.FitConfig"):
        assert f'id="{anchor}"' in shown


def test_the_top_of_the_site_leads_to_the_index(site):
    assert 'url=docs/index.html"' in (site / "index.html").read_text(encoding="utf-8")
