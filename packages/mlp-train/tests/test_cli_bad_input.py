"""Bad input at the command line: one sentence says what, where, what was found and what to do, and an exit code why."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
Members = dict[str, bytes]


def zipped(members: Members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def encrypted(members: Members) -> bytes:
    """Set the bit that says so, in the header of every member and in the list of them."""
    content = bytearray(zipped(members))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(mark)
        while start >= 0:
            content[start + at] |= 1
            start = content.find(mark, start + 1)
    return bytes(content)


def idx(array: np.ndarray) -> bytes:
    shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def pgm(shade: int = 0, width: int = 9, height: int = 9) -> bytes:
    """An image with a bright stroke, or with none where the shade is that of the stroke."""
    pixels = np.full((height, width), shade, np.uint8)
    pixels[2:-2, width // 2] = 255
    return b"P5 %d %d 255 " % (width, height) + pixels.tobytes()


IMAGES, LABELS = np.zeros((40, 28, 28)), np.arange(40) % 10
TABLE = b"a,b,y\n" + b"".join(b"%.1f,%d,%d\n" % (i * 37 % 101 / 10, i * i % 7, i % 2) for i in range(60))

UNUSABLE = {
    "not an archive": ("x.zip", b"this is a text and no archive at all", "no loader knows this data"),
    "empty": ("x.zip", b"", "the file is empty (0 bytes)"),
    "an empty archive": ("x.zip", zipped({}), "the archive holds nothing"),
    "encrypted": ("x.zip", encrypted({"a.csv": TABLE}), "is encrypted"),
    "only junk": ("x.zip", zipped({"__MACOSX/._a": b"x", ".DS_Store": b"x"}), "nothing but folders and files that"),
    "truncated": ("x.zip", zipped({"a.csv": TABLE})[:-30], "cut short"),
    "a traversal name": ("x.zip", zipped({"../a.csv": TABLE}), "climbs out of its folder"),
    "inflating": ("x.zip", zipped({"a.csv": bytes(4 << 20)}), "inflates"),
    "IDX with a short body": (
        "x.zip",
        zipped({"train-images": idx(IMAGES)[:-9], "train-labels": idx(LABELS)}),
        "the IDX header promises shape (40, 28, 28)",
    ),
    "IDX labels that do not match": (
        "x.zip",
        zipped({"train-images": idx(IMAGES), "train-labels": idx(LABELS[:-1])}),
        "holds 40 images but 'train-labels' holds 39 labels",
    ),
    "ragged rows": ("x.csv", TABLE + b"1,2\n", "x.csv: line 62 has 2 fields but the first line has 3"),
    "no target": ("x.csv", b"a\n1\n2\n", "there is no target"),
    "one class": ("x.csv", b"a,y\n1,yes\n2,yes\n3,yes\n", "the target 'y' has one class, 'yes', in all 3 rows"),
    "nothing but an empty column": ("x.csv", b"a,y\n,0\n,1\n,0\n,1\n", "'a': all 4 cells are empty"),
    "images of zero bytes": ("x.zip", zipped({"a/1.png": b"", "b/1.png": b""}), "none of its 2 images can be read"),
    "fewer samples than classes": (
        "x.npz",
        npz(x=np.eye(3), y=np.arange(3), class_names=np.array(list("abcde"))),
        "3 training samples cannot show all of the 5 classes",
    ),
    "NaN in the features": (
        "x.npz",
        npz(x=np.full((40, 2), np.nan), y=np.arange(40) % 2),
        "the first in row 0, column 0",
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_data_that_cannot_be_trained_on_are_one_sentence_and_exit_code_3(mlp_train: Run, kind: str) -> None:
    name, content, said = UNUSABLE[kind]
    Path(name).write_bytes(content)
    answer = mlp_train("fit", name, "--out", "run", "-q")
    assert answer.err.startswith(f"error: {name}")
    assert said in answer.err
    assert answer.err.count("\n") == 1, "one sentence"
    assert (answer.code, answer.out) == (3, "")
    assert not Path("run/model.mlp").exists()


NOTED = {
    "text in a number column": ("x.csv", TABLE.replace(b"\n3.7,", b"\nabc,"), "1 cell is no number ('abc' in line 3)"),
    "an empty column": (
        "x.csv",
        TABLE.replace(b"b,y", b"b,c,y").replace(b",0\n", b",,0\n").replace(b",1\n", b",,1\n"),
        "left out: 'c', all 54 cells are empty",
    ),
    "images of one colour": (
        "x.zip",
        zipped({f"{c}/{i}.pgm": pgm(255 if i == 3 else i) for c in "ab" for i in range(20)}),
        "images are of one colour",
    ),
    "images of different sizes": (
        "x.zip",
        zipped({f"{c}/{i}.pgm": pgm(i, 9 + i % 3) for c in "ab" for i in range(20)}),
        "images, of different sizes, 2 classes",
    ),
    "one image of zero bytes": (
        "x.zip",
        zipped({"a/bad.pgm": b"", **{f"{c}/{i}.pgm": pgm(i) for c in "ab" for i in range(20)}}),
        "1 of 41 images cannot be read and are left out: 'a/bad.pgm': the image is empty (0 bytes)",
    ),
}


@pytest.mark.parametrize("kind", NOTED)
def test_what_spoils_only_a_part_of_the_data_is_told_and_the_rest_trained_on(mlp_train: Run, kind: str) -> None:
    name, content, said = NOTED[kind]
    Path(name).write_bytes(content)
    answer = mlp_train("fit", name, "--out", "run", "--epochs", "1")
    assert answer.code == 0, answer.err
    assert [line for line in answer.err.splitlines() if said in line], answer.err


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


NO_MODEL = {
    "truncated": (lambda model: model[:-100], "cut short"),
    "with a flipped bit": (flipped, "damage"),
    "of a newer major version": (lambda model: model[:10] + b"\x00\x07" + model[12:], "7."),
    "not a model at all": (lambda model: b"GIF89a" + bytes(200), "wanted the magic of a .mlp model file"),
}


@pytest.mark.parametrize("kind", NO_MODEL)
def test_a_model_file_that_cannot_be_used_is_one_sentence_and_exit_code_4(mlp_train: Run, kind: str) -> None:
    mlp_train("fit", "xor", "--epochs", "1", "-q", "--out", "run")
    spoil, said = NO_MODEL[kind]
    Path("bad.mlp").write_bytes(spoil(Path("run/model.mlp").read_bytes()))
    for arguments in (["predict", "bad.mlp", "xor"], ["evaluate", "bad.mlp", "xor"], ["inspect", "bad.mlp"]):
        answer = mlp_train(*arguments)
        assert answer.err.startswith("error: bad.mlp")
        assert said in answer.err
        assert answer.err.count("\n") == 1, "one sentence"
        assert (answer.code, answer.out) == (4, "")


NO_INPUT = {
    "a wrong shape": ("q.npy", np.zeros(5, np.float32), "xor", ("5", "2")),
    "a wrong dtype": ("q.npy", np.array(["a", "b"]), "xor", ("<U1",)),
    "a missing column": ("q.csv", "aa,b\n1,2\n", "t.csv", ("'a'",)),
    "a text where a number is wanted": ("q.csv", "a,b\n1,2\nabc,3\n", "t.csv", ("'a'", "'abc'")),
}


@pytest.mark.parametrize("kind", NO_INPUT)
def test_an_input_that_the_model_cannot_take_is_one_sentence_and_exit_code_3(mlp_train: Run, kind: str) -> None:
    name, content, source, said = NO_INPUT[kind]
    Path("t.csv").write_bytes(TABLE)
    mlp_train("fit", source, "--epochs", "1", "-q", "--out", "run")
    if isinstance(content, str):
        Path(name).write_text(content, encoding="utf-8")
    else:
        np.save(name, content)
    answer = mlp_train("predict", "run", name)
    assert answer.err.startswith(f"error: {name}")
    assert all(words in answer.err for words in said), answer.err
    assert answer.err.count("\n") == 1, "one sentence"
    assert (answer.code, answer.out) == (3, "")


def test_a_missing_value_at_prediction_is_filled_and_no_error(mlp_train: Run) -> None:
    Path("t.csv").write_bytes(TABLE)
    mlp_train("fit", "t.csv", "--epochs", "1", "-q", "--out", "run")
    Path("q.csv").write_text("a,b\n,2\n1,\n", encoding="utf-8")
    answer = mlp_train("predict", "run", "q.csv", "-q")
    assert (answer.code, answer.out.count("\n")) == (0, 2)
