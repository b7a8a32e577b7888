"""Train live in a browser: play, pause, step, go back, share by the address, bring one's own file, lose the server."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

SECONDS = 60.0  # a ceiling for whatever is waited for
SHORT = "data=digits&hidden=16&epochs=3&batch_size=64&seed=4&lr=0.01"


@pytest.fixture
def opened(page: Any, start: Callable[..., Any]) -> Callable[..., Any]:
    """Open Train live on a server of its own, with the settings of an address."""

    def show(settings: str = SHORT, page: Any = page, address: str | None = None) -> Any:
        home = address or start()[0]
        page.goto(home)
        page.wait_for_selector(".live-bar")
        if settings:
            page.goto(home.partition("#")[0] + f"#train?{settings}")
            page.reload()
        page.wait_for_selector("[data-status=pause]")
        page.wait_for_selector("[data-pictured]")
        page.home = home
        return page

    return show


def status(page: Any, word: str) -> None:
    page.wait_for_selector(f"[data-status={word}]")


def until(page: Any, holds: str) -> None:
    """Wait until an expression holds; Playwright's own way is what the page's policy refuses."""
    end = time.monotonic() + SECONDS
    while not page.evaluate(holds):
        assert time.monotonic() < end, f"{holds}: in vain, the page is at {page.url}"
        page.wait_for_timeout(50)


def figure(page: Any, name: str) -> str:
    return str(page.locator(f".live-numbers div:has(dt:text-is('{name}')) output").inner_text())


def test_a_sample_is_trained_to_the_end_and_its_model_answers_in_draw(opened: Any) -> None:
    page = opened()
    assert figure(page, "Epoch") == "0 of 3"
    page.get_by_role("button", name="Play", exact=True).click()
    status(page, "finished")
    assert figure(page, "Epoch") == "3 of 3"
    assert int(figure(page, "Held out").split()[0]) > 60
    assert page.locator(".weight-images canvas").count() == 16
    assert page.locator(".gallery figure").count() > 0
    page.get_by_role("button", name="Use this model", exact=True).click()
    page.wait_for_selector("#tab-draw[aria-selected=true]")
    assert "digits, epoch" in page.locator("#opened").inner_text()


def test_a_batch_and_an_epoch_are_stepped_and_the_slider_goes_back(opened: Any) -> None:
    page = opened()
    page.get_by_role("button", name="One batch").click()
    page.wait_for_selector("[data-batches='1'][data-epoch='0']")
    page.get_by_role("button", name="One epoch").click()
    page.wait_for_selector("[data-pictured='1.0']")
    now = page.locator(".weight-images canvas").first.evaluate("c => c.toDataURL()")
    slider = page.get_by_role("slider", name="Go back over the epochs")
    slider.focus()
    slider.press("ArrowLeft")
    page.wait_for_selector("[data-pictured='0.0']")
    assert page.locator(".weight-images canvas").first.evaluate("c => c.toDataURL()") != now
    page.get_by_role("button", name="Back to now").click()
    page.wait_for_selector("[data-pictured='1.0']")
    assert page.locator(".weight-images canvas").first.evaluate("c => c.toDataURL()") == now


def test_the_keyboard_plays_pauses_and_steps(opened: Any) -> None:
    page = opened("data=spiral&hidden=8&epochs=5000&patience=5000&pace=20")
    page.locator("body").press("ArrowRight")
    page.wait_for_selector("[data-batches='1']")
    page.locator("body").press("Shift+ArrowRight")
    page.wait_for_selector("[data-epoch='1']")
    page.locator("body").press("Space")
    status(page, "play")
    page.locator("body").press("Space")
    status(page, "pause")
    stands = figure(page, "Epoch")
    time.sleep(0.5)
    assert figure(page, "Epoch") == stands
    page.locator("body").press("ArrowLeft")
    assert page.get_by_role("button", name="Back to now").is_visible()


def test_the_address_restores_an_experiment_and_a_setting_goes_into_it(opened: Any, new_page: Any) -> None:
    page = opened("data=rings&hidden=6%2C4&activation=sigmoid&lr=0.02&pace=3&optimizer=sgd")
    assert page.get_by_role("combobox", name="Data", exact=True).input_value() == "rings"
    assert [one.input_value() for one in page.locator(".layer-sizes input").all()] == ["6", "4"]
    assert page.get_by_role("combobox", name="Activation", exact=True).input_value() == "sigmoid"
    assert page.get_by_role("spinbutton", name="Learning rate", exact=True).input_value() == "0.02"
    assert page.get_by_label("3 a second").is_checked()
    page.get_by_label("One hidden layer more").click()
    until(page, "location.hash.includes('hidden=6%2C4%2C4')")
    page.get_by_role("combobox", name="Activation", exact=True).select_option("tanh")
    until(page, "location.hash.includes('activation=tanh')")


def test_the_learning_rate_changes_while_it_runs(opened: Any) -> None:
    page = opened("data=quadrants&hidden=4&schedule=constant&warmup=0&lr=0.01&epochs=5000&patience=5000&pace=20")
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "+document.querySelector('[data-epoch]').dataset.epoch > 3")
    page.get_by_role("spinbutton", name="Learning rate", exact=True).fill("0.001")
    page.get_by_role("spinbutton", name="Learning rate", exact=True).blur()
    until(page, "[...document.querySelectorAll('.live-numbers output')].at(-1).textContent === '0.001'")
    assert page.locator("[data-status=play]").count() == 1
    assert int(figure(page, "Epoch").split()[0]) > 3


def test_a_hint_is_applied_with_one_click(opened: Any) -> None:
    page = opened("data=spiral&hidden=16&lr=1&epochs=30&schedule=constant")
    page.get_by_role("button", name="Play", exact=True).click()
    hint = page.locator(".hint[data-rule=lr-too-high]")
    hint.wait_for()
    status(page, "finished")  # a slow machine would still be playing: then the rate changes, and no training begins
    assert "Why" in hint.inner_text()
    hint.get_by_role("button").click()
    until(page, "!location.hash.includes('lr=1&')")
    hint.wait_for(state="detached")


def test_two_pages_watch_one_training(opened: Any, new_page: Any) -> None:
    one = opened("data=spiral&hidden=8&epochs=5000&patience=5000&pace=20")
    other = new_page()
    other.goto(one.home)
    other.wait_for_selector("[data-status=pause]")
    assert other.locator(".layer-sizes input").first.input_value() == "8"
    other.get_by_role("button", name="Play", exact=True).click()
    for page in (one, other):  # each is told in its own time
        status(page, "play")
    one.get_by_role("button", name="Pause", exact=True).click()
    for page in (one, other):
        status(page, "pause")
    assert figure(one, "Epoch") == figure(other, "Epoch") != "0 of 5000"


def test_a_training_that_was_asked_for_is_not_taken_for_the_one_before(opened: Any) -> None:
    page = opened()
    held: list[Any] = []
    page.route("**/api/live/start", lambda route: held.append(route))
    data = page.get_by_role("combobox", name="Data", exact=True)
    data.select_option("spiral")
    data.blur()
    status(page, "loading")
    assert page.get_by_role("button", name="Play", exact=True).is_disabled()
    page.locator("body").press("ArrowRight")  # nor is the one before stepped
    held[0].continue_()
    status(page, "pause")
    page.wait_for_selector(".live-word:has-text('spiral')")
    page.wait_for_selector("[data-pictured='0.0']")
    assert page.locator("#panel-train").get_attribute("data-batches") == "0"


def drop(page: Any, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)


def images(path: Path) -> Path:
    """A zip with two folders of images: horizontal and vertical bars."""
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for at in range(80):
            frame = generator.integers(0, 30, (16, 16)).astype(np.uint8)
            place = generator.integers(3, 13)
            if at % 2:
                frame[place] = 255
            else:
                frame[:, place] = 255
            archive.writestr(f"{['up', 'across'][at % 2]}/{at}.png", cv2.imencode(".png", frame)[1].tobytes())
    return path


def test_a_zip_of_one_s_own_is_trained_on(opened: Any, tmp_path: Path) -> None:
    page = opened()
    drop(page, images(tmp_path / "bars.zip"))
    until(page, "location.hash.includes('data=file')")
    page.wait_for_selector("text=bars.zip, 72 rows")
    status(page, "pause")
    page.get_by_role("button", name="One epoch").click()
    page.wait_for_selector("[data-epoch='1'][data-pictured='1.0']")
    assert "across" in page.locator(".matrix").inner_text()


def test_a_broken_zip_is_told_in_one_sentence_and_the_page_goes_on(opened: Any, tmp_path: Path) -> None:
    page = opened()
    broken = tmp_path / "broken.zip"
    broken.write_bytes(images(tmp_path / "whole.zip").read_bytes()[:900])
    drop(page, broken)
    status(page, "failed")
    assert "broken.zip" in page.locator(".live-why").inner_text()
    page.get_by_role("combobox", name="Data", exact=True).select_option("xor")
    status(page, "pause")


def test_a_gigabyte_is_refused_at_once(opened: Any, tmp_path: Path) -> None:
    page = opened()
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate(2**30)
    drop(page, large)
    page.wait_for_selector("#notice:has-text('at most 536,870,912')")
    assert page.locator("[data-status=pause]").count() == 1


def test_a_file_can_be_dropped_anywhere_on_the_tab(opened: Any) -> None:
    page = opened()
    rows = "".join(f"{at},{at % 7},{'yes' if at % 7 > 3 else 'no'}\n" for at in range(120))
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "flowers.csv"));
            document.querySelector(".live-main").dispatchEvent(
                new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        f"id,size,tall\n{rows}",
    )
    page.wait_for_selector("text=flowers.csv, 108 rows")


def test_a_server_that_was_killed_and_started_again_is_found_by_its_new_address(
    page: Any, opened: Any, start: Any, port: str, complaints: Any
) -> None:
    complaints.wanted = ("net::ERR_", "401")  # the browser tells of each request that found no server, or another
    address, process = start("--port", port)
    opened("data=rings&hidden=5&epochs=5000&patience=5000&pace=20", address=address)
    page.get_by_role("button", name="Play", exact=True).click()
    status(page, "play")
    process.kill()
    process.wait()
    page.wait_for_selector("#notice:has-text('The server has stopped')")
    address, _ = start("--port", port)
    page.wait_for_selector("text=This page is locked")
    assert "open the address that it printed" in page.locator("main").inner_text()
    page.goto(address)
    page.wait_for_selector("[data-status=pause]")
    assert page.get_by_role("combobox", name="Data", exact=True).input_value() == "rings"
    assert page.locator(".layer-sizes input").first.input_value() == "5"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_it(
    new_page: Any, opened: Any, axe: Callable[[Any], list[str]], scheme: str, width: int
) -> None:
    page = opened(SHORT, page=new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
    page.get_by_role("button", name="One epoch").click()
    page.wait_for_selector("[data-pictured='1.0']")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_card_explains_itself(opened: Any) -> None:
    page = opened("data=rings&hidden=5")
    for card in page.locator(".live-main .card:visible").all():
        assert card.locator(".why").count() > 0, card.inner_text()[:60]
    page.get_by_role("button", name=re.compile("What is this: Learning rate")).click()
    assert "w ← w − lr" in page.locator(".explained:popover-open").inner_text()
