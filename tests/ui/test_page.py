"""The page around the tabs: it paints at once, survives its server, is for one person, and everybody can use it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FIRST_PAINT = """() => new Promise((done) => {
    new PerformanceObserver((list) => {
        for (const one of list.getEntriesByName("first-contentful-paint")) done(one.startTime);
    }).observe({ type: "paint", buffered: true });
})"""  # what is in the page is not always painted yet
THEMES = ("light", "dark")
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


def tabs(page: Any) -> list[Any]:
    page.get_by_role("tab").first.wait_for()
    return page.get_by_role("tab").all()


def test_the_first_paint_comes_at_once(
    new_page: Callable[..., Any], serve: Any, mnist_run: Path, record_property: Any
) -> None:
    paints = []
    for _ in range(3):
        page = new_page()
        page.goto(serve(mnist_run))
        tabs(page)
        paints.append(page.evaluate(FIRST_PAINT))
    print(f"\nfirst paint: {', '.join(f'{paint:.0f} ms' for paint in paints)}")
    record_property("first_paint_ms", min(paints))
    assert min(paints) < 3000  # a machine that is busy is no reason to fail; the figure is what counts


def test_the_token_leaves_the_address_and_a_reload_still_knows_it(page: Any, serve: Any, digits_run: Path) -> None:
    page.goto(serve(digits_run))
    tabs(page)
    assert "token" not in page.url
    page.reload()
    tabs(page)


def test_a_second_person_on_the_port_sees_nothing(page: Any, serve: Any, digits_run: Path, complaints: Any) -> None:
    complaints.wanted = ("401",)
    page.goto(serve(digits_run).partition("#")[0])
    page.get_by_text("This page is locked").wait_for()
    page.get_by_text("open the address that it printed").wait_for()
    assert page.get_by_role("tab").count() == 0


def test_a_page_of_another_site_learns_and_changes_nothing(page: Any, serve: Any, digits_run: Path) -> None:
    home, _, token = serve(digits_run).partition("#token=")
    attack = """async ([home, token]) => {
        const tries = [
            fetch(home + "api/info", {headers: {"x-mlp-token": token}}).then((answer) => answer.text()),
            fetch(home + "api/model", {method: "POST", mode: "no-cors", body: "x"}).then((answer) => answer.type),
        ];
        return (await Promise.allSettled(tries)).map((one) => one.status === "fulfilled" ? one.value : "refused");
    }"""
    evil = {"body": "<!doctype html><title>evil</title>", "content_type": "text/html"}
    other = page.context.new_page()  # of the same person; its complaints are wanted
    other.route("http://evil.example/", lambda route: route.fulfill(**evil))
    other.goto("http://evil.example/")
    assert other.evaluate(attack, [home, token])[0] == "refused"
    frame = other.evaluate(
        """(home) => new Promise((done) => {
        const frame = document.createElement("iframe");
        frame.src = home;
        frame.onload = () => {
            try { done(frame.contentDocument?.body?.innerText ?? "closed") } catch { done("closed") }
        };
        document.body.append(frame);
    })""",
        home,
    )
    assert "mlp-train" not in frame
    page.goto(serve(digits_run))
    tabs(page)


def test_the_server_may_be_killed_and_started_again(
    page: Any, start: Any, port: str, digits_run: Path, complaints: Any
) -> None:
    complaints.wanted = ("net::ERR_", "401")
    address, process = start(digits_run, "--port", port)
    page.goto(address)
    tabs(page)
    process.kill()
    process.wait()
    page.mouse.move(0, 0)
    box = page.locator(".pad canvas").bounding_box()
    page.mouse.click(box["x"] + 100, box["y"] + 100)
    page.get_by_text("The server has stopped").wait_for()
    again, _ = start(digits_run, "--port", port)
    page.get_by_text("This page is locked").wait_for()
    page.goto(again)
    page.reload()
    tabs(page)


def test_two_tabs_of_a_browser_look_at_the_same_model(page: Any, serve: Any, digits_run: Path) -> None:
    page.goto(serve(digits_run))
    tabs(page)
    other = page.context.new_page()
    other.goto(serve(digits_run).partition("#")[0])  # the key is known to this browser by now
    assert len(tabs(other)) == len(tabs(page))


def test_a_model_that_is_dropped_on_the_page_is_opened(
    new_page: Any, start: Any, titanic_run: Path, complaints: Any
) -> None:
    complaints.wanted = ("422",)
    page = new_page()
    page.goto(start()[0])
    drop = """([content, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], name));
        document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    page.locator("#main section").first.wait_for()
    page.evaluate(drop, [list(b"no model"), "broken.mlp"])
    page.get_by_role("alert").wait_for()
    assert "magic" in page.get_by_role("alert").inner_text()
    page.evaluate(drop, [list((titanic_run / "model.mlp").read_bytes()), "mine.mlp"])
    page.get_by_role("tab", name="Table").wait_for()
    assert page.locator("#opened").inner_text() == "mine.mlp"


def test_tabs_and_controls_work_from_the_keyboard(page: Any, serve: Any, digits_run: Path) -> None:
    page.goto(serve(digits_run))
    shown = tabs(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    assert sum(tab.get_attribute("tabindex") == "0" for tab in shown) == 1


def test_what_a_thing_is_stands_beside_it(page: Any, serve: Any, digits_run: Path) -> None:
    page.goto(serve(digits_run))
    tabs(page)
    page.get_by_role("button", name="What is this: From paper to network").click()
    said = page.get_by_role("dialog", name="From paper to network")
    assert "28 × 28" in said.inner_text()
    assert "(level - mean) * scale" in said.inner_text()
    page.keyboard.press("Escape")
    assert not said.is_visible()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("run", ["digits_run", "titanic_run"])
def test_everybody_can_use_every_tab(
    new_page: Callable[..., Any], serve: Any, axe: Any, request: pytest.FixtureRequest, theme: str, size: str, run: str
) -> None:
    page = new_page(color_scheme=theme, viewport=SIZES[size], reduced_motion="reduce")
    page.goto(serve(request.getfixturevalue(run)))
    for tab in tabs(page):
        tab.click()
        page.locator(f"#panel-{tab.get_attribute('data-id')} .card").first.wait_for()
        page.wait_for_timeout(300)
        found = axe(page)
        assert not found, (tab.inner_text(), found)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab.inner_text()} is too wide"


def test_interrupting_the_command_ends_it_without_a_word(digits_run: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from mlp_train.cli import main; main()",
        "ui",
        str(digits_run),
        "--no-open",
        "--quiet",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
