"""`mlp-data` prints the answer alone on stdout, and says what is wrong in one sentence on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlp_data.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_images_are_listed(run: Run) -> None:
    code, out, err = run("inspect", "digits")
    assert code == 0
    assert err == "next: mlp-train fit digits\n"
    for words in (
        "digits: image, classification, 10 classes",
        "train  6,000  28 x 28 grey",
        "fit=ink to 28 x 28: 100%",
    ):
        assert words in out
    assert "\x1b" not in out


def test_a_table_is_listed_with_its_columns_and_what_is_left_out(run: Run) -> None:
    code, out, _ = run("inspect", "titanic")
    assert code == 0
    for words in ("classification of 'Survived'", "Sex       category", "177 missing", "PassengerId  an id"):
        assert words in out
    _, dropped, _ = run("inspect", "titanic", "--drop", "Ticket", "--columns", "Pclass=category")
    assert "Ticket       dropped as asked for" in dropped
    assert "Pclass    category" in dropped


def test_json_is_one_object_with_everything(run: Run) -> None:
    code, out, err = run("inspect", "titanic", "--json")
    assert (code, err) == (0, "")
    report: dict[str, Any] = json.loads(out)
    assert report["kind"] == "table"
    assert report["splits"]["train"] == {"samples": 891, "columns": 10}
    assert report["classes"] == {"0": {"train": 549}, "1": {"train": 342}}
    assert report["submission"] == ["PassengerId", "Survived"]
    assert {column["name"]: column["type"] for column in report["columns"]}["Cabin"] == "prefix"
    assert report["input"]["size"] > 10
    assert len(report["fingerprint"]) == 64
    assert isinstance(report["problems"], list)


def test_numbers_sizes_and_bad_images_are_told(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 7},{i * 1.5}\n" for i in range(40))
    (tmp_path / "prices.csv").write_text("rooms,age,price\n" + rows)
    _, out, _ = run("inspect", str(tmp_path / "prices.csv"), "--target", "price", "--task", "regression")
    assert "0 to 58.5  mean 29.25" in out
    for label in "01":
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(3):
            size = 4 + number
            pixels = bytes(range(size * size))
            (tmp_path / "pictures" / label / f"{number}.pgm").write_bytes(b"P5 %d %d 255 " % (size, size) + pixels)
    (tmp_path / "pictures" / "1" / "bad.png").touch()
    _, out, _ = run("inspect", str(tmp_path / "pictures"))
    assert "4 x 4 to 6 x 6 grey" in out
    assert "1 of 7 images cannot be read and are left out: '1/bad.png': the image is empty (0 bytes)" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["inspect", "titanik"], 3, "titanik: there is no such file or folder, did you mean 'titanic'?"),
        (["inspect", "titanic", "--target", "Surived"], 3, "did you mean 'Survived'?"),
        (["inspect", "titanic", "--drop", "Tickett"], 3, "did you mean 'Ticket'?"),
        (["inspect", "digits", "--fit", "inc"], 2, "option fit='inc' is not one of none, stretch, ink"),
        (["inspect", "titanic", "--columns", "Age"], 2, "option 'columns' cannot be 'Age': it is NAME=TYPE"),
        (["inspect", "digits", "--jsn"], 2, "--json"),
        (["inspct", "digits"], 2, "inspct"),
        (["inspect"], 2, "SOURCE"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_an_exit_code(run: Run, arguments: list[str], code: int, words: str) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_source_without_training_samples_is_still_shown(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 255 ab")
    code, out, _ = run("inspect", str(tmp_path / "a.pgm"))
    assert code == 0
    assert "unlabelled  1  1 x 2 grey" in out
    assert "there are no training samples, only 1 unlabelled" in out


def test_debug_shows_where_it_went_wrong() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from mlp_data.cli import main; main()", "inspect", "nothing.zip", "--debug"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in ran.stderr
    assert "DataError" in ran.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from mlp_data.cli import main; main()", "inspect", "xor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def start(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from mlp_data.cli import main; main()", *arguments]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False, **more)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a device that is always full")
def test_an_answer_that_finds_no_room_is_one_sentence_and_exit_code_6() -> None:
    with Path("/dev/full").open("w") as full:
        done = start("inspect", "xor", stdout=full)
    assert done.returncode == 6
    assert done.stderr == "error: standard output cannot be written: No space left on device: free some space\n"


def test_a_closed_stdout_is_no_bug() -> None:
    done = start("inspect", "xor", preexec_fn=lambda: os.close(1))
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


def test_a_terminal_that_lacks_a_letter_gets_it_escaped(tmp_path: Path) -> None:
    rows = "\n".join(f"{i * 7 % 5},{'őa'[i % 2]}" for i in range(40))
    (tmp_path / "t.csv").write_text(f"x,label\n{rows}\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    for arguments in (["t.csv"], ["t.csv", "--json"]):
        done = start("inspect", *arguments, stdout=subprocess.PIPE, env=environment, cwd=tmp_path)
        assert done.returncode == 0
        assert r"\u0151" in done.stdout


def test_a_name_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    rows = "\n".join(f"{i * 7 % 5},{'ab'[i % 2]}\x1b[2J" for i in range(40))
    (tmp_path / "t.csv").write_text(f"\x1b]0;x\x07,label\n{rows}\n", encoding="utf-8")
    code, out, err = run("inspect", str(tmp_path / "t.csv"))
    assert code == 0
    assert r"a\x1b[2J  20 train" in out
    assert r"\x1b]0;x\x07" in out
    code, _, err = run("inspect", str(tmp_path / "no\x1b[2J\nsuch.csv"))
    assert code == 3
    assert r"no\x1b[2J such.csv: there is no such file" in err
    for text in (out, err):
        assert all(sign.isprintable() for sign in text.replace("\n", ""))


def test_a_bug_of_ours_is_one_sentence_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise RuntimeError("went wrong")

    monkeypatch.setattr("mlp_data.sources.load", wrong)
    code, out, err = run("inspect", "xor")
    assert (code, out) == (1, "")
    assert err == (
        "error: this is a bug of mlp-data, please report it: RuntimeError: went wrong; "
        "the same command with --debug shows where\n"
    )


def test_too_little_memory_is_no_bug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr("mlp_data.sources.load", too_large)
    code, _, err = run("inspect", "xor")
    assert code == 3
    assert err == "error: the data take more memory than there is (Unable to allocate 9 TiB): give less at once\n"


def test_help_needs_neither_numpy_nor_opencv() -> None:
    code = (
        "import sys\nfrom mlp_data.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'cv2', 'mlp_runtime'} & set(sys.modules)))"
    )
    environment = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout.endswith("[]\n")
    assert "inspect" in ran.stdout


def test_help_is_plain_and_whole(run: Run) -> None:
    assert "Usage: mlp-data inspect [OPTIONS] SOURCE\n" in run("inspect", "--help")[1]
    for arguments in (["--help"], ["inspect", "--help"]):
        code, out, _ = run(*arguments)
        assert code == 0
        assert not set("╭│{<") & set(out)
        assert "..." not in out.replace("[ARGS]...", "")


def test_a_loader_of_your_own_comes_with_a_plug_in_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import mlp_data\n"
        "@mlp_data.loader('from test_cli')\n"
        "def load(source, options):\n"
        "    if source.members[0].head().startswith(b'from test_cli'):\n"
        "        return mlp_data.from_arrays([[0.0], [1.0]], ['a', 'b'], name=source.name)\n",
        encoding="utf-8",
    )
    (tmp_path / "some.data").write_bytes(b"from test_cli")
    source, plugin = str(tmp_path / "some.data"), str(tmp_path / "mine.py")
    assert run("inspect", source)[0] == 3
    code, out, err = run("inspect", source, "--plugin", plugin)
    assert code == 0
    assert "some.data: vector, classification, 2 classes" in out
    assert err == f"next: mlp-train fit {source} --plugin {plugin}\n"
    code, out, err = run("inspect", source, "--plugin", "none.py")
    assert (code, out) == (2, "")
    assert err == "error: none.py: there is no such plug-in file; give the path of a .py file\n"


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, "mlp-data 0.1.0\n", "")


def test_images_that_lie_on_their_side_are_turned(run: Run, tmp_path: Path) -> None:
    (tmp_path / "train-images").write_bytes(b"\0\0\x08\x03\0\0\0\x02\0\0\0\x04\0\0\0\x03" + bytes(range(24)))
    (tmp_path / "train-labels").write_bytes(b"\0\0\x08\x01\0\0\0\x02\0\x01")
    assert "train  2  4 x 3 grey" in run("inspect", str(tmp_path))[1]
    assert "train  2  3 x 4 grey" in run("inspect", str(tmp_path), "--transpose")[1]
