"""The requests of the form: its fields and answers are the model's own, and influence is a difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_train
from mlp_runtime import Model

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from mlp_train.ui.server import app
from mlp_train.ui.state import Opened, Workbench
from mlp_train.ui.tables import POINTS, answer_row, fields
from mlp_train.ui.thinking import outputs

HEADERS = {"x-mlp-token": "token"}
JACK = {
    "Pclass": 3, "Name": "Dawson, Mr. Jack", "Sex": "male", "Age": 20, "SibSp": 0, "Parch": 0, "Ticket": "A/5 1",
    "Fare": 7.5, "Cabin": "", "Embarked": "S",
}  # fmt: skip


@pytest.fixture(scope="module")
def titanic() -> Model:
    return mlp_train.fit(mlp_data.load("titanic"), epochs=10, seed=1).model


@pytest.fixture(scope="module")
def client(titanic: Model) -> TestClient:
    return client_of(titanic, source="titanic")


def client_of(model: Model, **opened: Any) -> TestClient:
    return TestClient(
        app(Workbench(Opened("m", model, **opened)), "token"), base_url="http://127.0.0.1", headers=HEADERS
    )


def table(answers: Any, **said: Any) -> Model:
    """Train a moment on a small table with a number, a category, a yes or no and a date."""
    n = len(answers)
    columns = {
        "size": [at % 17 * 1.5 if at % 5 else None for at in range(n)],
        "colour": ["red", "blue", "green"][:3] * (n // 3),
        "paid": ["yes", "no"] * (n // 2),
        "when": [f"2024-{at % 12 + 1:02}-{at % 28 + 1:02}" for at in range(n)],
    }
    return mlp_train.fit(mlp_data.from_arrays(columns, answers), epochs=2, seed=1, **said).model


def test_the_form_has_a_field_for_every_column_that_the_model_reads(titanic: Model) -> None:
    form = {field["name"]: field for field in fields(titanic)}
    assert list(form) == list(JACK)
    assert form["Sex"]["kind"] == "choice"
    assert set(form["Sex"]["values"]) == {"male", "female"}
    assert form["Age"]["kind"] == "number"
    assert form["Age"]["low"] <= 20 <= form["Age"]["high"]
    assert form["Age"]["usual"] == pytest.approx(28, abs=2)
    assert form["Name"]["kind"] == "text"
    assert "Mrs" in form["Name"]["words"]
    assert form["Pclass"]["kind"] == "choice"


def test_the_usual_row_is_one_that_the_model_takes(titanic: Model) -> None:
    answer_row(titanic, {field["name"]: field["usual"] for field in fields(titanic)})


def test_the_answer_is_the_model_s_own(client: TestClient, titanic: Model) -> None:
    answer = client.post("/api/table", json={"row": JACK}).json()
    assert answer["answer"] == titanic.predict(JACK)
    assert [item["value"] for item in answer["items"]] == pytest.approx(titanic.predict_proba(JACK).tolist(), abs=1e-6)


def test_influence_is_the_difference_that_not_knowing_a_cell_makes(client: TestClient, titanic: Model) -> None:
    answer = client.post("/api/table", json={"row": JACK}).json()
    best = titanic.classes.index(answer["answer"])
    for name, change in answer["influence"].items():
        without = titanic.predict_proba({**JACK, name: None})[best]
        assert change == pytest.approx(float(titanic.predict_proba(JACK)[best] - without), abs=1e-5)
    assert abs(answer["influence"]["Sex"]) > 0.01


def test_a_cell_that_is_unknown_already_has_no_influence(client: TestClient) -> None:
    answer = client.post("/api/table", json={"row": {**JACK, "Age": None}}).json()
    assert answer["influence"]["Age"] == pytest.approx(0, abs=1e-6)


def test_the_curve_of_a_number_is_what_the_answer_would_be_there(client: TestClient, titanic: Model) -> None:
    answer = client.post("/api/table", json={"row": JACK, "ranges": {"Age": [0, 80]}}).json()
    best = titanic.classes.index(answer["answer"])
    assert len(answer["curves"]["Age"]) == POINTS
    for value, age in zip(answer["curves"]["Age"], np.linspace(0, 80, POINTS), strict=True):
        assert value == pytest.approx(float(titanic.predict_proba({**JACK, "Age": age})[best]), abs=1e-5)
    assert len(answer["curves"]["Sex"]) == 2
    assert "Name" not in answer["curves"]


def test_the_data_lend_their_ranges_and_rows(client: TestClient) -> None:
    known = client.get("/api/table/data").json()
    assert known["ranges"]["Fare"] == pytest.approx([0, 512.3292, False])
    assert known["ranges"]["SibSp"] == [0, 8, True]
    assert set(JACK) == set(known["rows"][0]["cells"])
    assert known["rows"][0]["truth"] in ("0", "1")


def test_without_the_data_the_form_still_works(titanic: Model) -> None:
    alone = client_of(titanic)
    assert alone.get("/api/table/data").json() == {"ranges": {}, "rows": [], "split": None}
    assert alone.post("/api/table", json={"row": JACK}).status_code == 200


WRONG = [
    b"", b"{", b"[]", b"3", b'{"row": 3}', b'{"row": {"Age": [1]}}', b'{"row": {}}', b"[" * 100_000,
    b'{"row": {"Fare": 1' + b"0" * 400 + b"}}", b'{"row": {}, "ranges": {"Age": [1]}}',
    b'{"row": {}, "ranges": {"Age": [0, 1e999]}}', b'{"row": {}, "ranges": 5}',
]  # fmt: skip


@pytest.mark.parametrize("content", WRONG)
def test_what_is_no_row_is_refused_in_a_sentence(client: TestClient, content: bytes) -> None:
    refused = client.post("/api/table", content=content)
    assert refused.status_code == 422
    assert len(refused.json()["error"]) > 20


def test_a_cell_that_cannot_be_read_is_named(client: TestClient) -> None:
    refused = client.post("/api/table", json={"row": {**JACK, "Age": "old"}})
    assert refused.status_code == 422
    assert "Age" in refused.json()["error"]


def test_dates_choices_and_yes_or_no_have_fields_of_their_own() -> None:
    model = table(["a", "b", "c"] * 20)
    kinds = {field["name"]: field["kind"] for field in fields(model)}
    assert kinds["size"] == "number"
    assert kinds["colour"] == "choice"
    assert kinds["paid"] == "choice"
    assert kinds["when"] == "date"
    row = {"size": 3, "colour": "red", "paid": "no", "when": "2024-02-29"}
    assert answer_row(model, row)["answer"] == model.predict(row)


def test_a_model_of_numbers_says_them_in_the_data_s_own_units() -> None:
    model = table([at * 10.0 for at in range(60)])
    row = {"size": 30, "colour": "red", "paid": "no", "when": "2024-02-29"}
    answer = answer_row(model, row)
    assert answer["kind"] == "numbers"
    assert answer["items"][0]["value"] == pytest.approx(model.predict(row), rel=1e-5)
    assert answer["value"] == pytest.approx(model.predict(row), rel=1e-5)
    without = model.predict({**row, "size": None})
    assert answer["influence"]["size"] == pytest.approx(model.predict(row) - without, rel=1e-3, abs=1e-3)


def test_a_model_of_labels_says_which_hold() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    y = (x > 0).astype(int)
    model = mlp_train.fit(mlp_data.from_arrays(x, y, classes=("p", "q", "r")), epochs=5, seed=1).model
    assert model.output_kind == "labels"
    names = [field["name"] for field in fields(model)]
    answer = answer_row(model, dict(zip(names, [2.0, -2.0, 2.0], strict=True)))
    held = model.predict(np.array([2.0, -2.0, 2.0]))
    assert tuple(item["label"] for item in answer["items"] if item["holds"]) == held


def test_a_vector_has_a_field_for_every_number_and_the_mean_stands_for_unknown() -> None:
    model = mlp_train.fit([[0.0, 5.0], [1.0, 9.0], [2.0, 7.0]], ["no", "yes", "no"], epochs=3, seed=1).model
    form = fields(model)
    assert [field["kind"] for field in form] == ["number", "number"]
    row = {form[0]["name"]: 1.0, form[1]["name"]: form[1]["unknown"]}
    answer = answer_row(model, row)
    assert answer["answer"] == model.predict([1.0, form[1]["unknown"]])
    assert answer["influence"][form[1]["name"]] == pytest.approx(0, abs=1e-6)
    refused = client_of(model).post("/api/table", json={"row": {form[0]["name"]: 1}})
    assert "not complete" in refused.json()["error"]


def test_a_form_for_an_image_model_is_refused_in_a_sentence() -> None:
    images = mlp_data.from_arrays(np.zeros((4, 3, 3), np.uint8), ["a", "b"] * 2)
    refused = client_of(mlp_train.fit(images, epochs=1, seed=1).model).get("/api/table")
    assert refused.status_code == 422
    assert "takes no rows" in refused.json()["error"]


def test_a_number_beyond_all_numbers_is_refused_for_a_vector_too() -> None:
    vector = client_of(mlp_train.fit([[0.0], [1.0]], ["no", "yes"], epochs=1, seed=1).model)
    refused = vector.post("/api/table", content=b'{"row": {"x1": 1' + b"0" * 400 + b"}}")
    assert refused.status_code == 422
    assert "a number for each of x1" in refused.json()["error"]


def test_the_ends_of_a_range_may_be_whole_numbers_of_any_length(client: TestClient) -> None:
    answered = client.post("/api/table", json={"row": JACK, "ranges": {"Age": [0, 2**64]}})
    assert answered.status_code == 200
    assert len(answered.json()["curves"]["Age"]) == POINTS


def test_cells_that_the_model_does_not_read_are_not_copied_with_its_own(
    titanic: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("mlp_train.ui.tables.outputs", lambda model, rows: asked.extend(rows) or outputs(model, rows))
    answer_row(titanic, {**JACK, **{f"more{at}": at for at in range(1000)}})
    assert len(asked) > 100
    assert all(row.keys() == JACK.keys() for row in asked)
