"""The examples for a device run on what a device has: NumPy, the runtime, and fakes for the hardware alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import mlp_data

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

FAKE_CAMERA = '''
"""A camera of whose frames it is known what they show; Ctrl-C comes when they run out."""
import time
from pathlib import Path
import numpy as np

time.sleep = lambda seconds: print("slept", seconds)

class Picamera2:
    def __init__(self):
        self.frames, self.started = iter(np.load(Path(__file__).with_name("frames.npy"))), False
    def create_preview_configuration(self, main):
        return {"main": main}
    def configure(self, configuration):
        assert configuration["main"] == {"size": (320, 240), "format": "BGR888"}, configuration
    def start(self):
        self.started = True
    def capture_array(self):
        assert self.started, "a camera that was not started gives no frames"
        for frame in self.frames:
            return frame
        raise KeyboardInterrupt
'''


def camera_frames(images: np.ndarray) -> np.ndarray:
    """Digits as a camera sees them: large, dark on paper that is not quite white, in colour."""
    frames = np.empty((len(images), 240, 320, 3), np.uint8)
    frames[:] = (225, 220, 210)
    for frame, image in zip(frames, images, strict=True):
        ink = image.repeat(6, axis=0).repeat(6, axis=1)[..., None] / 255
        area = frame[36:204, 76:244]
        area[:] = area * (1 - ink) + np.array((40, 40, 60)) * ink
    return frames


@pytest.fixture
def device(device_python, tmp_path):
    """Run an example on the device with a folder of fakes; returns the finished process."""

    def run(example: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [device_python, EXAMPLES / example, *arguments]
        environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [str(part) for part in command], env=environment, capture_output=True, text=True, check=False, **options
        )

    return run


def test_the_camera_example_reads_the_digits_that_the_camera_sees(device, digits_model, tmp_path):
    test = mlp_data.load("digits").splits["test"]
    (tmp_path / "picamera2.py").write_text(FAKE_CAMERA, encoding="utf-8")
    np.save(tmp_path / "frames.npy", camera_frames(test.x[:10]))
    done = device("pi_camera.py", digits_model)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt"), done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    labels = [words[0] for words in said[::2]]
    assert said[1::2] == [["slept", "1"]] * 10
    right = sum(label == str(truth) for label, truth in zip(labels, test.y[:10], strict=True))
    assert right >= 8, (labels, test.y[:10])


def test_the_camera_example_names_no_digit_on_an_empty_desk(device, digits_model, tmp_path):
    (tmp_path / "picamera2.py").write_text(FAKE_CAMERA, encoding="utf-8")
    desk = np.random.default_rng(0).normal(220, 2, (3, 240, 320, 3)).clip(0, 255).astype(np.uint8)
    np.save(tmp_path / "frames.npy", desk)
    done = device("pi_camera.py", digits_model)
    assert [line.split()[0] for line in done.stdout.splitlines()[::2]] == ["?"] * 3


def test_the_camera_example_is_about_a_dozen_lines():
    lines = [line for line in (EXAMPLES / "pi_camera.py").read_text(encoding="utf-8").splitlines() if line.strip()]
    code = [line for line in lines if not line.startswith(('"""', "#"))]
    assert len(code) <= 14


def answers(columns: list[str], **known: str) -> str:
    return "".join(known.get(name, "") + "\n" for name in columns)


def asked(titanic_model: Path) -> list[str]:
    import mlp_runtime

    return list(dict.fromkeys(column.name for column in mlp_runtime.load(titanic_model).input.columns))


def test_the_small_app_answers_for_a_passenger_by_name(device, titanic_model):
    columns = asked(titanic_model)
    woman = answers(columns, Pclass="1", Sex="female", Age="29", Fare="100", Name="Allen, Miss. Elisabeth")
    man = answers(columns, Pclass="3", Sex="male", Age="30", Fare="7.9", Name="Kelly, Mr. James")
    done = device("small_app.py", titanic_model, input=woman + man)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if "%" in line]
    first, second = (line.split("? ")[-1].split(": ")[0] for line in said)
    assert (first, second) == ("1", "0")


def test_the_small_app_explains_an_answer_that_it_cannot_use_and_asks_again(device, titanic_model):
    columns = asked(titanic_model)
    done = device("small_app.py", titanic_model, input=answers(columns, Age="old") + answers(columns, Age="40"))
    assert done.returncode == 0, done.stderr
    assert "Age" in done.stdout.split("\n", 1)[1]
    assert "old" in done.stdout
    assert done.stdout.count("%") == 2


def test_the_small_app_says_what_the_answer_means_and_what_it_needs(device, titanic_model):
    assert "The answer is Survived: 0, 1.\n" in device("small_app.py", titanic_model, input="").stdout
    alone = device("small_app.py")
    assert alone.returncode == 1
    assert alone.stderr.startswith("usage: python small_app.py MODEL.mlp")


def test_the_small_app_takes_rows_of_which_nothing_is_known(device, titanic_model):
    done = device("small_app.py", titanic_model, input=answers(asked(titanic_model)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("%") == 2
