"""The requests of Look inside: rows are unseen ones, the map is PCA, curves fall, a saved file is what was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_runtime
import mlp_train
from mlp_train.errors import UsageError
from mlp_train.evaluation import evaluate
from mlp_train.ui.disturbances import MOST_ROWS, disturbed, kinds
from mlp_train.ui.embedding import neighbours, principal
from mlp_train.ui.held_back import Sample, answers, take

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from mlp_train.ui.server import app
from mlp_train.ui.state import Opened, Workbench

HEADERS = {"x-mlp-token": "token"}
OFF = "off_1_3*prune_0.5"


def bench(dataset: Any, model: Any, source: str) -> Workbench:
    workbench = Workbench(Opened("m.mlp", model, source=source))
    workbench._dataset = source, dataset  # as if it had been loaded from there
    return workbench


def client_of(workbench: Workbench) -> TestClient:
    return TestClient(app(workbench, "token"), base_url="http://127.0.0.1", headers=HEADERS)


@pytest.fixture(scope="module")
def digits() -> Any:
    return mlp_data.load("digits")


@pytest.fixture(scope="module")
def model(digits: Any) -> Any:
    return mlp_train.fit(digits, epochs=2, seed=1).model


@pytest.fixture(scope="module")
def client(digits: Any, model: Any) -> TestClient:
    return client_of(bench(digits, model, "digits"))


@pytest.fixture(scope="module")
def titanic() -> tuple[Any, Any]:
    data = mlp_data.load("titanic")
    return data, mlp_train.fit(data, epochs=10, seed=1).model


def ask(client: TestClient, path: str = "", **query: Any) -> Any:
    answer = client.get(f"/api/inside{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_rows_are_the_test_split_and_the_accuracy_is_that_of_evaluate(
    client: TestClient, model: Any, digits: Any
) -> None:
    about = ask(client)
    assert about["split"] == "test"
    assert about["rows"] == about["total"] == len(digits.splits["test"])
    assert ask(client, "/score")["before"]["accuracy"] == pytest.approx(evaluate(model, digits).metrics["accuracy"])


def test_without_a_test_split_the_rows_are_those_that_training_held_out(titanic: tuple[Any, Any]) -> None:
    data, model = titanic
    sample = take(model, data)
    assert sample.split == "held-out"
    assert len(sample.x) == sample.total == evaluate(model, data).samples
    client = client_of(bench(data, model, "titanic"))
    assert ask(client, "/score")["before"]["accuracy"] == pytest.approx(evaluate(model, data).metrics["accuracy"])


def test_rows_of_training_are_taken_only_where_there_are_no_others_and_then_it_is_said() -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    data = mlp_data.from_arrays(x, (x[:, 0] > 0).astype(int))
    sample = take(mlp_train.fit(data, epochs=2, seed=1, valid_fraction=0.0).model, data)
    assert sample.split == "training"
    assert "flatter" in sample.note


def test_a_large_split_is_measured_on_a_fixed_part(model: Any, digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlp_train.ui.held_back.MOST_ROWS", 100)
    one, other = take(model, digits), take(model, digits)
    assert len(one.x) == 100
    assert one.total == len(digits.splits["test"])
    np.testing.assert_array_equal(one.x, other.x)


@pytest.mark.parametrize("kind", ["classes", "sigmoid", "labels", "numbers"])
def test_answers_are_those_of_predict(kind: str) -> None:
    x = np.random.default_rng(0).normal(size=(300, 4))
    y: Any = {
        "classes": np.argmax(x[:, :3], axis=1), "sigmoid": (x[:, 0] > 0).astype(int),
        "labels": (x[:, :3] > 0).astype(int), "numbers": x @ [1.0, 2.0, 3.0, 4.0] + 50,
    }[kind]  # fmt: skip
    data = mlp_data.from_arrays(x, y, task="multi-label" if kind == "labels" else None)
    model = mlp_train.fit(data, epochs=3, seed=1).model
    sample = take(model, data)
    predicted, shares = answers(model, model.forward(sample.x))
    np.testing.assert_array_equal(predicted, sample.truth.predicted)
    if model.classes:
        assert sample.truth.probabilities is not None
        np.testing.assert_allclose(shares, sample.truth.probabilities, atol=1e-6)


def test_switching_a_unit_off_changes_the_accuracy_and_undoing_brings_it_back(client: TestClient) -> None:
    before = ask(client, "/score")["after"]
    found = ask(client, "/score", edits="prune_0.97")
    assert found["after"]["accuracy"] < before["accuracy"] - 0.1
    assert found["edits"] == ["set the smallest 97 % of the weights to 0"]
    assert found["broken"] > 0
    rows = ask(client)["rows"]
    assert found["before"]["accuracy"] - found["after"]["accuracy"] == pytest.approx(
        (found["broken"] - found["mended"]) / rows
    )
    assert found["zeros"] == pytest.approx(0.97, abs=1e-4)
    assert ask(client, "/score", edits="")["after"] == before


def test_the_saved_file_gives_exactly_the_answers_that_were_shown(client: TestClient, digits: Any) -> None:
    content = client.get("/api/inside/model", params={"edits": OFF}).content
    loaded = mlp_runtime.load(content)
    assert loaded.meta["edits"] == ["switch off unit 3 of layer 1", "set the smallest 50 % of the weights to 0"]
    shown = ask(client, "/map", edits=OFF, layer=1)["answers"]
    order = np.random.default_rng(0).permutation(len(digits.splits["test"]))
    assert loaded.predict(digits.splits["test"].x[order]).tolist() == [loaded.classes[at] for at in shown]
    assert evaluate(loaded, digits).metrics["accuracy"] == pytest.approx(
        ask(client, "/score", edits=OFF)["after"]["accuracy"], abs=1e-6
    )


def test_the_edited_network_can_take_the_place_of_the_one_that_is_open(digits: Any, model: Any) -> None:
    workbench = bench(digits, model, "digits")
    client = client_of(workbench)
    after = ask(client, "/score", edits=OFF)["after"]
    assert client.post("/api/inside/keep", params={"edits": OFF}).json()["name"] == "m edited"
    assert workbench.model is not model
    assert ask(client, "/score")["before"] == after


def test_nothing_changed_is_nothing_to_save(client: TestClient) -> None:
    for answer in (client.get("/api/inside/model"), client.post("/api/inside/keep")):
        assert answer.status_code == 422
        assert "nothing was changed yet" in answer.json()["error"]


def test_the_map_is_the_plane_of_the_principal_components(client: TestClient, model: Any, digits: Any) -> None:
    found = ask(client, "/map", layer=1)
    sample = take(model, digits)
    a = model.trace(sample.x)[1].astype(float)
    _, spread, _ = np.linalg.svd(a - a.mean(axis=0), full_matrices=False)
    assert found["shares"] == pytest.approx((spread[:2] ** 2 / (spread**2).sum()).tolist(), rel=1e-3)
    assert len(found["x"]) == len(found["right"]) == len(sample.x)
    assert max(map(abs, found["x"] + found["y"])) == 1.0
    assert np.mean(found["right"]) == pytest.approx(ask(client, "/score")["after"]["accuracy"])


@pytest.mark.parametrize("value", [1e38, np.inf, np.nan])
def test_activations_beyond_all_measure_give_no_map_but_a_sentence(value: float) -> None:
    with pytest.raises(UsageError, match="undo the last edits"):
        principal(np.array([[0.0, value], [1.0, 2.0], [3.0, 4.0]], np.float32))


@pytest.mark.parametrize("shape", [(300, 40), (20, 500), (5, 3), (4, 1), (1, 6)])
def test_principal_components_are_those_of_the_full_decomposition(shape: tuple[int, int]) -> None:
    a = np.random.default_rng(3).normal(size=shape) * np.geomspace(20, 1, shape[1])
    points, shares = principal(a)
    u, spread, _ = np.linalg.svd(a - a.mean(axis=0), full_matrices=False)
    count = min(2, len(spread))
    np.testing.assert_allclose(
        np.abs(points[:, :count]), np.abs(u[:, :count] * spread[:count]), atol=0.02 * spread[0] + 1e-5
    )
    assert sum(shares) <= 1 + 1e-6


def test_tsne_keeps_two_clouds_apart() -> None:
    pytest.importorskip("sklearn", reason="t-SNE needs scikit-learn: mlp-train[map]")
    a = np.random.default_rng(0).normal(size=(60, 10))
    a[30:] += 20
    points = neighbours(a)
    assert points.shape == (60, 2)
    between = np.linalg.norm(points[:30].mean(axis=0) - points[30:].mean(axis=0))
    assert between > 2 * points[:30].std()
    assert neighbours(np.ones((10, 3))).tolist() == [[0.0, 0.0]] * 10


def test_without_scikit_learn_the_page_says_what_to_install(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install 'mlp-train[map]'" in ask(client)["tsne"]
    answer = client.get("/api/inside/map", params={"layer": 1, "method": "tsne", "edits": "scale_1_0_0.9"})
    assert (answer.status_code, "mlp-train[map]" in answer.json()["error"]) == (422, True)


def test_a_unit_is_its_weighted_sum_and_the_rows_that_excite_it(client: TestClient, model: Any, digits: Any) -> None:
    sample = take(model, digits)
    for layer, number, edits in ((1, 5, ""), (2, 7, OFF), (3, 2, "")):
        found = ask(client, "/unit", layer=layer, unit=number, at=9, edits=edits)
        shown = mlp_runtime.load(client.get("/api/inside/model", params={"edits": edits}).content) if edits else model
        trace = shown.trace(sample.x)
        own = shown.layers[layer - 1]
        assert found["z"] == pytest.approx(float(own.weight[number] @ trace[layer - 1][9] + own.bias[number]), abs=1e-4)
        assert found["weights"] == pytest.approx(own.weight[number].tolist())
        column = trace[layer][:, number]
        assert found["a"] == pytest.approx(float(column[9]))
        assert [one["a"] for one in found["strongest"]] == pytest.approx(np.sort(column)[::-1][:8].tolist())
        assert found["active"] == pytest.approx((column > 0).mean())
        assert (found["onward"] is None) == (layer == 3)


def test_a_unit_that_is_switched_off_has_no_sum_left(client: TestClient) -> None:
    found = ask(client, "/unit", layer=1, unit=3, at=0, edits="off_1_3")
    assert (found["z"], found["a"], set(found["weights"]), set(found["onward"])) == (0, 0, {0}, {0})


def test_a_row_is_shown_as_the_network_sees_it_with_its_answer(client: TestClient, digits: Any, model: Any) -> None:
    row = ask(client, "/sample", at=4, think=1)
    at = np.random.default_rng(0).permutation(len(digits.splits["test"]))[4]
    frame = digits.splits["test"].x[at]
    assert row["pixels"] == model.input.prepare(frame)[0].tolist()
    assert row["answer"] == model.predict(frame) == row["thought"]["answer"]
    assert row["truth"] == digits.classes[digits.splits["test"].y[at]]


def test_the_rows_of_a_table_are_shown_by_column(titanic: tuple[Any, Any]) -> None:
    data, model = titanic
    row = ask(client_of(bench(data, model, "titanic")), "/sample", at=0, think=1)
    assert row["cells"]["Sex"] in ("male", "female")
    assert row["answer"] == row["thought"]["answer"]


@pytest.mark.parametrize("name", ["noise", "rotation", "shift", "thickness"])
def test_images_that_are_disturbed_more_are_told_less_well(client: TestClient, name: str) -> None:
    found = ask(client, "/curve", kind=name, edits="prune_0.9")
    calm = found["levels"].index(0)
    accuracies = [figures["accuracy"] for figures in found["before"]]
    assert accuracies[calm] == pytest.approx(ask(client, "/score")["before"]["accuracy"], abs=0.02)
    assert max(accuracies) - accuracies[-1] > 0.2
    assert found["after"][calm]["accuracy"] < accuracies[calm]


def test_nothing_is_disturbed_at_level_zero(titanic: tuple[Any, Any], model: Any, digits: Any) -> None:
    for network, data in (titanic[::-1], (model, digits)):
        sample = take(network, data)
        for kind in kinds(network, sample).values():
            calm = list(disturbed(network, sample, kind))[kind.levels.index(0)]
            np.testing.assert_allclose(calm, sample.x[:MOST_ROWS], atol=1e-6)


def test_a_shift_moves_the_ink_and_lets_paper_in(model: Any, digits: Any) -> None:
    sample = take(model, digits)
    kind = kinds(model, sample)["shift"]
    at = next(place for place, level in enumerate(kind.levels) if level > 0)
    step = int(kind.levels[at])
    moved = list(disturbed(model, sample, kind))[at].reshape(-1, 28, 28)
    np.testing.assert_allclose(moved[:, :, step:], sample.x[:MOST_ROWS].reshape(-1, 28, 28)[:, :, :-step], atol=1e-6)
    assert not moved[:, :, :step].any()


def test_thicker_strokes_hold_more_ink_and_thinner_ones_less(model: Any, digits: Any) -> None:
    sample = take(model, digits)
    ink = [x.sum() for x in disturbed(model, sample, kinds(model, sample)["thickness"])]
    assert ink == sorted(ink)


def test_missing_cells_take_what_the_model_takes_for_unknown_ones(titanic: tuple[Any, Any]) -> None:
    data, model = titanic
    sample = take(model, data)
    kind = kinds(model, sample)["missing"]
    x = list(disturbed(model, sample, kind))
    row = {column.name: None for column in model.input.columns}
    unknown = model.input.transform([row])[0]
    shares = [float(np.mean(np.all(np.isclose(one, unknown), axis=0))) for one in x]
    changed = [float(np.mean(one != sample.x)) for one in x]
    assert changed == sorted(changed)
    assert changed[0] == 0 < changed[-1]
    assert shares[-1] >= shares[0]


def test_noise_on_a_table_leaves_categories_alone(titanic: tuple[Any, Any]) -> None:
    data, model = titanic
    sample = take(model, data)
    moved = list(disturbed(model, sample, kinds(model, sample)["noise"]))[-1] != sample.x
    named = dict(zip(model.input.output_names, moved.any(axis=0).tolist(), strict=True))
    assert named["Fare"]
    assert not named["Sex=male"]


def test_the_surest_answers_come_first_with_whether_they_are_right(client: TestClient, model: Any, digits: Any) -> None:
    found = ask(client, "/sure")
    sample: Sample = take(model, digits)
    assert sample.truth.probabilities is not None
    assert found["sure"] == pytest.approx(np.sort(sample.truth.probabilities.max(axis=1))[::-1].tolist(), abs=1e-5)
    assert np.mean(found["right"]) == pytest.approx(ask(client, "/score")["before"]["accuracy"])
    half = len(found["right"]) // 2
    assert np.mean(found["right"][:half]) > np.mean(found["right"][half:])


def test_a_network_of_numbers_is_measured_by_r2_and_has_no_threshold() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3))
    data = mlp_data.from_arrays(x, x @ [1.0, 2.0, 3.0])
    client = client_of(bench(data, mlp_train.fit(data, epochs=20, seed=1).model, "x"))
    found = ask(client, "/score", edits="prune_0.9")
    assert found["before"].keys() == {"rmse", "r2"}
    assert found["after"]["r2"] < found["before"]["r2"]
    assert found["after"]["rmse"] > found["before"]["rmse"]
    assert client.get("/api/inside/sure").status_code == 422
    assert [one["name"] for one in ask(client)["disturbances"]] == ["missing", "noise"]
    assert ask(client, "/map", layer=1)["right"].count(False) < 40


def test_two_of_everything_that_takes_long_are_computed_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client, "/map", layer=2)
    monkeypatch.setattr("mlp_train.ui.embedding.principal", None)
    ask(client, "/map", layer=2)


@pytest.mark.parametrize(
    ("path", "query", "sentence"),
    [
        ("/score", {"edits": "nonsense"}, "is no edit"),
        ("/score", {"edits": "off_9_1"}, "no layer 9"),
        ("/map", {}, "wanted a whole number"),
        ("/map", {"layer": "99"}, "no layer 99"),
        ("/map", {"layer": "1", "method": "umap"}, "wanted pca or tsne"),
        ("/unit", {"layer": "1", "unit": "9999", "at": "0"}, "no unit 9999"),
        ("/unit", {"layer": "0", "unit": "0", "at": "0"}, "no unit 0 in a layer 0"),
        ("/unit", {"layer": "1", "unit": "0", "at": "-1"}, "wanted a whole number"),
        ("/sample", {"at": "99999999"}, "no row 99999999"),
        ("/curve", {"kind": "fog"}, "wanted noise, rotation"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    client: TestClient, path: str, query: Any, sentence: str
) -> None:
    answer = client.get(f"/api/inside{path}", params=query)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_a_model_without_its_data_says_how_to_bring_them(model: Any) -> None:
    answer = client_of(Workbench(Opened("m", model))).get("/api/inside")
    assert answer.status_code == 422
    assert "start `mlp-train ui RUN`" in answer.json()["error"]


def test_mnist_s_test_images_give_what_evaluate_gives(shared_data: Path) -> None:
    data = mlp_data.load(str(shared_data / "mnist.zip"))
    part = data.take(train=np.arange(3000), test=np.arange(1500))
    model = mlp_train.fit(part, epochs=1, seed=1).model
    sample = take(model, part)
    assert (sample.split, sample.total) == ("test", 1500)
    predicted, _ = answers(model, model.forward(sample.x))
    assert np.mean(predicted == sample.truth.actual) == pytest.approx(
        evaluate(model, part).metrics["accuracy"], abs=1e-6
    )
