"""The exercises check what a class writes: solutions pass, starting files do not, a mistake gets its own sentence."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

HOME = Path(__file__).resolve().parents[1] / "docs" / "exercises"
NUMBERS = (1, 2, 3, 4, 5)
LATE = 5  # seconds, in which a busy machine too comes to the loop that does not end


def solution(number: int) -> str:
    return (HOME / "solutions" / f"solution_{number}.py").read_text(encoding="utf-8")


def run(number: int, *arguments: object, seconds: float | str = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HOME / "check.py"), str(number), *map(str, arguments), "--seconds", str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that the checker printed, and that it printed nothing else."""
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.stdout.strip()


@pytest.fixture
def checked(tmp_path, monkeypatch) -> Callable[..., str]:
    """Check a file made of a solution in which one text stands in place of another; returns what is wrong with it."""
    monkeypatch.syspath_prepend(str(HOME))
    asking, main = importlib.import_module("checker.asking"), importlib.import_module("checker.__main__")

    def check(number: int, old: str, new: str) -> str:
        text = solution(number)
        if number in (3, 4):  # of which the solutions are answers alone
            start = (HOME / f"exercise_{number}.py").read_text(encoding="utf-8")
            text = re.sub(r"^ANSWERS = \{.*?^\}", text[text.index("ANSWERS") :].strip(), start, flags=re.M | re.S)
        assert old in text
        path = tmp_path / "mine.py"
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(asking.Wrong) as wrong:
            importlib.import_module(f"checker.{main.MODULES[number]}").check(asking.load(path))
        said = str(wrong.value)
        assert "\n" not in said
        return said

    return check


@pytest.mark.parametrize("number", NUMBERS)
def test_every_solution_passes(number):
    done = run(number, HOME / "solutions" / f"solution_{number}.py")
    assert sentence(done).startswith(f"exercise {number}: right. ")
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "layer is not written yet"), (2, "output_gradient is not written yet"), (3, "ANSWERS[1] is still open"),
     (4, "ANSWERS['A'] is still open"), (5, "train is not written yet")],
)  # fmt: skip
def test_every_starting_file_is_told_what_is_missing(number, words):
    done = run(number)
    assert sentence(done).startswith(f"exercise {number}: not yet. ")
    assert words in done.stdout
    assert done.returncode == 1


FORWARD = [
    ("a_in @ weight + bias", "a_in @ weight", "layer leaves the bias out"),
    ("a_in @ weight + bias", "a_in @ weight.T + bias", r"mine\.py, line \d+, in layer: the shapes do not fit"),
    ("a_in @ weight + bias", "(a_in @ weight + bias).T", r"has the shape \(3, 5\) \(it lies the other way round\)"),
    ("a_in @ weight + bias", "print('z')", "layer gives back nothing; does it end with return"),
    ("a_in @ weight + bias", "'z'", "layer gives back str, and an array of numbers is wanted"),
    ("a_in @ weight + bias", "a_in @ weight + 2 * bias", r"layer is .* at \[0, 0\], and should be"),
    ("np.maximum(z, 0)", "np.abs(z)", "relu keeps the size of negative numbers"),
    ("np.maximum(z, 0)", "np.maximum(z, 0, out=z)", "relu changes an array that it was given"),
    ("z - z.max(axis=1, keepdims=True)", "z", "softmax is nan where z is 1000 or -1000: no power is that large"),
    ("e / e.sum(axis=1, keepdims=True)", "e / e.sum(axis=0)", "softmax adds up to 1 over the samples"),
    ("e / e.sum(axis=1, keepdims=True)", "e / e.sum()", "softmax adds up to 1 over the whole batch"),
    ("a = [x]", "a = []", r"mine\.py, line \d+, in forward: IndexError"),
    ("return a\n", "return a[1:]\n", "3 arrays of 4: x comes first"),
    ("return a\n", "return a[-1]\n", "one array, and a list is wanted"),
    ("a.append(softmax(", "a.append(relu(", "has a relu where the last layer should have its softmax"),
    ("a.append(relu(layer(a[-1], weight, bias)))", "a.append(layer(a[-1], weight, bias))", "the activation is missing"),
    ("def relu", "def rectify", r"mine\.py: there is no function relu"),
]
BACKWARD = [
    ("(a - y) / len(y)", "a - y", "is 5 times too large, and the batch has 5 rows: L is a mean"),
    ("(a - y) / len(y)", "(y - a) / len(y)", "output_gradient has the wrong sign"),
    ("(a - y) / len(y)", "-y / a / len(y)", "the way through the softmax is missing"),
    ("a_in.T @ d_z", "a_in.T @ d_z / len(d_z)", "d_weight is 5 times too small"),
    ("a_in.T @ d_z", "d_z.T @ a_in", r"has the shape \(3, 4\) \(it lies the other way round\), and \(4, 3\)"),
    ("d_z.sum(axis=0)", "d_z.mean(axis=0)", "d_bias is 5 times too small, and the batch has 5 rows"),
    ("d_z.sum(axis=0)", "d_z.sum(axis=1)", r"d_bias has the shape \(5,\), and \(3,\) is wanted"),
    ("return d_weight, d_bias", "return d_weight", "gives back one ndarray, and 2 are wanted"),
    ("d_z @ weight.T", "d_z @ weight", r"line \d+, in backward_input: the shapes do not fit"),
    ("d_z @ weight.T", "d_z @ (weight if len(weight) == 3 else weight.T)", "blame to the wrong neurons"),
    ("d_a * (1 - a**2)", "d_a", "backward_tanh is d_a: the slope of tanh is forgotten"),
    ("d_a * (1 - a**2)", "d_a * (1 - a)", "not that of tanh: look at its power"),
    ("backward_tanh(backward_input(d_z, weights[layer]), a[layer])", "backward_input(d_z, weights[layer])",
     "lacks the slope of tanh between two layers: a nudge of that number"),
    ("backward_tanh(backward_input(d_z, weights[layer]), a[layer])",
     "backward_tanh(backward_input(d_z, weights[layer]), a[layer]) * 2", "is wrong: a nudge of that number at"),
    ("insert(0, d_weight)", "append(d_weight)", "begins with the last layer, and the order of weights is wanted"),
]  # fmt: skip
BROKEN = [
    (
        '1: ("D", "transpose")',
        '1: ("E", "slope")',
        r"broken_1: line E is as it should be; .*d_biases\[1\] wrong and d_w",
    ),
    ('2: ("A", "batch")', '2: ("A", "sign")', "broken_2: line A it is, but not because"),
    ('3: ("E", "slope")', '3: ("F", "slope")', "names the line 'F', and the lines are A, B, C, D and E"),
    ('4: ("C", "bias")', '4: ("C", "because")', "gives the reason 'because', and it is one of"),
    ('4: ("C", "bias")', "4: 'C'", r"ANSWERS\[4\] is 'C', and a pair is wanted"),
]
DIAGNOSIS = [
    ('"A": "dead units"', '"A": "learning rate"', r"run A: .* moved a layer by at most 0\.\d+% of its weights"),
    ('"B": "scaling"', '"B": "dead units"', r"run B: .* at most \d\d% of a layer is dead"),
    ('"C": "nothing"', '"C": "initialisation"', r"run C: .* gradient of the first layer is at least 1\.\d+ times"),
    ('"D": "learning rate"', '"D": "scaling"', r"run D: .* first_loss is 2\.39, and chance_loss is 2\.3"),
    ('"E": "initialisation"', '"E": "nothing"', r"run E: .* at most 1\d% of the held-out digits"),
    ('"E": "initialisation"', '"E": "ghosts"', r"ANSWERS\['E'\] is 'ghosts', and it is one of nothing, "),
]
LOOP = [
    ("-= LR", "+= LR", "the training loss rose from .*: which way do you go|a weight is no longer a number"),
    ("        order = generator", "        return\n        order = generator", "train changes no weight"),
    ("y[rows])", "y[start : start + BATCH])", "do the rows of y still belong to the rows of x"),
    ("EPOCHS, BATCH, LR = 10, 32, 0.1", "EPOCHS, BATCH, LR = 3, 6000, 0.1", "all 6,000 rows: cut them into batches"),
    ("EPOCHS, BATCH, LR = 10, 32, 0.1", "EPOCHS, BATCH, LR = 1, 32, 0.01", "so there is more to learn"),
    ("EPOCHS, BATCH, LR = 10, 32, 0.1", "EPOCHS, BATCH, LR = 1, 32, 1e30", "a weight is no longer a number"),
    ("network.flat -=", "network.flat =", "network.flat is another array than before"),
]
WRONG = [
    (number, *case)
    for number, cases in enumerate((FORWARD, BACKWARD, BROKEN, DIAGNOSIS, LOOP), start=1)
    for case in cases
]


@pytest.mark.parametrize(("number", "old", "new", "words"), WRONG, ids=[f"{case[0]}: {case[2][:40]}" for case in WRONG])
def test_a_typical_mistake_gets_a_sentence_that_says_what_and_where(checked, number, old, new, words):
    said = checked(number, old, new)
    assert re.search(words, said), said


def test_a_checker_does_not_give_the_solution_away():
    for path in (HOME / "checker").glob("*.py"):
        told = " ".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', path.read_text(encoding="utf-8")))
        assert not re.search(r"\.T @|@ weight|/ len\(y\)|1 - a ?\*\* ?2", told), path.name


def mine(folder: Path, text: str) -> Path:
    path = folder / "my_answer.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_endless_loop_is_ended_and_its_line_told(tmp_path):
    text = solution(1).replace("    e = np.exp", "    while True:\n        z = z + 1\n    e = np.exp")
    done = run(1, mine(tmp_path, text), seconds=LATE)
    words = rf"my_answer\.py, line 1[89], in softmax: still running after {LATE} s; does every loop"
    assert re.search(words, sentence(done))
    assert done.returncode == 1


@pytest.mark.parametrize("text", ["while True:\n    pass\n", "while True:\n    print('z')\n"])
def test_an_endless_loop_outside_of_any_function_is_ended_too(tmp_path, text):
    done = run(1, mine(tmp_path, text), seconds=LATE)
    assert re.search(rf"my_answer\.py, line [12], in <module>: still running after {LATE} s", sentence(done))


def test_a_program_that_a_file_starts_ends_with_it(tmp_path):
    pytest.importorskip("fcntl", reason="Windows ends the file's own process alone")
    held = tmp_path / "held"
    sleeper = f"import fcntl, time; file = open({str(held)!r}, 'w'); fcntl.flock(file, fcntl.LOCK_EX); time.sleep(600)"
    text = (
        f"import os, subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {sleeper!r}])\n"
        f"while not os.path.exists({str(held)!r}):\n    time.sleep(0.01)\ntime.sleep(0.2)\n"
    )
    assert run(1, mine(tmp_path, text + solution(1))).returncode == 0
    with held.open("w") as file:
        assert is_free(file), "the program is still there"


def is_free(file: IO[str]) -> bool:
    """Lock a file as soon as nobody else does: what is killed lets go of it a moment later."""
    import fcntl

    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def layer(:\n", r"my_answer\.py, line 1: Python cannot read this"),
        ("import nowhere\n", r"my_answer\.py, line 1: ModuleNotFoundError"),
        ("raise SystemExit(0)\n", r"my_answer\.py, line 1: it ends the program"),
        ("import os\nos._exit(3)\n", r"my_answer\.py: it ended the whole program \(exit code 3\)"),
        ("input('name? ')\n", r"my_answer\.py, line 1: EOFError"),
        ("def layer(a, w, b):\n    return layer(a, w, b)\n", "in layer: a function calls itself without end"),
        ("def layer(a, w, b):\n    1 / 0\n", r"my_answer\.py, line 2, in layer: ZeroDivisionError"),
        ("x = bytearray(1 << 40)\n", r"my_answer\.py, line 1: it asks for more memory than there is"),
    ],
)
def test_whatever_a_file_does_ends_in_one_sentence(tmp_path, text, words):
    done = run(1, mine(tmp_path, text))
    assert re.search(words, sentence(done))
    assert done.returncode == 1


@pytest.mark.parametrize(
    "written", [(3, b"[1]"), (3, b"[" * 100_000), (3, b'{"right": true}'), (3, b"\xff"), (4, b"\xff")]
)
def test_a_file_that_writes_where_the_verdict_goes_gets_a_sentence_too(tmp_path, written):
    place, content = written
    path = tmp_path / "mine.py"
    path.write_text(
        f"import os, sys\nopen(sys.argv[{place}], 'wb').write({content!r})\nos._exit(0)\n", encoding="utf-8"
    )
    done = run(1, path)
    assert sentence(done).startswith("exercise 1: not yet. mine.py: ")
    assert done.returncode == 1


def test_an_error_of_ones_own_moves_no_cursor(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(r"raise ValueError('\x1b[2J\x07naïve')", encoding="utf-8")
    assert sentence(run(1, path)).endswith("mine.py, line 1: ValueError: ?[2J?naïve")


def test_what_a_file_prints_does_not_disturb_the_checker(tmp_path):
    garbage = (
        "import os, sys\nprint('{\"right\": true}' * 9999)\nsys.stderr.write('\\x00')\nos.write(1, b'\\xff' * 99)\n"
    )
    assert "layer is not written yet" in sentence(
        run(1, mine(tmp_path, garbage + (HOME / "exercise_1.py").read_text()))
    )
    assert ": right. " in sentence(run(1, mine(tmp_path, garbage + solution(1))))


def test_the_wrong_command_gets_a_sentence_too(tmp_path):
    done = run(1, tmp_path / "gone.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("gone.py: there is no such file; give the file that you have edited\n")
    assert run(9).returncode == 2
    for seconds in ("soon", 0, float("nan")):
        done = run(1, seconds=seconds)
        assert done.returncode == 2
        assert "is no time: give a number of seconds above 0" in done.stderr


def test_the_two_exercises_that_one_looks_at_show_what_there_is_to_see(tmp_path):
    shown = subprocess.run(
        [sys.executable, str(HOME / "exercise_3.py")], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert [line.strip() for line in shown.splitlines() if line.startswith("broken")] == [
        f"broken_{n}" for n in (1, 2, 3, 4)
    ]
    assert shown.count("wrong") == 4 + 6 + 4 + 3
    shown = subprocess.run(
        [sys.executable, str(HOME / "exercise_4.py")], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    from mlp_train.metrics_log import read_events

    for name in "ABCDE":
        assert f"run {name} (" in shown
        told = read_events(tmp_path / "runs" / "exercise-4" / f"{name}.jsonl")
        assert [event["event"] for event in told].count("EpochEnd") == 12
