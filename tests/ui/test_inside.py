"""Look inside in a browser: the map, a unit that is switched off and on again, the threshold, and the file to save."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_runtime
from mlp_train.evaluation import evaluate

TAB = "#panel-inside"
NOW = ".inside-effect .effect-now"


def look(page: Any, address: str, end: str = "") -> Any:
    """Open the tab and wait until its map is laid out."""
    page.goto(address)
    page.get_by_role("tab", name="Look inside").click()
    page.locator(f"{TAB} .inside-map[data-shown]").wait_for()
    if end:
        page.evaluate("end => { location.hash = end }", f"#inside?{end}")
        page.reload()
        page.locator(f"{TAB} .inside-map[data-shown]").wait_for()
    page.locator(f"{TAB}[data-row]").wait_for()
    return page


@pytest.fixture
def inside(page: Any, serve: Any, digits_run: Path) -> Any:
    return look(page, serve(digits_run))


def shown(page: Any) -> str:
    """Return what the network is worth, as the page says it once it has asked."""
    page.wait_for_function(
        """() => document.querySelector("#panel-inside").dataset.scored ===
                 (new URLSearchParams(location.hash.split("?")[1]).get("edits") ?? "")"""
    )
    return page.locator(NOW).inner_text()


def slide(page: Any, label: str, value: float) -> None:
    """Move a slider as the keyboard or a finger would: its value changes and the page hears of it."""
    page.get_by_role("slider", name=label, exact=True).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def test_the_accuracy_is_the_one_that_evaluate_gives(inside: Any, digits_run: Path) -> None:
    model = mlp_runtime.load(digits_run / "model.mlp")
    accuracy = evaluate(model, mlp_data.load("digits")).metrics["accuracy"]
    assert shown(inside) == f"{accuracy * 100:.2f} %"


def test_units_switched_off_change_the_accuracy_and_undo_brings_it_back(inside: Any) -> None:
    before = shown(inside)
    inside.get_by_label("Layer", exact=True).select_option("2")
    off = inside.get_by_role("button", name="Switch off", exact=True)
    on = inside.get_by_role("button", name="Switch on again")
    inside.locator(".unit-parts h3", has_text="of layer 2").wait_for()
    for _ in range(3):
        busiest = inside.locator(".unit-busiest button").first
        name = busiest.inner_text().partition(":")[0].capitalize()
        busiest.click()
        inside.locator(".unit-parts h3", has_text=f"{name} of layer 2").wait_for()
        off.click()
        on.wait_for()
        inside.locator(".unit-busiest button[aria-pressed=true]").wait_for(state="detached")  # it is excited no more
    after = shown(inside)
    assert inside.locator(".effect-list li").count() == 3
    assert after != before
    assert f"{before} → {after}" == inside.locator(".unit-effect").inner_text().replace("\n", " ")
    assert "before " + before in inside.locator(".effect-before").inner_text()
    for _ in range(3):
        inside.get_by_role("button", name="Undo", exact=True).click()
    assert shown(inside) == before
    assert inside.get_by_role("button", name="Undo", exact=True).is_disabled()


def test_a_click_on_a_neuron_of_the_picture_shows_that_unit(inside: Any) -> None:
    inside.locator(".inside-unit .network .cell").nth(40).click()
    inside.locator(".unit-parts h3", has_text=re.compile("^Unit 40 of layer 1$")).wait_for()
    assert re.match(
        r"z = -?[\d.e-]+ [+−] [\d.e-]+ = -?[\d.e-]+\na = relu\(z\) = ", inside.locator(".unit-sum").inner_text()
    )
    assert inside.locator(".unit-parts canvas[aria-label*='the weights of unit 40']").is_visible()


def test_pruning_goes_and_comes_back_with_one_slider_and_stays_in_the_address(inside: Any) -> None:
    before = shown(inside)
    slide(inside, "Prune the smallest weights", 0.97)
    assert float(shown(inside).split()[0]) < float(before.split()[0]) - 5
    slide(inside, "Prune the smallest weights", 0.5)
    half = shown(inside)
    assert inside.locator(".effect-list li").all_inner_texts() == ["set the smallest 50 % of the weights to 0"]
    inside.reload()
    inside.locator(f"{TAB} .inside-map[data-shown]").wait_for()
    assert shown(inside) == half
    slide(inside, "Prune the smallest weights", 0)
    assert shown(inside) == before


def test_a_point_of_the_map_shows_its_image_and_a_click_chooses_it(inside: Any) -> None:
    canvas = inside.locator(".map-canvas")
    box = canvas.bounding_box()
    tip = inside.locator(".map-tip")
    for x in np.linspace(0.3, 0.7, 40):
        inside.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * 0.5)
        if tip.is_visible():
            break
    preview = inside.locator(".map-preview[data-at]")
    preview.wait_for()
    assert preview.locator("canvas").is_visible()
    at = preview.get_attribute("data-at")
    inside.mouse.down()
    inside.mouse.up()
    inside.locator(f"{TAB}[data-row='{at}']").wait_for()
    assert f"row={at}" in inside.evaluate("location.hash")


def test_the_map_can_be_walked_with_the_keyboard(inside: Any) -> None:
    canvas = inside.locator(".map-canvas")
    canvas.focus()
    row = inside.locator(TAB).get_attribute("data-row")
    for key in ("ArrowRight", "ArrowUp", "+", "ArrowLeft", "Enter"):
        canvas.press(key)
    inside.locator(f"{TAB}[data-row]:not([data-row='{row}'])").wait_for()


def test_thousands_of_points_are_drawn_within_a_frame_or_two(page: Any, serve: Any, mnist_run: Path) -> None:
    look(page, serve(mnist_run))
    took = page.evaluate(
        """async () => {
          const begun = performance.now();
          for (let turn = 0; turn < 10; turn += 1) {
            document.querySelector('[aria-label="Zoom in"]').click();
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          }
          return (performance.now() - begun) / 10;
        }"""
    )
    assert "4,000 test rows" in page.locator(".inside-map").inner_text()
    print(f"a zoom of 4,000 points took {took:.0f} ms, two frames of the screen included")


def test_layers_further_on_draw_classes_apart(inside: Any) -> None:
    inside.get_by_label("As seen by").select_option("3")
    inside.locator(".inside-map[data-shown='pca 3']").wait_for()
    assert "layer 3 says" in inside.locator(".inside-map").inner_text()


def test_the_threshold_says_how_many_would_be_answered_and_how_many_right(inside: Any, digits_run: Path) -> None:
    inside.locator(".inside-threshold[data-answered]").wait_for()
    slide(inside, "Answer only if at least so sure", 0.9)
    data = mlp_data.load("digits")
    model = mlp_runtime.load(digits_run / "model.mlp")
    test = data.splits["test"]
    shares = model.predict_proba(test.x)
    sure = shares.max(axis=1) >= 0.9
    right = shares.argmax(axis=1) == test.y
    says = inside.locator(".threshold-says").inner_text().replace(",", "")
    assert f"answer {sure.sum()} of {len(test)} test rows" in says
    assert f"and {(sure & right).sum()} of those are right" in says


def test_the_curves_draw_both_networks_once_something_is_changed(inside: Any) -> None:
    inside.locator(".inside-curves").scroll_into_view_if_needed()
    inside.locator(".inside-curves[data-shown='one']").wait_for()
    slide(inside, "Prune the smallest weights", 0.9)
    inside.locator(".inside-curves[data-shown='both']").wait_for()
    assert inside.locator(".inside-curves .curve-place").count() == 4
    drawings = inside.locator(".curve-place svg[role='img']").all()
    assert [drawing.get_attribute("aria-label").count("from") for drawing in drawings] == [2, 2, 2, 2]


def test_the_edited_network_is_saved_as_a_model_of_its_own(inside: Any, tmp_path: Path) -> None:
    slide(inside, "Prune the smallest weights", 0.9)
    said = shown(inside)
    with inside.expect_download() as waiting:
        inside.get_by_role("button", name="Save as a new model").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    model = mlp_runtime.load(path)
    assert path.name == "digits-edited.mlp"
    assert model.meta["edits"] == ["set the smallest 90 % of the weights to 0"]
    assert said == f"{evaluate(model, mlp_data.load('digits')).metrics['accuracy'] * 100:.2f} %"


def test_the_edited_network_can_be_put_on_the_workbench(page: Any, start: Any, digits_run: Path) -> None:
    look(page, start(digits_run)[0])
    slide(page, "Prune the smallest weights", 0.95)
    said = shown(page)
    page.get_by_role("button", name="Put on the workbench").click()
    page.locator("#opened", has_text="digits edited").wait_for()
    page.locator(f"{TAB} .inside-map[data-shown]").wait_for()
    assert shown(page) == said
    assert page.locator(".effect-list").inner_text().startswith("Nothing is changed yet")


def test_a_table_shows_rows_and_bars_by_column(page: Any, serve: Any, titanic_run: Path) -> None:
    look(page, serve(titanic_run))
    assert "held-out rows" in page.locator(".inside-effect").inner_text()
    assert page.locator(".sample-cells dt", has_text="Sex").is_visible()
    assert page.locator(".inside-curves .curve-place").count() == 2
    page.locator(".unit-parts .bars li").first.wait_for()
    page.get_by_role("button", name="Next mistake").click()
    page.locator(".inside-sample .chip.wrong").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_people_with_impairments_can_use_it(
    new_page: Any, serve: Any, axe: Any, digits_run: Path, scheme: str, width: int
) -> None:
    page = look(
        new_page(color_scheme=scheme, viewport={"width": width, "height": 844}), serve(digits_run), "edits=off_1_3"
    )
    page.locator(".inside-curves").scroll_into_view_if_needed()
    page.locator(".inside-curves[data-shown='both']").wait_for()
    page.locator(".unit-effect:not(:empty)").wait_for()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_model_without_its_data_says_how_to_bring_them(
    page: Any, serve: Any, digits_run: Path, tmp_path: Path, complaints: Any
) -> None:
    complaints.wanted = ("422",)
    alone = tmp_path / "alone.mlp"
    alone.write_bytes((digits_run / "model.mlp").read_bytes())
    page.goto(serve(alone))
    page.get_by_role("tab", name="Look inside").click()
    page.get_by_text("There is nothing to look at yet").wait_for()
    assert "start `mlp-train ui RUN`" in page.locator(TAB).inner_text()
