"""Step in the browser: a whole pass with every shown number compared, the keyboard, and broken gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")

from mlp_train.backward import Trace, backward
from mlp_train.losses import LOSSES, output_gradient
from mlp_train.network import ForwardPass, Gradient
from mlp_train.ui.problems import small


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    """The page with nothing open: the small networks are always there."""
    return serve()


def at(page: Any, address: str, settings: str = "") -> Any:
    """Open Step with these settings and wait for its numbers."""
    page.goto(address)
    page.locator(".tabs button").first.wait_for()
    go = "hash => { location.hash = hash; dispatchEvent(new HashChangeEvent('hashchange')); }"
    page.evaluate(go, f"step?{settings}")  # at once, before the tab that is shown writes its own address
    settled(page)
    return page


def settled(page: Any, key: str | None = None) -> None:
    """Wait until the stage (with this key) and its chosen cell are shown."""
    page.wait_for_function(
        """key => { const panel = document.querySelector('#panel-step');
        const { stage, cell } = panel?.dataset ?? {};
        return cell?.startsWith(stage + ' ') && (!key || stage === key); }""",
        arg=key,
    )


def number(text: str) -> float:
    return float(text.replace("−", "-").strip("()"))


def shown_as(text: str, value: float) -> bool:
    """Say whether the text is the value as far as its own figures go."""
    if "e" in text:
        return number(text) == pytest.approx(value, rel=6e-3, abs=0)
    return abs(number(text) - value) <= 5.1e-5


def expected(name: str, activation: str, rows: list[int]) -> dict[str, np.ndarray]:
    """Return every number of one pass as the trainer computes it, by its name on the page."""
    problem = small(name, activation)
    x, y, _ = problem.rows(rows)
    network = problem.network
    forward, gradient, trace = ForwardPass(network, len(x), keep_last_z=True), Gradient(network.layers, float), Trace()
    network.forward(x, forward)
    backward(network, forward, output_gradient(LOSSES["cross-entropy"], network, forward, y), gradient, trace)
    known: dict[str, np.ndarray] = {"y": y, "L": -np.log(forward.a[-1][y == 1])[:, None], "a[0]": x}
    for i in range(len(network.layers)):
        known |= {
            f"a[{i + 1}]": forward.a[i + 1],
            f"weight[{i}]": network.weights[i],
            f"bias[{i}]": network.biases[i][None],
        }
        known |= {f"z[{i}]": forward.a[i] @ network.weights[i] + network.biases[i], f"d_z[{i}]": trace.d_z[i]}
        known |= {f"d_weight[{i}]": gradient.weights[i], f"d_bias[{i}]": gradient.biases[i][None]}
        if i in trace.d_a:
            known[f"d_a[{i + 1}]"] = trace.d_a[i]
            known[f"activation'(z[{i}])"] = trace.d_z[i] / trace.d_a[i]
    known |= {f"{key}.T": value.T for key, value in known.items() if key.startswith(("a[", "weight"))}
    return known


READ = """() => [...document.querySelectorAll('.equation .matrix-view')].map(view => ({
  title: view.querySelector('figcaption code').textContent,
  cells: [...view.querySelectorAll('td[data-row]')].map(td => ({ row: +td.dataset.row, column: +td.dataset.column,
    value: +td.dataset.value, text: td.textContent })) }))"""


@pytest.mark.parametrize(("network", "batch"), [("xor", 1), ("xor", 4), ("deep", 4), ("digits", 1)])
def test_a_whole_pass_shows_the_trainers_own_numbers(page: Any, address: str, network: str, batch: int) -> None:
    at(page, address, f"network={network}&activation=sigmoid&batch={batch}")
    known = expected(network, "sigmoid", list(range(batch)))
    stages = page.locator(".stage").count()
    compared, seen = 0, []
    for step in range(stages):
        settled(page)
        assert page.locator(".step-count").inner_text() == f"{step + 1} of {stages}"
        stage = page.locator("#panel-step").get_attribute("data-stage")
        seen.append(stage)
        for matrix in page.evaluate(READ):
            wanted = known["L" if matrix["title"] == "loss of each sample" else matrix["title"]]
            for cell in matrix["cells"]:
                value = wanted[cell["row"], cell["column"]]
                assert cell["value"] == pytest.approx(value, rel=1e-9, abs=1e-15), (stage, matrix["title"], cell)
                assert shown_as(cell["text"], value), (stage, matrix["title"], cell)
                compared += 1
        said, slope = page.locator("[data-said]"), page.locator("[data-slope]")
        if stage.startswith("d_"):
            assert float(slope.get_attribute("data-slope")) == pytest.approx(
                float(said.get_attribute("data-said")), rel=1e-6, abs=1e-11
            )
            assert page.locator(".compare .chip").inner_text() == "they agree"
        if step + 1 < stages:
            page.get_by_role("button", name="next →").click()
            page.wait_for_function("was => document.querySelector('#panel-step').dataset.stage !== was", arg=stage)
    assert seen[0] == "z[0]"
    assert seen[-2:] == ["d_weight[0]", "d_bias[0]"]
    assert len(set(seen)) == stages == 6 * sum(key.startswith("d_z") for key in known)
    assert compared > 60


def test_the_arrow_keys_walk_through_the_stages_and_through_a_matrix(page: Any, address: str) -> None:
    at(page, address, "network=xor")
    page.keyboard.press("ArrowRight")
    settled(page, "a[1]")
    page.keyboard.press("ArrowLeft")
    settled(page, "z[0]")
    page.locator(".result td.chosen button").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#panel-step').dataset.cell === 'z[0] 0 1'")
    assert page.evaluate("document.activeElement.closest('td')?.dataset.column") == "1"
    assert page.locator(".cell-name").inner_text() == "z[0][0, 1]"


def test_the_operands_of_the_chosen_cell_are_pointed_out(page: Any, address: str) -> None:
    at(page, address, "network=xor&batch=4&stage=2")
    page.get_by_role("button", name="z[1], row 2, column 1").click()
    page.wait_for_function("() => document.querySelector('#panel-step').dataset.cell === 'z[1] 2 1'")
    used = page.evaluate(
        """() => [...document.querySelectorAll('.signed-term .matrix-view')].map(view =>
        [...view.querySelectorAll('td.used')].map(td => td.dataset.row + td.dataset.column).join(' '))"""
    )
    assert used == ["20 21 22", "01 11 21", "01"]
    parts = [number(text) for text in page.locator(".cell-formula .part").all_inner_texts()]
    sum_of_products = sum(a * b for a, b in zip(parts[0:6:2], parts[1:6:2], strict=True)) + parts[6]
    assert sum_of_products == pytest.approx(number(page.locator(".cell-formula strong").inner_text()), abs=4e-4)


@pytest.mark.parametrize(
    ("mistake", "right", "wrong", "verdicts"),
    [
        ("Missing transpose", "Those of layer 0", "All of them", ["wrong", "wrong", "agrees", "agrees"]),
        ("Wrong sign", "2 in every layer", "1 in every layer", ["wrong"] * 4),
        ("Missing 1/batch", "0.75 in every layer", "Nothing: a gradient", ["wrong"] * 4),
        ("Hybrid sigmoid", "Layer 1 agrees", "No layer agrees", ["surrogate, on purpose"] * 2 + ["agrees"] * 2),
    ],
)
def test_a_broken_gradient_is_predicted_and_then_caught(
    page: Any, address: str, mistake: str, right: str, wrong: str, verdicts: list[str]
) -> None:
    at(page, address, "network=xor&batch=4&stage=11")
    page.get_by_label(mistake).check()
    page.locator(".quiz").wait_for()
    assert page.locator(".checked").count() == 0  # nothing is given away before the prediction
    page.get_by_label(wrong).check()
    page.get_by_role("button", name="That is what I expect").click()
    page.locator(".checked").wait_for()
    assert page.locator(".checked tbody .chip").all_inner_texts() == verdicts
    assert page.locator(".choice.is-right").inner_text().startswith(right)
    assert page.locator(".why-text").count() == 4
    assert "Not what happens" in page.locator(".verdict").inner_text()
    page.get_by_label("the right gradient").check()
    page.get_by_role("button", name="Check the gradient").click()
    page.locator(".checked").wait_for()
    assert page.locator(".checked tbody .chip").all_inner_texts() == ["agrees"] * 4


def test_the_slope_of_a_cell_is_not_shown_before_the_prediction(page: Any, address: str) -> None:
    at(page, address, "network=xor&batch=4&stage=5&mistake=sign")
    assert page.locator(".compare").count() == 0
    page.get_by_label("2 in every layer").check()
    page.get_by_role("button", name="That is what I expect").click()
    page.locator(".compare .chip.wrong").wait_for()
    assert page.locator(".compare [data-error]").inner_text().startswith("2 ")
    assert "Your prediction was right" in page.locator(".verdict").inner_text()


def test_a_step_downhill_makes_the_loss_fall_and_a_wrong_sign_makes_it_rise(page: Any, address: str) -> None:
    at(page, address, "network=xor&batch=4")
    page.get_by_role("button", name="take the step", exact=True).click()
    page.locator(".loss-step .chip.right").wait_for()
    before, after = (page.locator(f"[data-{word}]").get_attribute(f"data-{word}") for word in ("before", "after"))
    assert float(after) < float(before)
    page.wait_for_function("was => document.querySelector('[data-loss]').dataset.loss === was", arg=after)
    page.get_by_label("Wrong sign").check()
    page.locator(".quiz").wait_for()
    page.get_by_role("button", name="take the step", exact=True).click()
    page.locator(".loss-step .chip.wrong").wait_for()
    page.get_by_role("button", name="start again").click()
    page.wait_for_function("was => document.querySelector('[data-loss]').dataset.loss === was", arg=before)


def test_the_open_model_and_what_was_drawn_can_be_walked_through(
    page: Any, serve: Callable[..., str], digits_run: Path
) -> None:
    page.goto(serve(digits_run))
    pad = page.locator("canvas").first
    pad.wait_for()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8, steps=8)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#panel-draw').dataset.answer")
    page.get_by_role("tab", name="Step").click()
    settled(page)
    page.get_by_role("button", name="what I drew").click()
    page.get_by_role("combobox", name="it should be").select_option("1")
    page.wait_for_function("() => document.querySelector('.step-answer strong')?.textContent === '1'")
    settled(page)
    assert page.locator(".equation canvas").count() >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("settings", ["network=deep&batch=4&stage=9&mistake=transpose", "network=digits&stage=10"])
def test_nobody_is_shut_out_of_step(
    page: Any, address: str, axe: Callable[[Any], list[str]], scheme: str, settings: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    at(page, address, settings)
    assert axe(page) == []


@pytest.mark.parametrize("settings", ["network=deep&batch=4&stage=12&mistake=sign", "network=digits&stage=0&batch=4"])
def test_a_phone_shows_it_without_scrolling_the_page_sideways(
    new_page: Callable[..., Any], address: str, settings: str
) -> None:
    phone = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    at(phone, address, settings)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
