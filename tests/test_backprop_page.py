"""docs/backprop.md quotes the lines that compute its formulas, so it changes when they do."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import page_blocks
import pytest
from markdown_pages import ROOT

from mlp_runtime.activations import ACTIVATIONS
from mlp_train import backward, losses
from mlp_train.derivatives import DERIVATIVES
from mlp_train.losses import LOSSES

PAGE = ROOT / "docs" / "backprop.md"
QUOTED = re.compile(r"quoted from (?P<module>[\w.]+): (?P<name>[\w.]+)")
QUOTES = [(QUOTED.fullmatch(block.aside), block) for block in page_blocks.blocks(PAGE) if block.aside]


def body(function: Callable[..., Any]) -> str:
    """Return the lines of a function below its head and its docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    first = tree.body[0]
    above = first.end_lineno if ast.get_docstring(tree) else first.lineno - 1
    return textwrap.dedent("\n".join(source.splitlines()[above:]))


def in_source(module: str, name: str) -> Callable[..., Any]:
    thing: Any = importlib.import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


def explained() -> Iterator[Callable[..., Any]]:
    """Yield every function that the page must quote whole: the backward pass, and what the tables of names hold."""
    yield from (backward.backward_activation, backward.backward_linear, backward.backward_input, backward.backward)
    yield losses.output_gradient
    yield from (derivative.backward for derivative in DERIVATIVES.values())
    for loss in LOSSES.values():
        yield from (one.func if isinstance(one, partial) else one for one in (loss.value, loss.gradient))


@pytest.mark.parametrize(("said", "block"), QUOTES, ids=[f"line {block.line}" for _, block in QUOTES])
def test_a_quoted_block_is_what_the_source_says(said, block):
    assert said, f"line {block.line}: write the comment as <!-- quoted from MODULE: NAME -->"
    lines, quoted = body(in_source(said["module"], said["name"])), textwrap.dedent(block.text).strip()
    assert f"\n{quoted}\n" in f"\n{lines}\n", f"docs/backprop.md, line {block.line}: {said['name']} now reads:\n{lines}"


@pytest.mark.parametrize("function", dict.fromkeys(explained()), ids=lambda function: function.__qualname__)
def test_every_function_of_the_mathematics_is_quoted_whole(function):
    quoted = {
        line.strip()
        for said, block in QUOTES
        if said and in_source(said["module"], said["name"]) is function
        for line in block.text.splitlines()
    }
    missing = [line for line in body(function).splitlines() if line.strip() and line.strip() not in quoted]
    assert not missing, f"docs/backprop.md does not show these lines of {function.__qualname__}: {missing}"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_a_row_in_the_table(name):
    assert re.search(rf"^\| `{name}` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
