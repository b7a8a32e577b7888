"""The requests of Draw: however a digit is drawn, the network sees it as in training, and the page sees the way."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_train
from mlp_runtime import Model

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

import cv2
from starlette.testclient import TestClient

from mlp_train.ui.drawing import answer_drawing, answer_photo
from mlp_train.ui.server import app
from mlp_train.ui.state import Opened, Workbench

SIDE = 280
HEADERS = {"x-mlp-token": "token"}


@pytest.fixture(scope="module")
def digits() -> mlp_data.Dataset:
    return mlp_data.load("digits")


@pytest.fixture(scope="module")
def model(digits: mlp_data.Dataset) -> Model:
    # distorted, so that it knows every digit here at every size, and no rounding of another processor decides
    return mlp_train.fit(digits, epochs=6, augment="light", seed=1).model


@pytest.fixture(scope="module")
def client(model: Model) -> TestClient:
    return TestClient(app(Workbench(Opened("digits", model)), "token"), base_url="http://127.0.0.1", headers=HEADERS)


def paper(digit: np.ndarray, size: int = 140, at: tuple[int, int] = (70, 70), dark: bool = False) -> np.ndarray:
    """Put a digit of the data, light on black, on a sheet of the pad's size."""
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    y, x = at
    sheet[y : y + size, x : x + size] = cv2.resize(digit, (size, size), interpolation=cv2.INTER_CUBIC)
    return 255 - sheet if dark else sheet


def post(client: TestClient, sheet: np.ndarray) -> Any:
    height, width = sheet.shape
    return client.post(f"/api/draw?width={width}&height={height}", content=sheet.tobytes()).json()


def picture(answer: dict[str, Any], name: str) -> np.ndarray:
    """Return a step of the preparation as the page gets it."""
    stage = next(stage for stage in answer["stages"] if stage["name"] == name)
    pixels = np.frombuffer(base64.b64decode(stage["pixels"]), np.uint8)
    return pixels.reshape(stage["height"], stage["width"], stage["channels"])


def split_of(dataset: mlp_data.Dataset) -> tuple[Any, Any]:
    split = dataset.splits["test" if "test" in dataset.splits else "train"]
    return split.x, split.y


def test_a_drawing_is_answered_as_the_model_itself_answers(client: TestClient, model: Model, digits: Any) -> None:
    frames, _ = split_of(digits)
    for frame in frames[:20]:
        sheet = paper(frame)
        answer = post(client, sheet)
        assert answer["answer"] == model.predict(sheet)
        told = [item["value"] for item in answer["items"]]
        assert told == pytest.approx(model.predict_proba(sheet).tolist(), abs=1e-6)


@pytest.mark.parametrize("at", [(0, 0), (0, 140), (140, 0), (140, 140), (3, 77)])
@pytest.mark.parametrize("dark", [False, True])
def test_where_it_stands_and_in_which_ink_changes_nothing(
    model: Model, digits: Any, at: tuple[int, int], dark: bool
) -> None:
    frames, _ = split_of(digits)
    middle = answer_drawing(model, paper(frames[3]))
    moved = answer_drawing(model, paper(frames[3], at=at, dark=dark))
    assert np.array_equal(picture(moved, "network"), picture(middle, "network"))
    assert moved["items"] == middle["items"]


@pytest.mark.parametrize("size", [28, 40, 90, 200, 280])
def test_tiny_and_huge_drawings_are_answered_right(model: Model, digits: Any, size: int) -> None:
    frames, answers = digits.splits["train"].x[:40], digits.splits["train"].y[:40]
    given = [answer_drawing(model, paper(frame, size, (0, 0)))["answer"] for frame in frames]
    assert np.mean([said == digits.classes[y] for said, y in zip(given, answers, strict=True)]) >= 0.95


@pytest.mark.parametrize("width", [3, 8, 20, 45])
def test_thin_and_thick_strokes_give_the_same_one(model: Model, width: int) -> None:
    sheet = np.full((SIDE, SIDE), 255, np.uint8)
    cv2.line(sheet, (150, 40), (130, 240), 0, width)
    assert answer_drawing(model, sheet)["answer"] == "1"


def test_the_film_goes_from_the_paper_to_the_frame_that_the_network_sees(
    client: TestClient, model: Model, digits: Any
) -> None:
    frames, _ = split_of(digits)
    sheet = paper(frames[5], dark=True)
    answer = post(client, sheet)
    assert [stage["name"] for stage in answer["stages"]] == ["drawn", "ink", "threshold", "roi", "network"]
    assert answer["stages"][0]["of"] == [SIDE, SIDE]
    assert np.array_equal(picture(answer, "network").ravel(), model.input.prepare(sheet)[0])
    assert set(np.unique(picture(answer, "threshold"))) >= {0, 255}
    roi = answer["stages"][3]["of"]
    assert roi[0] < SIDE
    assert roi[1] < SIDE


def test_every_layer_says_what_the_model_s_trace_says(client: TestClient, model: Model, digits: Any) -> None:
    frames, _ = split_of(digits)
    sheet = paper(frames[8])
    trace = model.trace(model.input.transform(sheet)[0])
    answer = post(client, sheet)
    assert len(answer["layers"]) == len(trace)
    for said, wanted in zip(answer["layers"], trace, strict=True):
        assert said == pytest.approx(wanted.tolist(), rel=1e-5, abs=1e-7)


def test_the_links_lead_back_from_the_answer_by_weight_times_activation(
    client: TestClient, model: Model, digits: Any
) -> None:
    frames, _ = split_of(digits)
    sheet = paper(frames[8])
    trace = model.trace(model.input.transform(sheet)[0])
    answer = post(client, sheet)
    assert len(answer["links"]) == len(model.layers)
    assert {end for _, end, _ in answer["links"][-1]} == {answer["best"]}
    for links, layer, a in zip(answer["links"], model.layers, trace, strict=False):
        for start, end, amount in links:
            assert amount == pytest.approx(float(layer.weight[end, start] * a[start]), rel=1e-5)
    strongest = np.abs(model.layers[-1].weight[answer["best"]] * trace[-2])
    assert abs(answer["links"][-1][0][2]) == pytest.approx(float(strongest.max()), rel=1e-5)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_empty_paper_has_no_answer(client: TestClient, level: int) -> None:
    assert post(client, np.full((SIDE, SIDE), level, np.uint8)) == {"blank": True}


SIZES = (
    "", "width=280", "width=280&height=281", "width=-280&height=-280", "width=1e9&height=1", "width=0&height=0",
    "width=²&height=280",
)  # fmt: skip


@pytest.mark.parametrize("query", SIZES)
def test_a_drawing_of_another_size_than_it_says_is_refused_in_a_sentence(client: TestClient, query: str) -> None:
    refused = client.post(f"/api/draw?{query}", content=bytes(SIDE * SIDE))
    assert refused.status_code == 422
    assert "a byte a pixel" in refused.json()["error"]


def test_a_picture_is_cleaned_like_a_photograph(client: TestClient, digits: Any) -> None:
    frames, answers = split_of(digits)
    steps, right = ["drawn", "grey", "flattened", "threshold", "roi", "network"], 0
    for frame, wanted in zip(frames[:30], answers[:30], strict=True):
        shade = np.linspace(0, 60, SIDE, dtype=np.uint8)
        page = 235 - shade - (paper(frame) * 0.6).astype(np.uint8)
        answer = client.post("/api/draw/photo", content=cv2.imencode(".png", page)[1].tobytes()).json()
        right += answer.get("answer") == digits.classes[wanted]
        if "answer" in answer:  # of the faintest, no ink may be found
            assert [stage["name"] for stage in answer["stages"]] == steps
    assert right >= 27


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_broken_image_is_told_in_a_sentence(client: TestClient, content: bytes) -> None:
    refused = client.post("/api/draw/photo", content=content)
    assert refused.status_code == 422
    assert "image" in refused.json()["error"]


def test_an_image_without_ink_has_no_answer(client: TestClient) -> None:
    assert client.post(
        "/api/draw/photo", content=cv2.imencode(".png", np.full((90, 90), 200, np.uint8))[1].tobytes()
    ).json() == {"blank": True}


def options(**said: Any) -> Callable[[], Model]:
    def trained() -> Model:
        rng = np.random.default_rng(0)
        shape = (40, 12, 10, 3) if said.pop("colour", False) else (40, 12, 10)
        x = rng.integers(0, 255, shape, dtype=np.uint8)
        return mlp_train.fit(mlp_data.from_arrays(x, ["a", "b"] * 20), epochs=1, seed=1, hidden=(4,), **said).model

    return trained


@pytest.mark.parametrize("colour", [False, True])
def test_models_that_take_frames_as_they_are_answer_too(colour: bool) -> None:
    model = options(colour=colour)()
    assert model.input.fit in ("none", "stretch")
    sheet = np.full((SIDE, SIDE), 255, np.uint8)
    sheet[40:200, 60:90] = 0
    drawn = answer_drawing(model, sheet)
    shown = answer_photo(model, cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_GRAY2BGR))[1].tobytes())
    for answer in (drawn, shown):
        assert answer["answer"] in ("a", "b")
        assert picture(answer, "network").shape == (12, 10, 3 if colour else 1)


def test_drawing_for_a_table_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    model = mlp_train.fit([[0.0], [1.0]], ["no", "yes"], epochs=1, seed=1).model
    other = TestClient(app(Workbench(Opened("rows", model)), "token"), base_url="http://127.0.0.1", headers=HEADERS)
    refused = other.post("/api/draw?width=1&height=1", content=b"0")
    assert refused.status_code == 422
    assert "takes no images" in refused.json()["error"]


def test_without_a_model_the_answer_is_a_sentence() -> None:
    empty = TestClient(app(Workbench(), "token"), base_url="http://127.0.0.1", headers=HEADERS)
    assert "no model is open" in empty.post("/api/draw?width=1&height=1", content=b"0").json()["error"]
