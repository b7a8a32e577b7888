"""Draw in a browser: real digits, drawn and dropped, large and small, in both inks, are read as what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import mlp_data

TAB = "#panel-draw"
DIGITS = 50  # of which 96 % are 48


@pytest.fixture(scope="module")
def mnist(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    split = mlp_data.load(str(shared_data / "mnist.zip")).splits["test"]
    return split.x, split.y


@pytest.fixture
def pad(new_page: Callable[..., Any], serve: Callable[..., str], mnist_run: Path) -> Any:
    page = new_page(viewport={"width": 1280, "height": 1000})
    page.goto(serve(mnist_run))
    page.locator(".pad canvas").wait_for()
    return page


def strokes(digit: np.ndarray) -> list[list[tuple[float, float]]]:
    """Return a digit as strokes a hand could draw: its skeleton, from 0 to 1, taken apart where lines meet."""
    large = cv2.resize(digit, (84, 84), interpolation=cv2.INTER_CUBIC)
    rest = np.where(large > 110, 255, 0).astype(np.uint8)
    skeleton = np.zeros_like(rest)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    while rest.any():
        thinner = cv2.erode(rest, cross)
        skeleton |= rest - np.minimum(rest, cv2.dilate(thinner, cross))
        rest = thinner
    skeleton = cv2.morphologyEx(skeleton, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    left = {(int(x), int(y)) for y, x in np.argwhere(skeleton)}
    found = []
    while left:
        ends = [point for point in left if sum(other in left for other in _around(point)) == 1]
        path = [min(ends or left)]
        left.remove(path[0])
        while near := [point for point in _around(path[-1]) if point in left]:
            path.append(near[0])
            left.remove(near[0])
        found.append(path)
    found = [path for path in found if len(path) > 2] or found
    corners = [
        cv2.approxPolyDP(np.array(path, np.int32), 1.2, False)[:, 0] for path in found
    ]  # each move takes a while
    return [[(x / 84, y / 84) for x, y in path.tolist()] for path in corners]


def _around(point: tuple[int, int]) -> list[tuple[int, int]]:
    x, y = point
    sides = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    return sides + [(x + a, y + b) for a in (1, -1) for b in (1, -1)]


def draw(page: Any, paths: list[list[tuple[float, float]]], size: float, at: tuple[float, float]) -> None:
    """Draw with the mouse; size and place are shares of the pad."""
    box = page.locator(".pad canvas").bounding_box()

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return tuple(box[side] + box["width"] * (at[i] + point[i] * size) for i, side in enumerate(("x", "y")))

    for path in paths:
        page.mouse.move(*place(path[0]))
        page.mouse.down()
        for point in path[1:] or path:
            page.mouse.move(*place(point))
        page.mouse.up()


def answer(page: Any) -> str:
    """Return the answer once every request has been answered."""
    page.locator(f"{TAB}[data-answer][data-pending='false']").wait_for()
    return page.locator(TAB).get_attribute("data-answer")


def set_brush(page: Any, width: int) -> None:
    page.get_by_label("Width of the brush").fill(str(width))


def png(digit: np.ndarray, size: int, at: tuple[int, int], dark: bool) -> dict[str, Any]:
    """Return a file of 300 x 300 pixels with the digit somewhere on it."""
    sheet = np.zeros((300, 300), np.uint8)
    sheet[at[1] : at[1] + size, at[0] : at[0] + size] = cv2.resize(digit, (size, size), interpolation=cv2.INTER_CUBIC)
    content = cv2.imencode(".png", 255 - sheet if dark else sheet)[1].tobytes()
    return {"name": "digit.png", "mimeType": "image/png", "buffer": content}


def test_drawn_digits_of_mnist_are_read_right_at_any_size_and_place_in_both_inks(pad: Any, mnist: Any) -> None:
    images, labels = mnist
    sizes = [(0.9, (0.05, 0.05), 22), (0.55, (0.02, 0.4), 14), (0.35, (0.6, 0.05), 9), (0.7, (0.28, 0.28), 18)]
    wrong = []
    for number in range(DIGITS):
        if number % (DIGITS // 2) == 0:
            pad.get_by_label("white" if number else "black", exact=True).check()
        size, at, width = sizes[number % len(sizes)]
        set_brush(pad, width)
        draw(pad, strokes(images[number]), size, at)
        said = answer(pad)
        if said != str(labels[number]):
            wrong.append(f"{number}: {labels[number]} taken for {said}")
        pad.get_by_role("button", name="Clear").click()
    print(f"\n{DIGITS - len(wrong)} of {DIGITS} drawn digits right; wrong: {wrong}")
    assert len(wrong) <= 2, wrong


def test_images_of_digits_are_read_right_at_any_size_and_place_in_both_inks(pad: Any, mnist: Any) -> None:
    images, labels = mnist
    places = [(280, (10, 10)), (140, (5, 150)), (84, (190, 20)), (200, (60, 90))]
    wrong = []
    for number in range(100, 100 + DIGITS):
        size, at = places[number % len(places)]
        pad.set_input_files("#draw-file", png(images[number], size, at, dark=number % 2 == 0))
        said = answer(pad)
        if said != str(labels[number]):
            wrong.append(f"{number}: {labels[number]} taken for {said}")
        pad.get_by_role("button", name="Clear").click()
    print(f"\n{DIGITS - len(wrong)} of {DIGITS} images right; wrong: {wrong}")
    assert len(wrong) <= 2, wrong


def test_thin_thick_tiny_and_huge_strokes_are_read_right(pad: Any) -> None:
    seven = [[(0.2, 0.2), (0.5, 0.2), (0.8, 0.2), (0.65, 0.5), (0.5, 0.8)]]
    one = [[(0.5, 0.1), (0.5, 0.4), (0.5, 0.9)]]
    for paths, wanted in ((seven, "7"), (one, "1")):
        for width, size, at in (
            (3, 0.9, (0.05, 0.05)),
            (45, 0.8, (0.1, 0.1)),
            (3, 0.12, (0.8, 0.1)),
            (20, 1.0, (0.0, 0.0)),
        ):
            set_brush(pad, width)
            draw(pad, paths, size, at)
            assert answer(pad) == wanted, (wanted, width, size)
            pad.get_by_role("button", name="Clear").click()


def test_a_stroke_is_answered_before_the_eye_notices(pad: Any, mnist: Any, record_property: Any) -> None:
    images, _ = mnist
    times = []
    for number in range(6):
        draw(pad, strokes(images[number]), 0.8, (0.1, 0.1))
        answer(pad)
        times.append(float(pad.locator(TAB).get_attribute("data-milliseconds")))
        pad.get_by_role("button", name="Clear").click()
    print(f"\na stroke's answer: {np.median(times):.0f} ms (median), {max(times):.0f} ms (longest)")
    record_property("stroke_ms", float(np.median(times)))
    assert np.median(times) < 1000  # a machine that is busy is no reason to fail; the figure is what counts


def test_undo_and_clear_take_strokes_back(pad: Any) -> None:
    undo, clear = pad.get_by_role("button", name="Undo"), pad.get_by_role("button", name="Clear")
    assert undo.is_disabled()
    draw(pad, [[(0.5, 0.1), (0.5, 0.5), (0.5, 0.9)]], 0.8, (0.1, 0.1))
    assert answer(pad) == "1"
    draw(pad, [[(0.1, 0.9), (0.5, 0.9), (0.9, 0.9)]], 0.8, (0.1, 0.1))
    undo.click()
    assert answer(pad) == "1"
    pad.keyboard.press("Control+z")
    pad.get_by_text("Draw here").wait_for()
    draw(pad, [[(0.5, 0.1), (0.5, 0.9), (0.5, 0.95)]], 0.8, (0.1, 0.1))
    answer(pad)
    clear.click()
    pad.locator(f"{TAB}:not([data-answer])").wait_for()
    assert clear.is_disabled()


NO_FRAMES = """(() => {
    const usual = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (then) => (window.waiting ? window.waiting.push(then) : usual(then));
})()"""
FRAME = "window.waiting.splice(0).forEach((then) => then(0))"


def test_an_answer_is_not_taken_for_that_to_newer_ink(new_page: Any, serve: Any, digits_run: Path) -> None:
    page = new_page()
    page.add_init_script(NO_FRAMES)
    page.goto(serve(digits_run))
    page.locator(".pad canvas").wait_for()
    panel = page.locator(TAB)
    held: list[Any] = []
    page.route("**/api/draw?*", lambda route: held.append(route))
    page.evaluate("window.waiting = []")  # from here on the screen shows a frame when it is told to
    draw(page, [[(0.5, 0.1), (0.5, 0.9)]], 0.8, (0.1, 0.1))
    with page.expect_request("**/api/draw?*"):
        page.evaluate(FRAME)
    draw(page, [[(0.1, 0.5), (0.9, 0.5)]], 0.8, (0.1, 0.1))
    held[0].continue_()
    for _ in range(600):
        if panel.get_attribute("data-answer"):
            break
        page.wait_for_timeout(100)
    assert panel.get_attribute("data-answer")
    assert panel.get_attribute("data-pending") == "true"
    page.unroute_all()
    page.evaluate(FRAME)
    page.evaluate("window.waiting = null")
    answer(page)


def test_the_film_the_bars_and_the_network_show_what_happened(pad: Any, mnist: Any) -> None:
    images, _ = mnist
    draw(pad, strokes(images[0]), 0.8, (0.1, 0.1))
    answer(pad)
    assert pad.locator(".film li").count() == 5
    assert pad.locator(".bars li").count() == 10
    assert pad.locator(".bars li.best").count() == 1
    assert pad.locator(".network .link").count() > 20
    assert pad.locator(".network .rim.best").count() == 1
    assert pad.locator(".network .cell:not([fill-opacity='0.00'])").count() > 20
    assert pad.locator(".network image").get_attribute("href").startswith("data:image/png")


def test_an_image_can_be_dropped_and_pasted(pad: Any, mnist: Any) -> None:
    images, labels = mnist
    content = list(png(images[1], 200, (50, 50), dark=True)["buffer"])
    give = """([content, kind]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], "digit.png", {type: "image/png"}));
        const event = kind === "paste"
            ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true})
            : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
        (kind === "paste" ? document.body : document.querySelector(".pad")).dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        pad.evaluate(give, [content, kind])
        assert answer(pad) == str(labels[1])
        assert pad.locator(".film li").count() == 6
        pad.get_by_role("button", name="Clear").click()


def test_a_photograph_is_taken_with_the_camera_at_the_back(pad: Any) -> None:
    assert pad.locator("#draw-camera").get_attribute("capture") == "environment"
    assert pad.locator("#draw-camera").get_attribute("accept") == "image/*"


def test_a_broken_image_is_told_in_a_sentence_and_drawing_goes_on(pad: Any, complaints: Any) -> None:
    complaints.wanted = ("422",)
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nnot really"}
    pad.set_input_files("#draw-file", broken)
    notice = pad.get_by_role("alert")
    notice.wait_for()
    assert "image" in notice.inner_text()
    assert complaints
    draw(pad, [[(0.5, 0.1), (0.5, 0.5), (0.5, 0.9)]], 0.8, (0.1, 0.1))
    assert answer(pad) == "1"


def test_fingers_draw_and_the_page_stays_where_it_is(new_page: Callable[..., Any], serve: Any, mnist_run: Path) -> None:
    page = new_page(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page.goto(serve(mnist_run))
    page.locator(".pad canvas").wait_for()
    box = page.locator(".pad canvas").bounding_box()
    touch = page.context.new_cdp_session(page)
    x = box["x"] + box["width"] / 2

    def send(kind: str, y: float | None) -> None:
        points = [] if y is None else [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", box["y"] + 30)
    for step in range(1, 20):
        send("touchMove", box["y"] + 30 + step * (box["height"] - 60) / 20)
    send("touchEnd", None)
    assert answer(page) == "1"
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_ink_and_brush_live_in_the_address(pad: Any, new_page: Callable[..., Any]) -> None:
    pad.get_by_label("white", exact=True).check()
    set_brush(pad, 31)
    assert pad.evaluate("location.hash") == "#draw?ink=white&brush=31"
    pad.reload()
    pad.locator(".pad canvas").wait_for()
    assert pad.get_by_label("white", exact=True).is_checked()
    assert pad.get_by_label("Width of the brush").input_value() == "31"
