"""The command line answers on stdout, complains on stderr in one sentence, and says how it went by its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from make_model import digits, prices, topics, xor

import mlp_runtime
from mlp_runtime.__main__ import main
from mlp_runtime.rawfiles import netpbm

FRAME = np.zeros((40, 50), np.uint8)
FRAME[10:30, 20:25] = 255


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with three models, as the current one."""
    for name, data in {"xor": xor(), "digits": digits(fit="ink", ink="auto"), "prices": prices()}.items():
        (tmp_path / f"{name}.mlp").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys, *arguments, code=0):
    """Return what the command prints on stdout, or on stderr if it is to end with another code than 0."""
    try:
        found = main([str(argument) for argument in arguments])
    except SystemExit as stop:  # argparse
        found = stop.code
    printed = capsys.readouterr()
    assert found == code, printed
    if code:
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        assert "Traceback" not in printed.err
        return printed.err
    assert printed.err == ""
    return printed.out


# --- bench ---


@pytest.mark.parametrize("model", ["xor", "digits", "prices"])
def test_bench_measures_any_model(folder, capsys, model, monkeypatch):
    monkeypatch.setattr("mlp_runtime.bench.SECONDS", 0.01)
    lines = answer(capsys, "bench", f"{model}.mlp").splitlines()
    assert [line[:20].strip() for line in lines[2:]] == [
        "load", "forward, 1 row", "predict, 1 input", "forward, 32 rows", "forward, 256 rows"
    ]  # fmt: skip
    told = json.loads(answer(capsys, "bench", f"{model}.mlp", "--json"))
    one = told["forward, 1 row"]
    assert 0 < one["p50_us"] <= one["p99_us"]
    assert one["rows_per_second"] == pytest.approx(1e6 / one["p50_us"], rel=0.1)


# --- info ------------------------------------------------------------------------------------------------------------


def test_info_says_what_is_in_the_file(folder, capsys):
    text = answer(capsys, "info", "xor.mlp")
    for part in (
        "path: xor.mlp",
        "format: 1.0",
        "weights: 9",
        "layers 2\n  inputs: 2",
        "activation: relu",
        "classes: no, yes",
        "accuracy: 1",
    ):
        assert part in text
    assert "fit: ink" in answer(capsys, "info", "digits.mlp")
    assert "name: town\n    type: category" in answer(capsys, "info", "prices.mlp")


def test_info_as_json_is_what_describe_returns(folder, capsys):
    found = json.loads(answer(capsys, "info", "xor.mlp", "--json"))
    assert found == mlp_runtime.load("xor.mlp").describe()


# --- predict ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_image_file_gives_the_same_label(folder, capsys):
    np.save("frame.npy", FRAME)
    (folder / "frame.pgm").write_bytes(b"P5\n# a comment\n50 40\n255\n" + FRAME.tobytes())
    (folder / "plain.pgm").write_text("P2 50 40 255\n" + " ".join(map(str, FRAME.ravel())))
    (folder / "colour.ppm").write_bytes(b"P6 50 40 255 " + np.repeat(FRAME[..., None], 3, 2).tobytes())
    (folder / "frame.json").write_text(json.dumps(FRAME.tolist()))
    files = ["frame.npy", "frame.pgm", "plain.pgm", "colour.ppm", "frame.json"]
    label = mlp_runtime.load("digits.mlp").predict(FRAME)
    assert answer(capsys, "predict", "digits.mlp", "frame.npy") == f"{label}\n"
    assert answer(capsys, "predict", "digits.mlp", *files) == "".join(f"{name}\t{label}\n" for name in files)


def test_a_file_with_many_inputs_gives_a_line_for_each(folder, capsys):
    np.save("frames.npy", np.stack([FRAME] * 3))
    assert len(answer(capsys, "predict", "digits.mlp", "frames.npy").splitlines()) == 3


def test_rows_of_pixels_are_read_from_csv(folder, capsys):
    image = np.zeros((28, 28), np.uint8)
    image[5:20, 12:15] = 200
    (folder / "rows.csv").write_text(
        ",".join(f"pixel{i}" for i in range(784)) + "\n" + ",".join(map(str, image.ravel()))
    )
    label = mlp_runtime.load("digits.mlp").predict(image)
    assert answer(capsys, "predict", "digits.mlp", "rows.csv") == f"{label}\n"


def test_a_table_reads_rows_by_name(folder, capsys):
    (folder / "rows.csv").write_text("id;town;rooms;garden\n1;Ulm;3;yes\n2;Paris;;no\n")
    rows = [{"town": "Ulm", "rooms": 3, "garden": True}, {"town": "Paris", "rooms": None, "garden": False}]
    (folder / "rows.json").write_text(json.dumps(rows))
    (folder / "row.json").write_text(json.dumps(rows[0]))
    expected = "".join(f"{value:.7g}\n" for value in mlp_runtime.load("prices.mlp").predict(rows))
    assert answer(capsys, "predict", "prices.mlp", "rows.csv") == expected
    assert answer(capsys, "predict", "prices.mlp", "rows.json") == expected
    assert answer(capsys, "predict", "prices.mlp", "row.json") == expected.splitlines()[0] + "\n"


def test_vectors_are_read_with_names_in_any_order_or_without(folder, capsys):
    (folder / "named.csv").write_text("\ufeffb,spare,a\n1,x,0\n1,y,1\n", encoding="utf-8")
    (folder / "bare.csv").write_text("0\t1\n1\t1\n")
    for name in ("named.csv", "bare.csv"):
        assert answer(capsys, "predict", "xor.mlp", name) == "yes\nno\n"


def test_labels_are_listed_with_commas_and_in_json_as_a_list(folder, capsys):
    (folder / "topics.mlp").write_bytes(topics(0.0))
    (folder / "none.mlp").write_bytes(topics(1.0))
    (folder / "x.json").write_text("[[0, 1], [1, 1]]")
    assert answer(capsys, "predict", "topics.mlp", "x.json") == "red, green, blue\n" * 2
    assert answer(capsys, "predict", "none.mlp", "x.json") == "\n\n"
    found = json.loads(answer(capsys, "predict", "topics.mlp", "x.json", "--json"))["predictions"]
    assert found[0]["labels"] == ["red", "green", "blue"]
    assert found[0].keys() == {"input", "labels", "probabilities"}
    assert found[0]["probabilities"].keys() == {"red", "green", "blue"}
    (folder / "one.json").write_text("[0, 1]")
    (one,) = json.loads(answer(capsys, "predict", "none.mlp", "one.json", "--json"))["predictions"]
    assert one["labels"] == []


def test_json_has_one_object_with_every_probability(folder, capsys):
    (folder / "x.json").write_text("[[0, 1], [1, 1]]")
    found = json.loads(answer(capsys, "predict", "xor.mlp", "x.json", "--json"))
    assert found["model"] == "xor.mlp"
    assert [(one["input"], one["label"]) for one in found["predictions"]] == [("x.json[0]", "yes"), ("x.json[1]", "no")]
    assert [one["confidence"] for one in found["predictions"]] == [
        max(one["probabilities"].values()) for one in found["predictions"]
    ]
    assert found["predictions"][0]["probabilities"]["yes"] == pytest.approx(0.99995, abs=1e-5)
    (folder / "row.json").write_text('{"town": "Ulm", "rooms": 3, "garden": true}')
    found = json.loads(answer(capsys, "predict", "prices.mlp", "row.json", "--json"))
    assert list(found["predictions"][0]) == ["input", "value"]


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["foo"], "invalid choice: 'foo'"),
        (["info"], "FILE"),
        (["predict", "xor.mlp"], "INPUT"),
        (["info", "xor.mlp", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_usage_ends_with_2(folder, capsys, arguments, words):
    error = answer(capsys, *arguments, code=2)
    assert words in error
    assert "--help" in error


def test_an_unusable_model_ends_with_4(folder, capsys):
    assert "none.mlp: the model file can't be read: No such file" in answer(capsys, "info", "none.mlp", code=4)
    assert "the model file can't be read: Is a directory" in answer(capsys, "info", ".", code=4)
    (folder / "cut.mlp").write_bytes(xor()[:-1])
    assert "cut.mlp: found 1231 bytes, wanted 1232" in answer(capsys, "predict", "cut.mlp", "x.json", code=4)
    (folder / "text.mlp").write_text("hello, this is no model")
    assert "text.mlp: found bytes 68 65 6c" in answer(capsys, "info", "text.mlp", code=4)


INPUTS = [
    (
        "digits",
        "x.png",
        b"\x89PNG\r\n\x1a\n",
        "found a PNG image, wanted .npy, JSON, CSV or PGM/PPM: mlp-train predict",
    ),
    ("digits", "x.jpg", b"\xff\xd8\xff\xe0", "found a JPEG image"),
    ("digits", "x.zip", b"PK\x03\x04", "found a zip archive"),
    ("digits", "x.bin", b"\x00\x01\x02", "found a binary file"),
    ("digits", "x.txt", b"\xff\xfe", "found a binary file"),
    ("digits", "x.npy", b"\x93NUMPY\x01\x00\xff\xff{", "it can't be read"),
    ("digits", "x.npy", b"\x93NUMPY\x01\x00\x06\x00{[(\n  ", "it can't be read"),
    (
        "digits",
        "x.pgm",
        b"P5 2 2 255 abc",
        "found a damaged PGM/PPM image (cannot reshape array of size 3 into shape (2,2))",
    ),
    ("digits", "x.pgm", b"P5 0 2 255 ", "found a damaged PGM/PPM image"),
    ("digits", "x.pgm", b"P5 999999999 999999999 255 a", "found a damaged PGM/PPM image"),
    ("digits", "x.pgm", b"P5 1 1 70000 aa", "found a damaged PGM/PPM image"),
    ("digits", "x.pgm", b"P2 2 1 15 3 16", "found a damaged PGM/PPM image"),
    ("digits", "x.pgm", b"P2 2 1 15 3 -1", "found a damaged PGM/PPM image"),
    ("digits", "x.pgm", b"P5 1 2 300 abc", "found a damaged PGM/PPM image"),
    ("digits", "x.json", b"[[1, 2], [3]]", "it can't be read"),
    ("digits", "x.json", b"[[1, 2], [3, 4]", "it can't be read"),
    ("digits", "x.json", b"[" * 100_000, "it can't be read"),
    ("digits", "x.csv", b"1,2,3\n", "found 3 numbers in every row, wanted 784"),
    ("xor", "x.csv", b"", "found no row of values"),
    ("xor", "x.csv", b"a,b\n", "found no row of values"),
    ("xor", "x.csv", b"a,b\n1\n", "found 1 cells in row 2, wanted 2"),
    ("xor", "x.csv", b"a,b\n1,x\n", "found 'x' in a cell, wanted numbers"),
    ("xor", "x.csv", b"a,bb\n1,1\n", "found no column 'b', did you mean 'bb'?, wanted all"),
    ("xor", "x.csv", b"1,nan\n", "nan"),
    ("xor", "x.json", b"[1, 2, 3]", "(2,)"),
    ("xor", "x.json", b"{}", "(2,)"),
    ("prices", "x.csv", b"rooms,town\n3,Ulm\n", "'garden'"),
    ("prices", "x.csv", b"rooms,town,garden\nmany,Ulm,yes\n", "'many'"),
    ("prices", "x.json", b"[1, 2]", "list of 2"),
]


@pytest.mark.parametrize(("model", "name", "data", "words"), INPUTS)
def test_an_unusable_input_ends_with_3(folder, capsys, model, name, data, words):
    (folder / name).write_bytes(data)
    error = answer(capsys, "predict", f"{model}.mlp", name, code=3)
    assert error.startswith(f"mlp_runtime: {name}: ")
    assert words in error


def test_a_missing_input_or_a_folder_ends_with_3(folder, capsys):
    assert "none.npy: the input can't be read: No such file" in answer(capsys, "predict", "xor.mlp", "none.npy", code=3)
    assert "Is a directory" in answer(capsys, "predict", "xor.mlp", ".", code=3)


def test_a_pickle_in_an_npy_file_is_never_opened(folder, capsys):
    np.save("evil.npy", np.array([{"a": 1}], object), allow_pickle=True)
    assert "allow_pickle=False" in answer(capsys, "predict", "xor.mlp", "evil.npy", code=3)


def test_a_bug_is_one_sentence_without_debug(folder, capsys, monkeypatch):
    def broken(path):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("mlp_runtime.__main__.load", broken)
    assert "this is a bug, ZeroDivisionError: oh: run it again with --debug" in answer(
        capsys, "info", "xor.mlp", code=1
    )
    with pytest.raises(ZeroDivisionError):
        main(["info", "xor.mlp", "--debug"])


def test_an_interrupt_ends_with_130(folder, monkeypatch):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlp_runtime.__main__.load", interrupted)
    assert main(["info", "xor.mlp"]) == 130


# --- as a process ----------------------------------------------------------------------------------------------------


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "mlp_runtime", *arguments], timeout=60, check=False, **options
    )


def test_it_runs_as_a_module(folder):
    (folder / "x.json").write_text("[0, 1]")
    result = run("predict", "xor.mlp", "x.json", capture_output=True)
    assert (result.returncode, result.stdout.split(), result.stderr) == (0, [b"yes"], b"")
    result = run("--version", capture_output=True, text=True)
    assert result.stdout.strip() == mlp_runtime.__version__


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_reader_that_has_seen_enough_is_no_error(folder):
    reading, writing = os.pipe()
    os.close(reading)
    result = run("info", "xor.mlp", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")  # noqa: PTH110
def test_a_full_disk_ends_with_6(folder):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        result = run("info", "xor.mlp", stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 6
    assert result.stderr == "mlp_runtime: the answer can't be written to stdout: No space left on device\n"


# --- PGM and PPM -----------------------------------------------------------------------------------------------------


def test_an_image_with_other_levels_is_brought_to_255():
    np.testing.assert_array_equal(netpbm(b"P5 2 1 1 \x00\x01"), [[0, 255]])
    np.testing.assert_array_equal(netpbm(b"P5 2 1 65535 \x80\x00\xff\xff"), [[128, 255]])
    np.testing.assert_array_equal(netpbm(b"P3\n1 2\n#c\n15\n0 15 0\n15 0 5\n"), [[[0, 255, 0]], [[255, 0, 85]]])


# --- what a file or a caller says, and the terminal ------------------------------------------------------------------


def test_no_name_in_a_file_steers_the_terminal(folder, capsys):
    steering = "\x1b[2J\x1b]0;owned\x07\n"

    def change(header):
        header["output"]["classes"] = ["no" + steering, "yes\u202e"]
        header["meta"] = {"name" + steering: steering}

    (folder / "odd.mlp").write_bytes(xor(change))
    for words in (
        answer(capsys, "info", "odd.mlp"),
        answer(capsys, "info", "odd.mlp", "--json"),
        answer(capsys, "predict", "odd.mlp", made(folder, np.zeros((2, 2)))),
        answer(capsys, "predict", "odd.mlp", made(folder, np.zeros((2, 2))), "--json"),
        answer(capsys, "info", "gone" + steering, code=4),
    ):
        assert all(line.isprintable() for line in words.split("\n"))
        assert r"\x1b[2J" in words or r"\u001b[2J" in words


def test_a_terminal_that_lacks_a_letter_gets_it_escaped(folder):
    (folder / "odd.mlp").write_bytes(xor(lambda header: header["output"].update(classes=["nő", "yes"])))
    command = [sys.executable, "-m", "mlp_runtime", "info", "odd.mlp"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"classes: n\u0151, yes" in done.stdout


def made(folder, array):
    """Return the path of an .npy file that holds the array."""
    np.save(folder / "rows.npy", array)
    return folder / "rows.npy"
