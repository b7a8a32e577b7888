"""The examples that answer for others, over HTTP, MQTT, a stream or from threads, give the model's own answers."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import mlp_data
import mlp_runtime
import mlp_train

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FAKE_PAHO = '''
"""A broker that plays back what others sent, and prints what it is given."""
import json
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

class CallbackAPIVersion(Enum):
    VERSION2 = 2

class Client:
    def __init__(self, version):
        assert version is CallbackAPIVersion.VERSION2
    def connect(self, broker):
        print("connect", broker)
    def subscribe(self, topic):
        print("subscribe", topic)
    def publish(self, topic, payload, retain=False):
        print("publish", topic, retain, payload)
    def loop_forever(self):
        self.on_connect(self, None, None, 0, None)
        for payload in json.loads(Path(__file__).with_name("sent.json").read_text()):
            self.on_message(self, None, SimpleNamespace(topic="home/rows", payload=payload.encode()))
'''
WINDOW = 16


@pytest.fixture
def device(device_python, tmp_path):
    """Run an example on the device; returns the lines that it printed."""

    def run(example, *arguments, **options):
        command = [device_python, "-W", "error", EXAMPLES / example, *arguments]
        environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [str(part) for part in command], env=environment, capture_output=True, text=True, check=False, **options
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture
def some_digits(tmp_path):
    """A folder of digits as .npy files, and their images."""
    images = mlp_data.load("digits").splits["test"].x[:12]
    folder = tmp_path / "digits"
    folder.mkdir()
    for at, image in enumerate(images):
        np.save(folder / f"{at:02}.npy", image)
    return folder, images


def test_asyncio_answers_all_in_the_order_of_the_questions(device, digits_model, some_digits):
    folder, images = some_digits
    said = device("async_predict.py", digits_model, *sorted(folder.glob("*.npy")))
    model = mlp_runtime.load(digits_model)
    assert [line.split(": ")[1].split()[0] for line in said] == model.predict(images).tolist()
    assert said[0] == f"{folder / '00.npy'}: {model.predict(images[0])}  {model.top(images[0], 1)[0][1]:.0%}"


def test_a_pool_of_threads_counts_what_one_thread_would(device, digits_model, some_digits):
    folder, images = some_digits
    labels, counts = np.unique(mlp_runtime.load(digits_model).predict(images), return_counts=True)
    wanted = [f"{label}: {count}" for label, count in zip(labels, counts, strict=True)]
    assert device("thread_pool.py", digits_model, folder) == wanted


def accelerometer(rng, moving, count):
    """Readings of three axes: gravity and a little noise, or a shaking hand."""
    readings = rng.normal([0, 0, 9.8], 0.05, (count, 3))
    return readings + moving * 4 * np.sin(np.arange(count) + rng.uniform(0, 6))[:, None]


@pytest.fixture(scope="module")
def motion_model(tmp_path_factory):
    """A model of windows of 16 readings of 3 axes: still or moving."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    x = [accelerometer(rng, moving, WINDOW).ravel() for moving in y]
    path = tmp_path_factory.mktemp("motion") / "model.mlp"
    data = mlp_data.from_arrays(np.array(x, np.float32), np.array(["still", "moving"])[y])
    mlp_train.fit(data, epochs=20, hidden=(16,), seed=1).save(path)
    return path


def test_a_stream_of_readings_is_answered_window_by_window(device, motion_model):
    rng = np.random.default_rng(1)
    readings = np.concatenate([accelerometer(rng, moving, 60) for moving in (0, 1, 0)])
    text = "".join(",".join(f"{number:.4f}" for number in reading) + "\n" for reading in readings)
    said = [line.split() for line in device("sensor_stream.py", motion_model, input=text)]
    answers, changes = [], {int(at.rstrip(":")): answer for _, at, answer in said}
    for window in range(len(readings) - WINDOW + 1):
        answers.append(changes.get(window) or answers[-1])
    pure = 60 - WINDOW + 1  # windows that hold readings of one sort alone
    for first, meant in ((0, "still"), (60, "moving"), (120, "still")):
        assert answers[first : first + pure] == [meant] * pure


def test_a_stream_shorter_than_a_window_says_nothing(device, motion_model):
    assert device("sensor_stream.py", motion_model, input="0,0,9.8\n" * (WINDOW - 1)) == []


def test_a_model_is_a_sensor_that_announces_itself_and_outlives_bad_rows(device, titanic_model, tmp_path):
    package = tmp_path / "paho" / "mqtt"
    package.mkdir(parents=True)
    (package / "client.py").write_text(FAKE_PAHO, encoding="utf-8")
    model = mlp_runtime.load(titanic_model)
    row = model.input.synthesise(3)[2]
    sent = ["no JSON", json.dumps({**row, "Age": "old"}), json.dumps(row)]
    (package / "sent.json").write_text(json.dumps(sent), encoding="utf-8")
    said = device("mqtt_sensor.py", titanic_model, "--rows", "home/rows", "--name", "Who lives?", "--broker", "hub")
    assert said[0] == "connect hub"
    announced, topic = said[1].split(" ", 3), "mlp/who_lives_/state"
    assert announced[:3] == ["publish", "homeassistant/sensor/mlp_who_lives_/config", "True"]
    assert json.loads(announced[3])["state_topic"] == topic
    assert said[2] == "subscribe home/rows"
    assert said[3].startswith("home/rows: ")
    assert "column 'Age'" in said[4]
    published = said[5].split(" ", 3)
    assert published[:3] == ["publish", topic, "True"]
    label, probability = model.top(row, 1)[0]
    assert json.loads(published[3]) == {"answer": label, "probability": round(probability, 4)}
    assert len(said) == 6


@pytest.fixture
def service(monkeypatch):
    """Start the web service with a model and return a client of it."""

    def start(model_path):
        monkeypatch.setenv("MODEL", str(model_path))
        spec = importlib.util.spec_from_file_location("web_service", EXAMPLES / "web_service.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return TestClient(module.app)

    return start


def test_the_web_service_answers_rows_and_refuses_what_the_model_cannot_use(service, titanic_model):
    client, model = service(titanic_model), mlp_runtime.load(titanic_model)
    row = model.input.synthesise(2)[1]
    answered = client.post("/predict", json=row)
    assert answered.status_code == 200
    assert answered.json()["answer"] == model.predict(row)
    assert answered.json()["top"] == pytest.approx(dict(model.top(row, 3)), abs=1e-6)
    for content, words in (
        (b"{", "Expecting"),
        (b"[" * 100_000, ""),
        (json.dumps({**row, "Age": "old"}).encode(), "column 'Age'"),
    ):
        refused = client.post("/predict", content=content)
        assert refused.status_code == 422
        assert words in refused.json()["error"]
    assert client.get("/health").json()["input"] == "table"


def test_the_web_service_answers_images_and_takes_no_pickles(service, digits_model, tmp_path):
    client, model = service(digits_model), mlp_runtime.load(digits_model)
    seven = (EXAMPLES / "seven.npy").read_bytes()
    assert client.post("/predict", content=seven).json()["answer"] == model.predict(np.load(EXAMPLES / "seven.npy"))
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], object), allow_pickle=True)
    refused = client.post("/predict", content=(tmp_path / "evil.npy").read_bytes())
    assert (refused.status_code, "allow_pickle" in refused.json()["error"]) == (422, True)


def test_the_web_service_reads_no_endless_request(service, titanic_model):
    assert service(titanic_model).post("/predict", content=b"0" * (2**20 + 1)).status_code == 413
