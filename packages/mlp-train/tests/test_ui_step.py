"""Step: every number is the trainer's own, every slope is measured, and every mistake is caught where it is made."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_data
import mlp_runtime
import mlp_train

pytest.importorskip("starlette", reason="the page's own packages are not installed: mlp-train[ui]")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from mlp_train.backward import Trace, backward
from mlp_train.losses import LOSSES, mean_loss, output_gradient
from mlp_train.network import ForwardPass, Gradient, LayerSpec, Network
from mlp_train.ui.broken import MISTAKES, culprit, unavailable, with_surrogate, without_transpose
from mlp_train.ui.problems import loss_of, small
from mlp_train.ui.quiz import question
from mlp_train.ui.server import app
from mlp_train.ui.state import Opened, Workbench, open_thing
from mlp_train.ui.walk import Walk

TOKEN = "the-token-of-this-start"


def client_of(opened: Opened) -> TestClient:
    return TestClient(app(Workbench(opened), TOKEN), base_url="http://127.0.0.1:8765", headers={"x-mlp-token": TOKEN})


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of(Opened())


def ask(client: TestClient, what: str = "", place: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/api/step{what}", json={"place": place or {}, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def numbers(matrix: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(matrix["values"]), "<f8").reshape(matrix["shape"])


def walk(name: str = "xor", activation: str = "tanh", batch: int = 4, mistake: str | None = None) -> Walk:
    problem = small(name, activation)
    x, y, _ = problem.rows(range(batch))
    return Walk(problem.network, LOSSES[problem.loss], x, y, mistake)


def trainer_says(network: Network, x: np.ndarray, y: np.ndarray) -> tuple[ForwardPass, Gradient, Trace]:
    forward, gradient, trace = ForwardPass(network, len(x), keep_last_z=True), Gradient(network.layers, float), Trace()
    network.forward(x, forward)
    backward(network, forward, output_gradient(LOSSES["cross-entropy"], network, forward, y), gradient, trace)
    return forward, gradient, trace


@pytest.mark.parametrize("name", ["xor", "deep", "digits"])
def test_every_number_of_every_stage_is_the_trainers_own(client: TestClient, name: str) -> None:
    problem = small(name, "sigmoid")
    x, y, _ = problem.rows([2, 3, 0, 1] if name != "digits" else [2, 3, 4, 5])
    forward, gradient, trace = trainer_says(problem.network, x, y)
    place = {"network": name, "activation": "sigmoid", "sample": 2, "batch": 4}
    seen = ask(client, place=place)
    for at, stage in enumerate(seen["stages"]):
        index = stage["index"]
        given = ask(client, "/stage", place, stage=at)
        found = numbers(given["result"])
        wanted = {
            "z": lambda i: forward.a[i] @ problem.network.weights[i] + problem.network.biases[i],
            "a": lambda i: forward.a[i],
            "losses": lambda i: -np.log(forward.a[-1][y == 1])[:, None],
            "d_a": lambda i: trace.d_a[i - 1],
            "d_z": lambda i: trace.d_z[i],
            "d_weight": lambda i: gradient.weights[i],
            "d_bias": lambda i: gradient.biases[i][None],
        }[stage["name"]](index)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15, err_msg=stage["code"])
    assert [stage["key"] for stage in seen["stages"]][-2:] == ["d_weight[0]", "d_bias[0]"]
    assert seen["loss"] == pytest.approx(mean_loss(LOSSES["cross-entropy"], forward, y), rel=1e-14)


def test_the_operands_of_a_line_give_its_result(client: TestClient) -> None:
    place = {"network": "deep", "batch": 4}
    for at, stage in enumerate(ask(client, place=place)["stages"]):
        given = ask(client, "/stage", place, stage=at)
        result, operands = numbers(given["result"]), [numbers(one) for one in given["operands"]]
        if "@" in stage["code"]:
            rest = operands[2] if len(operands) > 2 else 0
            np.testing.assert_allclose(operands[0] @ operands[1] + rest, result, rtol=1e-12, atol=1e-16)
        elif "activation'" in stage["code"]:
            np.testing.assert_allclose(operands[0] * operands[1], result, rtol=1e-12)
        elif stage["key"] == "d_z[2]":
            np.testing.assert_allclose((operands[0] - operands[1]) / 4, result, rtol=1e-12)


def test_every_gradient_on_the_way_back_is_the_measured_slope() -> None:
    problem = small("deep", "tanh")
    x, y, _ = problem.rows(range(4))
    seen = Walk(problem.network, LOSSES["cross-entropy"], x, y)
    for name, index in [
        ("d_z", 2),
        ("d_weight", 2),
        ("d_bias", 2),
        ("d_a", 2),
        ("d_z", 1),
        ("d_a", 1),
        ("d_weight", 0),
    ]:
        rows, columns = seen.matrix(name, index).shape
        for row in range(rows):
            for column in range(columns):
                assert seen.nudge(name, index, row, column).error < 1e-6, (name, index, row, column)


def test_measuring_leaves_the_network_as_it_was() -> None:
    seen = walk()
    before = seen.network.flat.copy()
    seen.check()
    seen.nudge("d_weight", 0, 1, 2)
    assert np.array_equal(seen.network.flat, before)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("name", ["xor", "deep", "digits"])
def test_the_right_gradient_passes_its_check(name: str, activation: str) -> None:
    assert all(row["ok"] and not row["surrogate"] for row in walk(name, activation).check())


@pytest.mark.parametrize("loss", ["squared-error", "absolute-error", "huber", "cross-entropy"])
def test_losses_that_hand_over_d_a_are_walked_through_too(loss: str) -> None:
    network = small("xor", "tanh").network
    y = np.eye(2)[[0, 1, 1, 0]]
    seen = Walk(network, LOSSES[loss], small("xor", "tanh").rows(range(4))[0], y)
    assert all(row["ok"] for row in seen.check())
    if loss != "cross-entropy":
        assert seen.nudge("d_a", 2, 0, 1).error < 1e-6


def errors(mistake: str, name: str = "xor", activation: str = "tanh") -> dict[str, float]:
    return {str(row["subject"]): float(str(row["error"])) for row in walk(name, activation, mistake=mistake).check()}


def test_a_missing_transpose_spoils_only_what_lies_before_it() -> None:
    found = errors("transpose", "deep")
    assert culprit(small("deep", "tanh").network) == 1
    assert min(found["d_weight[0]"], found["d_bias[0]"]) > 0.1
    assert max(found[f"{part}[{i}]"] for part in ("d_weight", "d_bias") for i in (1, 2)) < 1e-6


def test_where_the_weight_is_not_square_it_is_reshaped_and_caught_all_the_same() -> None:
    weight = small("xor", "tanh").network.weights[1]
    assert without_transpose(weight).shape == weight.T.shape
    assert errors("transpose")["d_bias[0]"] > 0.1


def test_a_wrong_sign_is_twice_as_far_off_as_nothing_and_the_step_leads_uphill() -> None:
    assert list(errors("sign").values()) == pytest.approx([2.0] * 4, abs=1e-6)
    wrong = walk(mistake="sign")
    assert wrong.step(0.1).mean_loss > wrong.mean_loss > walk().step(0.1).mean_loss


def test_a_missing_share_of_the_batch_is_the_same_factor_everywhere() -> None:
    assert list(errors("batch").values()) == pytest.approx([0.75] * 4, abs=1e-6)
    assert np.allclose(walk(mistake="batch").gradient.flat, 4 * walk().gradient.flat)


def test_with_one_sample_a_missing_share_of_the_batch_cannot_show() -> None:
    assert all(row["ok"] for row in walk(batch=1, mistake="batch").check())


def test_the_page_sends_several_samples_where_one_would_hide_the_mistake(client: TestClient) -> None:
    assert ask(client, place={"mistake": "batch", "batch": 1})["batch"] == 4


def test_the_hybrid_gradient_differs_and_is_called_a_surrogate_not_a_bug() -> None:
    rows = walk("deep", "sigmoid", mistake="hybrid").check()
    early = [row for row in rows if row["layer"] != 2]
    assert all(row["surrogate"] and row["ok"] and float(str(row["error"])) > 0.1 for row in early)
    assert all(row["ok"] and not row["surrogate"] for row in rows if row["layer"] == 2)
    assert "surrogate" in str(early[0]["verdict"])


def test_the_hybrid_network_is_the_same_going_forward() -> None:
    network = small("xor", "sigmoid").network
    hybrid = with_surrogate(network)
    assert hybrid.flat is network.flat
    assert [spec.activation for spec in hybrid.layers] == ["sigmoid-hybrid", "softmax"]


def test_mistakes_that_nothing_would_show_say_why() -> None:
    one_output = Network([LayerSpec(4, 3, "tanh"), LayerSpec(3, 1, "sigmoid")], float)
    assert "transpose changes nothing" in str(unavailable("transpose", one_output))
    assert "no hidden sigmoid" in str(unavailable("hybrid", one_output))
    assert unavailable("sign", one_output) is None


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_question_has_one_right_answer_and_a_reason_for_each(mistake: str) -> None:
    asked = question(mistake, small("deep", "sigmoid").network, 4)
    assert len(asked.choices) == 4
    assert sum(choice.right for choice in asked.choices) == 1
    assert all(len(choice.why) > 30 for choice in asked.choices)


@pytest.mark.parametrize(
    ("mistake", "answer", "layers"),
    [
        ("transpose", "Those of layer 0", {0}),
        ("sign", "2 in every layer", {0, 1, 2}),
        ("batch", "0.75 in every layer", {0, 1, 2}),
        ("hybrid", "Layer 2 agrees", {0, 1}),
    ],
)
def test_the_right_answer_to_a_question_is_what_the_check_finds(mistake: str, answer: str, layers: set[int]) -> None:
    seen = walk("deep", "sigmoid", mistake=mistake)
    right = next(choice.text for choice in question(mistake, seen.network, 4).choices if choice.right)
    assert right.startswith(answer)
    assert {row["layer"] for row in seen.check() if float(str(row["error"])) > 1e-6} == layers


def test_the_formula_of_a_cell_gives_its_number(client: TestClient) -> None:
    place = {"network": "digits", "batch": 1}
    found = ask(client, "/cell", place, stage=0, row=0, column=5)
    parts = "".join(str(part) for part in found["parts"]).replace("·", "*")
    before, _, after = parts.partition(" smaller terms, together ")
    assert eval(before.rpartition(" + ")[0]) + eval(after) == pytest.approx(found["value"])
    assert "smaller terms" in parts


def test_a_step_is_what_sgd_does_and_the_next_page_stands_after_it(client: TestClient) -> None:
    seen = walk()
    taken = ask(client, "/take", {"batch": 4}, lr=0.5)
    moved = Network(seen.network.layers, float, seen.network.flat - 0.5 * seen.gradient.flat)
    after = Walk(moved, seen.loss, seen.x, seen.y)
    assert taken == {"before": pytest.approx(seen.mean_loss), "after": pytest.approx(after.mean_loss)}
    place = {"batch": 4, "taken": [{"sample": 0, "batch": 4, "lr": 0.5}]}
    assert ask(client, place=place)["loss"] == pytest.approx(taken["after"], rel=1e-12)


def test_a_network_learns_xor_step_by_step(client: TestClient) -> None:
    steps = [{"sample": 0, "batch": 4, "lr": 2.0}] * 400
    seen = ask(client, place={"batch": 4, "taken": steps})
    assert seen["loss"] < 0.1
    assert [said[0] for said in seen["said"]] == seen["truths"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    mlp_train.fit(mlp_data.load("titanic"), epochs=2, seed=1).save(folder / "titanic.mlp")
    mlp_train.fit(mlp_data.load("digits"), epochs=1, seed=1, hidden=(16,)).save(folder / "digits.mlp")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3))
    mlp_train.fit(x, x @ [1.0, 2.0, 3.0], epochs=1, seed=1).save(folder / "numbers.mlp")
    return folder


@pytest.mark.parametrize("name", ["titanic", "digits"])
def test_the_open_model_is_walked_through_with_its_own_data(runs: Path, name: str) -> None:
    model = mlp_runtime.load(runs / f"{name}.mlp")
    client = client_of(Opened(name, model, source=name))
    place = {"network": "open", "sample": 3, "batch": 4}
    seen = ask(client, place=place)
    assert seen["networks"][0]["id"] == "open"
    assert len(seen["truths"]) == 4
    assert all(row["ok"] for row in ask(client, "/check", place)["rows"])
    dataset = Workbench(Opened(name, model, source=name)).dataset()
    split = dataset.splits["test" if name == "digits" and "test" in dataset.splits else "train"]
    last = next(at for at, stage in enumerate(seen["stages"]) if stage["key"] == f"a[{len(model.layers)}]")
    said = numbers(ask(client, "/stage", place, stage=last)["result"])
    if name == "digits":
        np.testing.assert_allclose(said, model.predict_proba(np.asarray(split.x[3:7])), atol=1e-5)


def test_a_model_without_its_data_gets_made_up_inputs(runs: Path) -> None:
    client = client_of(open_thing(str(runs / "numbers.mlp")))
    seen = ask(client, place={"network": "open"})
    assert "made-up" in seen["note"]
    assert loss_of(mlp_runtime.load(runs / "numbers.mlp")) == seen["loss_name"]


def test_a_drawing_goes_through_the_open_model_and_the_small_digits(runs: Path) -> None:
    client = client_of(Opened("digits", mlp_runtime.load(runs / "digits.mlp")))
    frame = np.zeros((28, 28), np.uint8)
    frame[4:24, 12:16] = 255
    drawn = {"pixels": base64.b64encode(frame.tobytes()).decode(), "height": 28, "width": 28, "target": 1}
    for network in ("open", "digits"):
        seen = ask(client, place={"network": network, "sample": -1, "drawn": drawn})
        assert seen["truths"] == ["1"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"network": "open"}, "no model is open"),
        ({"sample": 4}, "there are 4 samples"),
        ({"sample": -1}, "nothing was drawn"),
        ({"network": "digits", "sample": -1, "drawn": {"pixels": "!", "height": 1, "width": 1}}, "no base64"),
        ({"network": "digits", "sample": -1, "drawn": {"pixels": "\u0663", "height": 1, "width": 1}}, "no base64"),
        ({"network": "digits", "sample": -1, "drawn": {"pixels": "AAAA", "height": 9, "width": 9}}, "not 9 x 9"),
        ({"mistake": "hybrid"}, "no hidden sigmoid"),
        ({"mistake": "other"}, "place.mistake"),
        ({"batch": 3}, "place.batch"),
        ({"taken": [{"sample": 0, "batch": 1, "lr": -1}]}, "lr"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(client: TestClient, place: dict[str, Any], said: str) -> None:
    refused = client.post("/api/step", json={"place": place})
    assert refused.status_code == 422
    assert said in refused.json()["error"]


def test_stages_and_cells_that_are_not_there_are_refused(client: TestClient) -> None:
    assert "12 stages" in client.post("/api/step/stage", json={"stage": 12}).json()["error"]
    assert "no cell" in client.post("/api/step/cell", json={"row": 5}).json()["error"]
    assert client.post("/api/step", content=b"no json").status_code == 422


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_a_step_that_is_far_too_long_says_so(runs: Path) -> None:
    client = client_of(open_thing(str(runs / "numbers.mlp")))
    place = {"network": "open", "taken": [{"sample": 0, "batch": 1, "lr": 1000}] * 60}
    refused = client.post("/api/step/take", json={"place": place, "lr": 1000})
    assert refused.status_code == 422
    assert "choose a smaller one" in refused.json()["error"]
