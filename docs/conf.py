"""Sphinx builds the site from the project's own Markdown: `nox -s docs`, and CONTRIBUTING.md says how by hand.

The source is the root of the project, not this folder, so that every link between two pages is the same on the site, in
an editor and on the repository's own web view. `docs/index.md` is plain Markdown, too: its lists of links become the
table of contents here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import mlp_train

project = "mlp"
author = "the authors of mlp"
copyright = author  # noqa: A001  # Sphinx calls it so
version = release = mlp_train.__version__

root_doc = INDEX = "docs/index"
include_patterns = [
    "docs/**.md",
    "*.md",
    "packages/*/README.md",
    "packages/mlp-data/src/mlp_data/samples/README.md",
]
exclude_patterns = [".*", "build", "dist", "runs", "tests", "**/__pycache__"]  # what need not be walked through

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4  # the anchors of headings are those of the repository's own web view
suppress_warnings = ["toc.not_included"]  # tests/test_links.py asks for more: that a reader gets to every page
smartquotes = False  # would make a dash of what begins an option
highlight_language = "none"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"  # docstrings write `name`, as Markdown does

html_theme = "furo"  # loads nothing from elsewhere; tests/docs/test_site.py looks
html_title = f"mlp {version}"
html_extra_path = ["site"]  # an index.html at the top, which leads to the index
html_show_copyright = False
html_copy_source = False

SOURCE = "str | PathLike | bytes | BinaryIO"
LINK = re.compile(r"^- \[(?P<text>.+?)\]\((?P<target>[^)#]+\.md)\)", re.MULTILINE)


def docname(target: str) -> str:
    """Return what Sphinx calls the page that the index links to as `target`."""
    return os.path.normpath(Path(INDEX).parent / target).removesuffix(".md")


def contents(markdown: str) -> str:
    """Return tables of contents as Sphinx reads them: one for each heading of the index, of the pages listed below."""
    trees = []
    for section in re.split(r"^## ", markdown, flags=re.MULTILINE)[1:]:
        caption = section.splitlines()[0]
        entries = [f"{found['text']} </{docname(found['target'])}>" for found in LINK.finditer(section)]
        trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```"]))
    return "\n\n".join(trees)


def add_contents(app: Any, docname: str, source: list[str]) -> None:  # noqa: ARG001  # Sphinx calls it
    """Add what Sphinx alone needs to the index."""
    if docname == INDEX:
        source[0] += "\n\n" + contents(source[0])


def spell_out(app: Any, what: str, name: str, thing: Any, options: Any, signature: str, answer: str) -> Any:  # noqa: ARG001
    """Write a signature so that a person can read it; the runtime's `Source` is not the one of mlp_data."""
    if name == "mlp_runtime.load":
        signature = signature.replace("Source", SOURCE)
    if name == "mlp_train.FitConfig":  # its annotations are for pydantic; add_fields tells what each may be
        signature = f"(*, {', '.join(f'{key}={field.default!r}' for key, field in thing.model_fields.items())})"
    return signature and signature.replace("<factory>", "..."), answer


def add_fields(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:  # noqa: ARG001
    """Add what each field of a configuration may be, in the words of its errors."""
    if name == "mlp_train.FitConfig":
        lines += ["", *(f"- ``{key}``: {field.description}" for key, field in thing.model_fields.items()), ""]


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("source-read", add_contents)
    app.connect("autodoc-process-signature", spell_out)
    app.connect("autodoc-process-docstring", add_fields)
