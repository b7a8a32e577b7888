"""Take away in the browser: what is shown can be saved and copied, and what is saved is what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# The word stays for two seconds, in which a busy machine may not look.
NEXT_WORD = """button => {
    window.nextWord = new Promise((done) => {
        new MutationObserver(() => done(button.textContent)).observe(button, { childList: true });
    });
}"""


@pytest.fixture
def opened(page: Any, serve: Callable[..., str], titanic_run: Path) -> Any:
    page.goto(serve(titanic_run))
    page.get_by_role("tab", name="Take away").click()
    page.wait_for_selector(".take-picture")
    return page


def saved(page: Any, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_model_and_its_script_are_saved_side_by_side_and_run(
    opened: Any, tmp_path: Path, titanic_run: Path
) -> None:
    model = saved(opened, "download titanic.mlp", tmp_path)
    assert model.read_bytes() == (titanic_run / "model.mlp").read_bytes()
    script = saved(opened, "download ask_titanic.py", tmp_path)
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == {"0", "1"}


def test_the_drawing_is_saved_as_it_is_shown(opened: Any, tmp_path: Path) -> None:
    assert opened.locator(".take-picture").evaluate("image => image.naturalWidth") > 100
    drawing = saved(opened, "download titanic.svg", tmp_path).read_text(encoding="utf-8")
    assert drawing.startswith("<svg")
    assert "<title" in drawing


def test_the_command_is_copied(opened: Any) -> None:
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = opened.locator(".card", has_text="The command").get_by_role("button", name="copy")
    button.evaluate(NEXT_WORD)
    button.click()
    assert opened.evaluate("nextWord") == "✓ copied"
    assert (
        opened.evaluate("navigator.clipboard.readText()")
        == opened.get_by_role("region", name="the command").inner_text()
    )
    assert opened.get_by_role("region", name="the command").inner_text().startswith("mlp-train fit titanic --epochs 20")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out_of_take_away(opened: Any, axe: Callable[[Any], list[str]], scheme: str) -> None:
    opened.emulate_media(color_scheme=scheme)
    assert axe(opened) == []
