"""A device answers as the trainer does: same labels, same bits when batched alike, or the check notices."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skew

import mlp_data
import mlp_runtime


def question(model: Path, raw: object, name: str = "") -> skew.Question:
    """A question whose answers are those of the runtime here."""
    loaded = mlp_runtime.load(model)
    probabilities = loaded.predict_proba(raw)
    answers = [
        {"label": label, "confidence": float(row.max())}
        for label, row in zip(loaded.predict(raw), probabilities, strict=True)
    ]
    return skew.Question(name, model, raw, answers)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return mlp_data.load("digits").splits["test"].x[:40]


@pytest.fixture(scope="module")
def passengers() -> list[dict[str, object]]:
    return skew.rows(mlp_data.load("titanic").splits["train"].take(range(40)).x)


def verdicts(python: Path, folder: Path, *questions: skew.Question) -> list[skew.Verdict]:
    answered = skew.ask_device([str(python)], list(questions), folder, str(folder))
    return [skew.compare(asked, theirs) for asked, theirs in zip(questions, answered, strict=True)]


def test_the_device_has_numpy_and_the_runtime_and_nothing_else(device_python):
    probe = "import numpy, mlp_runtime, importlib.util as u; print([n for n in {} if u.find_spec(n)])".format(
        ["cv2", "mlp_data", "mlp_train", "msgpack", "pip", "pydantic", "rich", "typer"]
    )
    done = subprocess.run([device_python, "-I", "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_device_answers_as_the_trainer_does(device_python, digits_model, titanic_model, images, passengers, tmp_path):
    asked = (
        question(digits_model, images, "a batch of images"),
        question(digits_model, [np.pad(image, 20) for image in images], "frames of another size"),
        question(titanic_model, passengers, "rows by name"),
    )
    for verdict in verdicts(device_python, tmp_path, *asked):
        assert verdict.count == 40
        assert verdict.labels_differ == 0, verdict
        assert verdict.same_bits, verdict
        assert verdict.agrees(other_machine=False), verdict


def test_a_different_preparation_on_the_device_is_noticed(device_python, digits_model, images, tmp_path):
    asked = question(digits_model, images)
    asked_darker = replace(asked, raw=images // 2)
    (theirs,) = skew.ask_device([str(device_python)], [asked_darker], tmp_path, str(tmp_path))
    verdict = skew.compare(asked, theirs)
    assert not verdict.same_bits
    assert not verdict.agrees(other_machine=True)


def test_an_answer_that_is_not_the_trainers_is_noticed(device_python, digits_model, images, tmp_path):
    asked = question(digits_model, images)
    wrong = replace(asked, answers=[{**answer, "label": "none"} for answer in asked.answers])
    (verdict,) = verdicts(device_python, tmp_path, wrong)
    assert verdict.labels_differ == 40
    assert not verdict.agrees(other_machine=True)


def test_all_mnist_images_and_all_passengers_get_the_trainers_answers(shared_data):
    script = Path(skew.__file__)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10,000 asked   0 labels differ   batch: same bits" in done.stdout
    assert done.stdout.rstrip().endswith("ok")
