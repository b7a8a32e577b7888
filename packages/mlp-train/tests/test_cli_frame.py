"""Around every command: one sentence for every error, an exit code for every cause, and the answer alone on stdout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
COMMANDS = ("fit", "evaluate", "predict", "inspect", "gradcheck", "env")
HEAVY = (
    "numpy",
    "cv2",
    "rich",
    "msgpack",
    "mlp_runtime",
    "mlp_data.dataset",
    "mlp_data.errors",
    "mlp_train.config",
    "mlp_train.trainer",
)


def one_sentence(err: str) -> str:
    assert err.startswith("error: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    return err.removeprefix("error: ").strip()


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\n"
        "from mlp_train.cli import main\n"
        "try:\n    main()\n"
        f"finally:\n    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Usage: mlp-train" in done.stdout
    assert done.stderr.strip() == "[]"


def test_help_names_every_command(mlp_train: Run) -> None:
    answer = mlp_train("--help")
    assert answer.code == 0
    assert all(f"  {name}  " in answer.out for name in COMMANDS)


def test_help_is_written_for_people(mlp_train: Run) -> None:
    everything = "".join(mlp_train(*command, "--help").out for command in [[], *([name] for name in COMMANDS)])
    for internal in ("...}", "<str>", "<list", ",...", "{"):
        assert internal not in everything, internal
    assert "Usage: mlp-train predict [OPTIONS] MODEL INPUT...\n" in everything
    assert "Usage: mlp-train fit [OPTIONS] [SOURCE]\n" in everything
    assert "finite differences." in " ".join(mlp_train("--help").out.split())
    assert all(name in mlp_train("fit", "--help").out for name in ("adamw", "adam,", "sgd", "momentum", "nesterov"))


def test_no_command_shows_the_help_but_is_an_error(mlp_train: Run) -> None:
    answer = mlp_train()
    assert answer.code == 2
    assert answer.out == ""
    assert "Usage: mlp-train" in answer.err


def test_version_is_the_packages(mlp_train: Run) -> None:
    from mlp_train import __version__

    assert mlp_train("--version").out == f"mlp-train {__version__}\n"


def test_o_is_where_the_result_goes_in_every_command_that_writes_one(mlp_train: Run) -> None:
    wanted = {"fit", "tune", "predict", "export", "import", "report"}
    assert {name for name in wanted if re.search(r"--out +-o|-o, --out", mlp_train(name, "--help").out)} == wanted
    assert mlp_train("fit", "xor", "--epochs", "1", "-q", "-o", "x").code == 0
    assert mlp_train("export", "x", "-o", "small.mlp").code == 0
    assert Path("small.mlp").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fti"], "unknown command 'fti', did you mean 'fit'?"),
        (["fit", "--epohs", "3"], "unknown option '--epohs', did you mean '--epochs'?; see 'mlp-train fit --help'"),
        (["--colour"], "unknown option '--colour'"),
        (["evaluate"], "missing argument 'MODEL'"),
        (["fit", "--epochs"], "'--epochs' requires an argument"),
        (["fit", "xor", "digits"], "(digits); see 'mlp-train fit --help'"),
        (["fit", "--epochs", "many"], "option 'epochs' cannot be 'many'"),
        (["fit", "xor", "--activation", "rleu"], "did you mean 'relu'?"),
        (["fit", "xor", "--optimizer", "adamm"], "did you mean 'adam'?"),
        (["fit", "xor", "--loss", "cross-entropi"], "did you mean 'cross-entropy'?"),
        (["fit", "xor", "--weights", "float8"], "unknown weights 'float8'"),
        (["fit", "xor", "--plugin", "none.py"], "none.py: there is no such plug-in file"),
        (["fit", "--config", "none.toml"], "none.toml: the settings cannot be read"),
        (["fit", "--resume", "none"], "none: there is no such run folder"),
        (["fit", "xor", "--min-accuracy", "95"], "it is a share from 0 to 1"),
        (["evaluate", "none.mlp", "xor"], "none.mlp: the model cannot be opened"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(mlp_train: Run, arguments: list[str], said: str) -> None:
    answer = mlp_train(*arguments)
    assert said in one_sentence(answer.err.splitlines(keepends=True)[-1])
    assert answer.code == 2
    assert answer.out == ""
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.zip", None, "none.zip: there is no such file"),
        ("empty.zip", b"", "empty"),
        ("text.zip", b"this is not an archive at all, but a text", "text.zip"),
        ("ragged.csv", b"a,b,y\n1,2,0\n1,2\n3,4,1\n", "ragged.csv"),
        ("one.csv", b"a,y\n1,yes\n2,yes\n3,yes\n", "one class"),
        ("short.png", b"\x89PNG\r\n\x1a\n", "short.png"),
    ],
)
def test_unusable_data_are_one_sentence_and_exit_code_3(
    mlp_train: Run, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    answer = mlp_train("fit", name)
    assert said in one_sentence(answer.err)
    assert answer.code == 3
    assert answer.out == ""


def test_a_column_that_is_not_there_names_the_nearest(mlp_train: Run) -> None:
    answer = mlp_train("fit", "titanic", "--target", "Survive")
    assert "did you mean 'Survived'?" in one_sentence(answer.err)
    assert answer.code == 3


def test_a_file_that_is_no_model_has_exit_code_4(mlp_train: Run) -> None:
    Path("fake.mlp").write_bytes(b"PK\x03\x04 not a model")
    for command in (["predict", "fake.mlp", "xor"], ["evaluate", "fake.mlp", "xor"], ["inspect", "fake.mlp"]):
        answer = mlp_train(*command)
        assert "fake.mlp" in one_sentence(answer.err)
        assert answer.code == 4


def test_a_diverged_training_has_exit_code_7_and_says_what_to_try(mlp_train: Run) -> None:
    answer = mlp_train("fit", "titanic", "--optimizer", "sgd", "--lr", "1e30", "--quiet")
    assert "--lr" in one_sentence(answer.err)
    assert answer.code == 7
    assert answer.out == ""


def test_a_traceback_comes_with_debug_alone(mlp_train: Run) -> None:
    quiet, loud = mlp_train("fit", "none.zip"), mlp_train("fit", "none.zip", "--debug")
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err
    assert loud.err.splitlines()[-1] == quiet.err.strip()
    assert loud.code == quiet.code == 3


def test_a_bug_of_ours_is_told_as_one(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, object]:
        raise ZeroDivisionError("over\nthere")

    monkeypatch.setattr("mlp_train.environment.environment", broken)
    answer = mlp_train("env")
    assert answer.code == 1
    assert "ZeroDivisionError: over there" in one_sentence(answer.err)
    assert "--debug" in answer.err


def test_ctrl_c_in_any_command_is_exit_code_130(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed() -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlp_train.environment.environment", pressed)
    answer = mlp_train("env")
    assert answer.code == 130
    assert one_sentence(answer.err).startswith("interrupted")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell's pipe")
def test_a_reader_that_has_seen_enough_is_no_error(command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # before anything could be written
    done = subprocess.run([*command, "inspect", "titanic"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_has_exit_code_6(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command, "env", "-q"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert "disk is full" in one_sentence(done.stderr)
    assert done.returncode == 6


def test_an_error_cannot_steer_the_terminal(mlp_train: Run) -> None:
    answer = mlp_train("fit", "no\x1b[2J\nsuch.zip")
    assert answer.code == 3
    assert one_sentence(answer.err).startswith(r"no\x1b[2J such.zip: there is no such file")


def test_too_little_memory_is_no_bug(mlp_train: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr("mlp_data.load", too_large)
    answer = mlp_train("fit", "xor")
    assert answer.code == 2
    assert one_sentence(answer.err) == (
        "this takes more memory than there is (Unable to allocate 9 TiB); give less data, a smaller --hidden, "
        "a smaller --batch-size, or use a larger machine"
    )


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_do_not_stop_the_work(command: list[str], tmp_path: Path, closed: tuple[int]) -> None:
    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    arguments = ["fit", "xor", "--epochs", "2", "--out", "run", "--progress", "lines"]
    done = subprocess.run([*command, *arguments], cwd=tmp_path, preexec_fn=close, capture_output=True, check=False)
    assert done.returncode == 0
    assert (tmp_path / "run" / "model.mlp").is_file()
    events = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert all(line.startswith("{") for line in events)  # nothing of what was said went into a file of ours


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a device that is always full")
def test_a_full_disk_behind_stderr_is_no_bug(command: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command, "fit", "xor"], cwd=tmp_path, stderr=full, stdout=subprocess.PIPE, check=False)
    assert done.returncode == 6


def test_a_terminal_that_lacks_a_letter_gets_it_escaped(command: list[str], tmp_path: Path) -> None:
    rows = "\n".join(f"{i * 7 % 5},{'őa'[i % 2]}" for i in range(40))
    (tmp_path / "t.csv").write_text(f"x,label\n{rows}\n", encoding="utf-8")
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*command, "inspect", "t.csv"], cwd=tmp_path, env=latin, capture_output=True, check=False)
    assert done.returncode == 0
    assert rb"\u0151" in done.stdout


def test_what_goes_wrong_in_a_plug_in_later_is_told_as_the_plug_ins(mlp_train: Run, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        "from mlp_train.optimizers import SGD\n"
        "from mlp_train.plugins import register_optimizer\n"
        "class Late(SGD):\n"
        "    def update(self, parameters, gradient, lr):\n"
        "        raise ValueError('not today')\n"
        "register_optimizer('late', Late)\n"
    )
    answer = mlp_train("fit", "xor", "--plugin", "late.py", "--optimizer", "late", "-q")
    assert answer.code == 2
    assert one_sentence(answer.err) == "late.py, line 5: ValueError: not today; mend the plug-in"
