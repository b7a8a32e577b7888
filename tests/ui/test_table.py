"""The form in a browser: made of the model's own columns, and the answer moves as values change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlp_data
import mlp_runtime
import mlp_train

TAB = "#panel-table"


@pytest.fixture
def form(page: Any, serve: Any, titanic_run: Path) -> Any:
    page.goto(serve(titanic_run))
    page.locator(f"{TAB}[data-answer]").wait_for()
    page.get_by_role("button", name="A row of the data").wait_for()
    return page


def row() -> dict[str, Any]:
    """A woman of the first class, as the form is filled below."""
    return {
        "Pclass": "1", "Name": "Mrs", "Sex": "female", "Age": 35, "SibSp": 0, "Parch": 0, "Ticket": "", "Fare": 80,
        "Cabin": "C", "Embarked": "S",
    }  # fmt: skip


def fill(form: Any) -> None:
    form.get_by_role("button", name="The usual row").click()
    form.get_by_label("Fare", exact=True).fill("80")
    form.get_by_label("Age", exact=True).fill("35")
    group = form.get_by_role("radiogroup", name="Pclass")
    group.get_by_role("radio").first.check()
    form.get_by_role("radiogroup", name="Sex").get_by_role("radio", name="female").check()
    form.get_by_role("group", name="words that the model knows in Name").get_by_role("button", name="Mrs").click()
    form.get_by_role("group", name="words that the model knows in Cabin").get_by_role(
        "button", name="C", exact=True
    ).click()


def answered(form: Any) -> None:
    """Wait until the answer to the newest row is there."""
    form.locator(f"{TAB}[data-answer][data-pending='false']").wait_for()


def shown(form: Any) -> str:
    """Return the share of the answer that the page shows."""
    answered(form)
    return form.locator(f"{TAB} .draw-says .best .amount").inner_text()


def test_the_answer_moves_with_every_value_and_is_the_model_s(form: Any, titanic_run: Path) -> None:
    model = mlp_runtime.load(titanic_run / "model.mlp")
    fill(form)
    woman = shown(form)
    assert form.locator(TAB).get_attribute("data-answer") == model.predict(row())
    assert woman.startswith(f"{max(model.predict_proba(row())) * 100:.0f}")
    form.get_by_role("radiogroup", name="Sex").get_by_role("radio", name="male", exact=False).first.check()
    assert shown(form) != woman


def test_a_slider_moves_the_number_and_the_answer(form: Any) -> None:
    fill(form)
    before = shown(form)
    form.get_by_label("Age, slider").fill("79")
    assert form.get_by_label("Age", exact=True).input_value() == "79"
    assert shown(form) != before


def test_a_cell_can_be_unknown(form: Any, titanic_run: Path) -> None:
    model = mlp_runtime.load(titanic_run / "model.mlp")
    fill(form)
    form.get_by_label("Age is unknown").check()
    share = max(model.predict_proba({**row(), "Age": None}))
    assert shown(form).startswith(f"{share * 100:.0f}")


def test_rows_of_the_data_come_with_what_was_true(form: Any) -> None:
    form.get_by_role("button", name="A row of the data").click()
    form.get_by_text("in the data: Survived = ").wait_for()
    names = form.get_by_label("Name", exact=True)
    first = names.input_value()
    form.get_by_role("button", name="A row of the data").click()
    assert names.input_value() != first


def test_every_column_shows_its_influence(form: Any) -> None:
    fill(form)
    answered(form)
    assert form.locator(".bars.signed li").count() == 10
    said = form.locator(".bars.signed li").first.inner_text()
    assert "Sex" in said or "Name" in said or "Cabin" in said or "Pclass" in said


def test_the_row_lives_in_the_address(form: Any) -> None:
    fill(form)
    assert "c.Age=35" in form.evaluate("location.hash")
    form.reload()
    form.locator(f"{TAB}[data-answer]").wait_for()
    assert form.get_by_label("Age", exact=True).input_value() == "35"
    assert form.get_by_role("radio", name="female").is_checked()


def test_numbers_and_labels_have_a_form_too(page: Any, serve: Any, tmp_path: Path) -> None:
    columns = {"size": [at % 17 * 1.5 for at in range(60)], "colour": ["red", "blue", "green"] * 20}
    prices = [at % 17 * 15.0 for at in range(60)]
    numbers = tmp_path / "price.mlp"
    mlp_train.fit(mlp_data.from_arrays(columns, prices), epochs=5, seed=1).save(numbers)
    labels = tmp_path / "labels.mlp"
    x = [[float(at % 3 - 1), float(at % 5 - 2)] for at in range(60)]
    y = [[int(a > 0), int(b > 0)] for a, b in x]
    mlp_train.fit(mlp_data.from_arrays(x, y, classes=("p", "q"), task="multi-label"), epochs=5, seed=1).save(labels)
    for path in (numbers, labels):
        page.goto(serve(path))
        page.locator(f"{TAB}[data-answer]").wait_for()
        page.get_by_role("slider").first.fill("1")
        answered(page)
        assert page.locator(".draw-says .bars li").count() == (1 if path is numbers else 2)
        assert page.locator(".bars.signed li").count() == 2
