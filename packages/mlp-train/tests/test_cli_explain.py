from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import MODELS, layers

from mlp_runtime.inputs import ImageInput, VectorInput
from mlp_train.export import to_bytes

W0, B0 = np.array([[0.1, 0.3], [-0.2, 0.4]]), np.array([0, 0.1])  # the network of docs/backprop.md
W1, B1 = np.array([[0.5], [-0.6]]), np.array([0.2])
TWO = {"kind": "classes", "classes": ["no", "yes"]}


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    data = to_bytes(VectorInput(2), [(W0, B0, "tanh", {}), (W1, B1, "sigmoid", {})], TWO)
    (tmp_path / "tiny.mlp").write_bytes(data)
    return "tiny.mlp"


def printed(out: str, line: str) -> Any:
    """Return the numbers below the line that begins so."""
    found = re.search(rf"^{re.escape(line)}.*\n((?:    .*\n)+)", out, re.MULTILINE)
    assert found, (line, out)
    return np.array([[float(n) for n in re.findall(r"-?\d+\.\d*", row)] for row in found[1].splitlines()])


def test_every_number_of_the_pass_is_the_one_that_the_formulas_give(mlp_train: Callable[..., Any], tiny: str) -> None:
    done = mlp_train("explain", tiny, "[1, 2]", "--answer", "yes")
    assert done.code == 0
    x = np.array([[1.0, 2.0]])
    a1 = np.tanh(x @ W0 + B0)
    a2 = 1 / (1 + np.exp(-(a1 @ W1 + B1)))
    d_z1 = a2 - 1
    d_z0 = d_z1 @ W1.T * (1 - a1**2)
    wanted = {
        "weight[0]": W0, "bias[1]": B1[None], "a[0] = x": x, "z[0] =": x @ W0 + B0, "a[1] =": a1, "a[2] =": a2,
        "L =": -np.log(a2), "d_z[1] =": d_z1, "d_weight[1] =": a1.T @ d_z1, "d_bias[1] =": d_z1, "d_z[0] =": d_z0,
        "d_weight[0] =": x.T @ d_z0, "d_bias[0] =": d_z0,
    }  # fmt: skip
    for line, numbers in wanted.items():
        np.testing.assert_allclose(printed(done.out, line), numbers, atol=6e-5, err_msg=line)


def test_another_answer_turns_the_gradient_around(mlp_train: Callable[..., Any], tiny: str) -> None:
    yes = printed(mlp_train("explain", tiny, "[1, 2]", "--answer", "yes").out, "d_z[1] =")
    no = printed(mlp_train("explain", tiny, "[1, 2]", "--answer", "no").out, "d_z[1] =")
    assert no - yes == pytest.approx(1, abs=1e-4)
    assert "right answer: no;" in mlp_train("explain", tiny, "[1, 2]").out  # the model's own: 0.44 for yes


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_is_explained_with_a_sample_made_up(
    mlp_train: Callable[..., Any], kind: str, tmp_path: Path
) -> None:
    prepare, output, last = MODELS[kind]
    count = (
        1
        if last == "sigmoid" and len(output.get("classes", ())) == 2
        else 3 - (last == "identity") - 2 * (last == "exp")
    )
    (tmp_path / "a.mlp").write_bytes(to_bytes(prepare, layers(prepare.size, 3, count, last=last), output))
    done = mlp_train("explain", "a.mlp", "-q")
    assert (done.code, done.err) == (0, "")
    assert "d_weight[0] = " in done.out
    assert done.out.startswith("sample, made up: ")
    assert max(map(len, done.out.splitlines()[1:])) < 200


def test_of_an_image_the_size_is_told_and_not_every_pixel(mlp_train: Callable[..., Any], tmp_path: Path) -> None:
    prepare = ImageInput(height=12, width=10, fit="none", ink="light")
    data = to_bytes(prepare, layers(prepare.size, 3, 2), {"kind": "classes", "classes": ["no", "yes"]})
    (tmp_path / "a.mlp").write_bytes(data)
    np.save("a.npy", np.arange(120, dtype=np.uint8).reshape(12, 10))
    assert mlp_train("explain", "a.mlp", "a.npy").out.startswith("sample: 12 x 10 numbers from 0 to 119\n")


@pytest.mark.parametrize(
    ("sample", "more", "code", "said"),
    [
        ("[1", (), 3, "neither JSON nor an array"),
        ("[[1, 2], [3, 4]]", (), 3, "one is explained at a time"),
        ("[1, 2, 3]", (), 3, "shape (2,)"),
        ("absent.npy", (), 3, "cannot be read"),
        ("1,2", (), 3, "give a row as JSON, such as [0, 1]"),
        ("tiny.mlp", (), 3, "it is no text; give a row as JSON"),
        ("[1, 2]", ("--answer", "yess"), 2, "'yess' is no class of the model, did you mean 'yes'"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    mlp_train: Callable[..., Any], tiny: str, sample: str, more: tuple[str, ...], code: int, said: str
) -> None:
    done = mlp_train("explain", tiny, sample, *more)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert done.err.startswith("error: ")
