"""ONNX graphs made by hand, those of our own exporter, and files that mean harm."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import BUILT_IN, MODELS, layers, of_kind, raw, vector, with_activation

import mlp_runtime
from mlp_runtime.errors import MlpError
from mlp_runtime.inputs import Column, ImageInput, TableInput
from mlp_train import importers
from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.export import to_bytes
from mlp_train.exporters import export

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
helper, TensorProto = onnx.helper, onnx.TensorProto

WEIGHT = np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]], np.float32)  # (3, 2)
BIAS = np.array([0.5, -0.25], np.float32)


def graph(
    nodes: list[Any],
    sides: tuple[Any, ...] = (3,),
    outputs: tuple[str, ...] = ("y",),
    opset: int = 17,
    **constants: Any,
) -> Any:
    """Make a model of the input x (n, *sides) and constants by name."""
    tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *sides])]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(
        helper.make_graph(nodes, "g", given, made, tensors), opset_imports=opsets, ir_version=8, producer_name="a hand"
    )


def node(op: str, *inputs: str, to: str = "y", ml: bool = False, **attributes: Any) -> Any:
    return helper.make_node(op, list(inputs), [to], name=f"{op}_{to}", domain="ai.onnx.ml" if ml else "", **attributes)


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., importers.Imported]:
    """Import a graph from a file."""

    def import_graph(made: Any, **said: Any) -> importers.Imported:
        path = tmp_path / "net.onnx"
        path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
        return importers.onnx(path, **said)

    return import_graph


def x(count: int = 50, width: int = 3) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, -2.0)])
def test_a_gemm_is_read_in_every_form(take: Any, trans_b: int, alpha: float, beta: float) -> None:
    made = graph(
        [node("Gemm", "x", "w", "b", transB=trans_b, alpha=alpha, beta=beta)], w=WEIGHT.T if trans_b else WEIGHT, b=BIAS
    )
    model = take(made).model
    np.testing.assert_allclose(model.predict(x()), alpha * (x() @ WEIGHT) + beta * BIAS, rtol=1e-5, atol=1e-6)


def test_a_gemm_needs_no_bias_and_may_have_one_number_for_all(take: Any) -> None:
    np.testing.assert_allclose(take(graph([node("Gemm", "x", "w")], w=WEIGHT)).model.predict(x()), x() @ WEIGHT, 1e-5)
    one = take(graph([node("Gemm", "x", "w", "b")], w=WEIGHT, b=np.float32(2))).model
    np.testing.assert_allclose(one.predict(x()), x() @ WEIGHT + 2, 1e-5)


def test_a_file_tells_where_it_came_from(take: Any) -> None:
    made = take(graph([node("Gemm", "x", "w", "b")], w=WEIGHT, b=BIAS))
    origin = made.model.meta["origin"]
    assert (made.model.meta["name"], origin["form"], origin["file"], origin["producer"]) == (
        "net", "ONNX", "net.onnx", "a hand",
    )  # fmt: skip
    assert len(origin["sha256"]) == 64
    assert made.difference <= 1e-6
    assert made.rows == 256
    assert made.against.startswith(("onnxruntime ", "onnx.reference "))


def test_without_onnx_runtime_the_evaluator_of_onnx_answers(take: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    nodes = [node("MatMul", "x", "w", to="xw"), node("Add", "xw", "b", to="z"), node("Softmax", "z")]
    made = take(graph(nodes, w=WEIGHT, b=BIAS), classes=["no", "yes"])
    assert made.against == f"onnx.reference {onnx.__version__}"
    assert made.difference <= 1e-6


def classifier(*classes: str) -> Any:
    """Make a graph as converters of scikit-learn's classifiers do: its labels have names, and are an output."""
    one = helper.make_node(
        "LinearClassifier", ["x"], ["label", "y"], "one", domain="ai.onnx.ml", coefficients=WEIGHT.T.ravel().tolist(),
        intercepts=BIAS.tolist(), classlabels_strings=list(classes), post_transform="SOFTMAX", multi_class=1,
    )  # fmt: skip
    made = graph([one], outputs=("label", "y"))
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    return made


def test_classes_that_have_names_in_the_file_can_be_given_others(take: Any) -> None:
    plain, named = take(classifier("0", "1")), take(classifier("0", "1"), classes=["no", "yes"])
    assert (plain.model.classes, plain.assumed) == (("0", "1"), ())
    assert named.model.classes == ("no", "yes")
    assert named.assumed == ("its classes have new names: '0' is 'no', '1' is 'yes'",)
    assert [{"no": "0", "yes": "1"}[one] for one in named.model.predict(x())] == list(plain.model.predict(x()))


def test_the_names_of_the_file_in_another_order_are_a_mistake(take: Any) -> None:
    with pytest.raises(ForeignModelError, match="name them in the order of the outputs"):
        take(classifier("no", "yes"), classes=["yes", "no"])


def test_a_scaling_before_the_first_layer_becomes_the_inputs_own(take: Any) -> None:
    mean, std = np.array([1e4, 2.0, -3.0], np.float32), np.array([0.5, 2.0, 4.0], np.float32)
    nodes = [node("Sub", "x", "m", to="a"), node("Div", "a", "s", to="c"), node("Gemm", "c", "w", "b")]
    model = take(graph(nodes, w=WEIGHT, b=BIAS, m=mean, s=std)).model
    np.testing.assert_allclose(model.input.mean, mean)
    np.testing.assert_allclose(model.input.factor, 1 / std)
    given = (mean + x() * std).astype(np.float32)
    np.testing.assert_allclose(model.predict(given), ((given - mean) / std) @ WEIGHT + BIAS, rtol=1e-4, atol=1e-4)


def test_what_float32_loses_of_a_scaling_goes_into_the_weights(take: Any) -> None:
    """A mean of 1000.123456 has no float32: the remainder, a fiftieth of the spread, must not be lost."""
    nodes = [node("Scaler", "x", to="a", ml=True, offset=[1000.0, 0, 0], scale=[1000.0, 1, 1]), node("Gemm", "a", "w")]
    net = take(graph(nodes, w=WEIGHT)).model
    assert net.input.mean[0] == 1000
    from mlp_train.importers.net import Net, raw_numbers
    from mlp_train.importers.sources import Source, assemble

    exact = Net((raw_numbers("x", 3),)).centred(np.array([1000.12345678, 0, 0]), np.array([1e3, 1, 1]), "it")
    prepare, made = assemble(exact.dense(WEIGHT, None, "it"), [Source("x", "number", (3,))])
    given = np.array([[1000.125, 0, 0]], np.float32)
    wanted = (given[0, 0].astype(float) - 1000.12345678) * 1e3 * WEIGHT[0]
    np.testing.assert_allclose(prepare.transform(given).astype(float) @ made[0][0] + made[0][1], [wanted], 1e-5)


def test_a_batch_normalisation_is_folded_wherever_it_stands(take: Any) -> None:
    numbers = np.random.default_rng(0).uniform(0.5, 2, (4, 2)).astype(np.float32)
    names = dict(zip(("scale", "shift", "mean", "var"), numbers, strict=True))
    before = dict(zip(("s0", "h0", "m0", "v0"), np.tile(numbers[:, :1], 3), strict=True))
    nodes = [
        node("BatchNormalization", "x", *before, to="n"),
        node("Gemm", "n", "w", "b", to="z"),
        node("BatchNormalization", "z", *names, to="zn"),
        node("Relu", "zn", to="a"),
        node("BatchNormalization", "a", *names, to="an"),
        node("Gemm", "an", "v", to="out"),
        node("BatchNormalization", "out", *names),
    ]
    made = take(graph(nodes, w=WEIGHT, b=BIAS, v=WEIGHT[:2], **before, **names))
    assert [layer.activation.name for layer in made.model.layers] == ["relu", "identity"]
    assert made.difference <= 1e-6


TAKEN_APART = {
    "gelu": [
        node("Pow", "z", "three", to="c"), node("Mul", "c", "k", to="kc"), node("Add", "z", "kc", to="s"),
        node("Mul", "s", "root", to="r"), node("Tanh", "r", to="t"), node("Add", "t", "one", to="u"),
        node("Mul", "z", "half", to="h"), node("Mul", "h", "u", to="a"),
    ],
    "silu": [node("Sigmoid", "z", to="s"), node("Mul", "s", "z", to="a")],
    "sigmoid": [
        node("Neg", "z", to="m"), node("Exp", "m", to="e"), node("Add", "e", "one", to="d"),
        node("Reciprocal", "d", to="a"),
    ],
    "leaky-relu": [
        node("Greater", "z", "zero", to="p"), node("Mul", "z", "k", to="s"), node("Where", "p", "z", "s", to="a"),
    ],
    "relu": [node("Max", "z", "zero", to="a")],
    "exp": [node("Min", "z", "forty", to="m"), node("Exp", "m", to="a")],
    "elu": [node("Elu", "z", to="a", alpha=0.3)],
    "tanh": [node("Mul", "z", "k", to="s"), node("Tanh", "s", to="t"), node("Mul", "t", "three", to="a")],
}  # fmt: skip
CONSTANTS: dict[str, Any] = {
    "three": np.float32(3), "k": np.float32(0.044715), "root": np.float32(0.7978845608), "one": np.float32(1),
    "half": np.float32(0.5), "zero": np.float32(0), "forty": np.float32(40),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN_APART)
@pytest.mark.parametrize("biased", ["a bias for each", "one bias for all"])
def test_an_activation_is_recognised_however_it_was_taken_apart(take: Any, name: str, biased: str) -> None:
    bias = BIAS if biased == "a bias for each" else np.float32([0.75])
    nodes = [
        node("MatMul", "x", "w", to="xw"),
        node("Add", "xw", "b", to="z"),
        *TAKEN_APART[name],
        node("Gemm", "a", "v"),
    ]
    made = take(graph(nodes, w=WEIGHT, b=bias, v=WEIGHT[:2], **CONSTANTS))
    assert made.model.layers[0].activation.name == name
    assert made.difference <= 1e-6


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([node("Softplus", "z")], "a softplus"),
        ([node("Exp", "z")], "an exp without a limit"),
        ([node("Clip", "z", "zero", "six")], "a ReLU cut off at 6"),
        ([node("Mul", "z", "z")], r"'Mul_y' \(Mul\) ends an activation that no model file has"),
        ([node("Conv", "z", "w")], r"'Conv_y' \(Conv\) is an operator that is not read"),
        ([node("Add", "x2", "z")], r"'Add_y' \(Add\) combines what was computed in several ways"),
        ([node("Normalizer", "z", ml=True, norm="L2")], "divides every row by its own length"),
        ([node("LogSoftmax", "z")], "LogSoftmax, which the model file has not: --logits"),
        ([node("Softmax", "z", axis=0)], "is taken over the axis 0"),
        ([node("Reshape", "z", "flat")], "makes the shape"),
        ([node("Transpose", "z", perm=[1, 0])], "turns samples into columns"),
        ([node("Gemm", "z", "w", transA=1)], "turns its samples into columns"),
    ],
)
def test_what_no_layer_does_is_refused_by_name(take: Any, nodes: list[Any], said: str) -> None:
    first = [node("Gemm", "x", "w", to="z"), node("Relu", "z", to="r"), node("Gemm", "r", "v", to="x2")]
    made = graph([*first, *nodes], w=WEIGHT, v=WEIGHT[:2], six=np.float32(6), flat=np.array([1, -1]), **CONSTANTS)
    with pytest.raises(ForeignModelError, match=said):
        take(made)


def test_the_user_says_what_the_outputs_are(take: Any) -> None:
    plain = graph([node("Gemm", "x", "w", "b")], w=WEIGHT, b=BIAS)
    named = take(plain, names=["low", "high"], features=["a", "b", "c"]).model
    assert (named.describe()["output"]["names"], named.input.names) == (["low", "high"], ("a", "b", "c"))
    made = take(plain, classes=["no", "yes"], logits=True)
    logits = x() @ WEIGHT + BIAS
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.model.predict_proba(x()), shares, atol=1e-6)
    several = take(plain, labels=["p", "q"], logits=True).model
    np.testing.assert_allclose(several.predict_proba(x()), 1 / (1 + np.exp(-logits)), atol=1e-6)
    with pytest.raises(ForeignModelError, match=r"no probabilities of classes \(it ends with identity\)"):
        take(plain, classes=["no", "yes"])
    with pytest.raises(UsageError, match="3 numbers are named, but the network gives 2 numbers: name 2"):
        take(plain, names=["a", "b", "c"])
    with pytest.raises(UsageError, match="classes and labels were given"):
        take(plain, classes=["a", "b"], labels=["a", "b"])


def test_log_probabilities_become_probabilities_on_request(take: Any) -> None:
    made = take(graph([node("Gemm", "x", "w", to="z"), node("LogSoftmax", "z")], w=WEIGHT), logits=True)
    assert made.model.layers[-1].activation.name == "softmax"
    assert made.difference <= 1e-6


def test_one_sigmoid_answers_with_one_of_two_classes(take: Any) -> None:
    made = take(graph([node("Gemm", "x", "w", to="z"), node("Sigmoid", "z")], w=WEIGHT[:, :1]), classes=["no", "yes"])
    p = 1 / (1 + np.exp(-(x() @ WEIGHT[:, 0])))
    np.testing.assert_allclose(made.model.predict_proba(x())[:, 1], p, atol=1e-6)
    assert made.model.predict(x()).tolist() == np.where(p >= 0.5, "yes", "no").tolist()


@pytest.mark.parametrize("size", [1, 4])
def test_a_graph_for_a_fixed_number_of_samples_is_checked_with_that_many(take: Any, size: int) -> None:
    made = graph([node("Reshape", "x", "shape", to="f"), node("Gemm", "f", "w")], w=WEIGHT, shape=np.array([size, 3]))
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = size
    assert take(made).difference <= 1e-6


def test_pixels_in_rows_are_flattened_and_turned_as_the_graph_says(take: Any) -> None:
    weight = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    nodes = [
        node("Transpose", "x", to="t", perm=[0, 2, 1]), node("Shape", "t", to="s"),
        node("Gather", "s", "first", to="n"),
        node("Unsqueeze", "n", "axes", to="n1"), node("Concat", "n1", "rest", to="shape", axis=0),
        node("Reshape", "t", "shape", to="f"), node("Gemm", "f", "w"),
    ]  # fmt: skip
    axes = np.array([0])
    made = take(graph(nodes, (3, 4), w=weight, first=np.array(0), axes=axes, rest=np.array([-1])))
    frames = np.random.default_rng(1).normal(size=(5, 3, 4)).astype(np.float32)
    wanted = frames.transpose(0, 2, 1).reshape(5, 12) @ weight
    np.testing.assert_allclose(made.model.predict(frames.reshape(5, 12)), wanted, rtol=1e-5, atol=1e-5)


PLAIN_TABLE = TableInput(
    (
        Column("Age", "number", fill=29.0, mean=30.0, scale=0.1, missing=True),
        Column("Sex", "category", fill="male", values=("female", "male")),
        Column("Port", "category", values=("S", "C", "Q"), missing=True),
        Column("Fare (low)", "number", edges=(0.0, 10.0, 30.0, 100.0)),
        Column("Size", "number", fill=3.5, edges=(-1.5, 0.1, 7.25), missing=True),
        Column("Size", "number", mean=2.0, scale=0.5),
    )
)


@pytest.mark.parametrize("weights", ["float32", "float16", "int8"])
@pytest.mark.parametrize("kind", ["vector", "fitted image", "colours", "table", "labels"])
def test_what_is_exported_can_be_imported_again(take: Any, kind: str, weights: str) -> None:
    letters = {"kind": "classes", "classes": ["a", "b", "ç"]}
    two = {"kind": "classes", "classes": ["no", "yes"], "threshold": 0.4}
    labels = {"kind": "labels", "labels": ["x", "y", "z"], "threshold": 0.45}
    inputs: dict[str, tuple[Any, dict[str, Any], str, int]] = {
        "vector": (vector(), letters, "softmax", 3),
        "fitted image": (ImageInput(6, 5, ink="light", mean=20.0), letters, "softmax", 3),
        "colours": (ImageInput(6, 5, channels=3, ink="light"), letters, "softmax", 3),
        "table": (PLAIN_TABLE, two, "sigmoid", 1),
        "labels": (PLAIN_TABLE, labels, "sigmoid", 3),
    }
    if weights == "int8" and importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("onnx's own evaluator has no DequantizeLinear of opset 17, and ONNX Runtime is not installed")
    prepare, output, last, count = inputs[kind]
    model = mlp_runtime.load(to_bytes(prepare, layers(prepare.size, 7, count, last=last), output, weights=weights))
    (content,) = export(model, "onnx", Path("net.onnx")).values()
    wish = {"labels": output["labels"]} if kind == "labels" else {}
    again = take(content, **wish).model
    given = raw(model)
    np.testing.assert_array_equal(again.input.transform(given), model.input.transform(given))
    np.testing.assert_allclose(again.predict_proba(given), model.predict_proba(given), rtol=0, atol=1e-6)
    assert list(again.predict(given)) == list(model.predict(given))
    assert again.describe()["output"].get("threshold", 0.5) == output.get("threshold", 0.5)


def test_numbers_keep_their_scale_when_they_are_imported_again(take: Any) -> None:
    model = of_kind("numbers of a vector")
    (content,) = export(model, "onnx", Path("net.onnx")).values()
    again = take(content, names=["length", "width"]).model
    np.testing.assert_allclose(again.predict(raw(model)), model.predict(raw(model)), rtol=1e-6, atol=1e-5)


def test_a_flag_that_is_exported_comes_back_as_a_number(take: Any) -> None:
    model = of_kind("two classes of a table")
    (content,) = export(model, "onnx", Path("net.onnx")).values()
    given = raw(model)
    said = {"yes": 1, "no": 0, "True": 1, "False": 0, "1": 1}
    numbers = [{**row, "Alone": said.get(str(row["Alone"]), row["Alone"])} for row in given]
    np.testing.assert_allclose(take(content).model.predict_proba(numbers), model.predict_proba(given), atol=1e-6)


def test_limits_that_are_no_bins_of_a_number_are_refused(take: Any) -> None:
    low, high = np.array([0, 1, 2], np.float32), np.array([9, 8, np.inf], np.float32)
    for nodes in (
        [node("Max", "x", "low", to="k"), node("Gemm", "k", "w")],
        [node("Min", "x", "high", to="k"), node("Gemm", "k", "w")],
    ):
        with pytest.raises(ForeignModelError, match="within limits that are no bins of a number"):
            take(graph(nodes, w=WEIGHT, low=low, high=high))
    behind = [node("Gemm", "x", "w", to="z"), node("Max", "z", "b")]
    with pytest.raises(ForeignModelError, match=r"'Max_y' \(Max\) has another limit for every number"):
        take(graph(behind, w=WEIGHT, b=BIAS))


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_activation_that_is_exported_is_imported_again(take: Any, name: str) -> None:
    (content,) = export(with_activation(name), "onnx", Path("net.onnx")).values()
    found = {layer.activation.name for layer in take(content).model.layers}
    assert found == {{"sigmoid-hybrid": "sigmoid"}.get(name, name)} | ({"tanh"} if name == "exp" else set())


@functools.cache
def hostile() -> dict[str, tuple[bytes, str]]:
    """Files that mean harm, with a word of what is said of each."""
    good = graph([node("Gemm", "x", "w", "b")], w=WEIGHT, b=BIAS)
    made: dict[str, tuple[bytes, str]] = {}

    def put(name: str, said: str, change: Callable[[Any], None]) -> None:
        copy = type(good)()
        copy.CopyFrom(good)
        change(copy)
        made[name] = copy.SerializeToString(), said

    def square(model: Any) -> None:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(2, dtype=np.float32), "v"))

    def external(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")

    def in_attribute(model: Any) -> None:
        tensor = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../weights")
        model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))

    def cycle(model: Any) -> None:
        model.graph.node[0].input[0] = "later"
        model.graph.node.append(node("Relu", "y", to="later"))

    def huge_fill(model: Any) -> None:
        shape = onnx.numpy_helper.from_array(np.array([10**6, 10**6]), "shape")
        model.graph.initializer.append(shape)
        model.graph.node.insert(0, node("ConstantOfShape", "shape", to="big"))

    def huge_product(model: Any) -> None:
        column = onnx.numpy_helper.from_array(np.zeros((30000, 1), np.float32), "column")
        row = onnx.numpy_helper.from_array(np.zeros((1, 30000), np.float32), "row")
        model.graph.initializer.extend([column, row])
        model.graph.node.insert(0, node("Add", "column", "row", to="big"))

    def many(model: Any) -> None:
        model.graph.node.extend([node("Relu", "y", to=f"r{i}") for i in range(10_001)])

    def wide(model: Any) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40

    def dims(model: Any) -> None:
        model.graph.initializer[0].dims[:] = [2**31, 2**31]

    def negative(model: Any) -> None:
        model.graph.initializer[0].dims[:] = [-1, 2]

    def no_output(model: Any) -> None:
        model.graph.output[0].name = "elsewhere"

    def loop(model: Any) -> None:
        body = helper.make_graph([], "body", [], [])
        model.graph.node.append(helper.make_node("If", ["x"], ["q"], then_branch=body, else_branch=body))

    def twice(model: Any) -> None:
        model.graph.node.append(node("Relu", "y", to="y"))

    def functions(model: Any) -> None:
        model.functions.add(name="f", domain="d")

    def nan(model: Any) -> None:
        model.graph.initializer[0].raw_data = np.full((3, 2), np.nan, np.float32).tobytes()

    def deep(op: str, *more: str) -> Callable[[Any], None]:
        def add(model: Any) -> None:
            given = ["y", *[f"d{i}" for i in range(9_000)]]
            model.graph.node.extend([node(op, one, *more, to=f"d{i}") for i, one in enumerate(given[:-1])])
            model.graph.output[0].name = given[-1]

        return add

    def blown_up(*nodes: Any, **constants: Any) -> Callable[[Any], None]:
        """Compute constants from `million`, a million zeros."""

        def add(model: Any) -> None:
            constants["size"] = np.array([2**20])
            tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
            model.graph.initializer.extend(tensors)
            zero = onnx.numpy_helper.from_array(np.zeros(1, np.int64))
            for each in reversed((node("ConstantOfShape", "size", to="million", value=zero), *nodes)):
                model.graph.node.insert(0, each)

        return add

    def wide_selection(model: Any) -> None:
        blown_up()(model)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((2, 300), np.float32), "v"))
        model.graph.node.extend([node("MatMul", "y", "v", to="l"), node("MatMul", "l", "u", to="t")])
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((300, 1), np.float32), "u"))
        model.graph.node.append(node("Gather", "t", "million", to="g", axis=1))
        model.graph.output[0].name = "g"

    def squares(model: Any) -> None:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((2, 4096), np.float32), "v"))
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.arange(1, 4097, dtype=np.float32), "k"))
        model.graph.node.append(node("MatMul", "y", "v", to="k0"))
        for at in range(9):
            model.graph.node.extend([node("Relu", f"k{at}", to=f"r{at}"), node("Mul", f"r{at}", "k", to=f"k{at + 1}")])
        model.graph.output[0].name = "k9"

    def doubled(kind: int) -> Callable[[Any], None]:
        def add(model: Any) -> None:
            model.graph.input[0].type.tensor_type.elem_type = kind
            names = ["x", *(f"t{at}" for at in range(40))]
            for one, other in reversed(list(itertools.pairwise(names))):
                model.graph.node.insert(0, node("Concat", one, one, to=other, axis=1))

        return add

    row, column = np.zeros((1, 300), np.float32), np.zeros((300, 1), np.int8)
    many_fills = [node("ConstantOfShape", "size", to=f"c{i}") for i in range(9)]
    larger = "larger than all that the file holds"
    put("many large constants", "one of many that make constants", blown_up(*many_fills))
    put("one row a million times", larger, blown_up(node("Gather", "row", "million", to="big"), row=row))
    put("a million zeros 300 times", larger, blown_up(node("Concat", *["million"] * 300, to="big", axis=0)))
    scaled = node("DequantizeLinear", "column", "million", to="big")
    put("a million scales of one number", larger, blown_up(scaled, column=column))
    put("one output a million times", "the same ones again and again", wide_selection)
    put("a text joined with itself for ever", "joins 1,572,864 texts", doubled(TensorProto.STRING))
    put("a number joined with itself for ever", "gives 1,572,864 numbers", doubled(TensorProto.FLOAT))
    put("many layers that hand on", "one of many that need a layer of their own", squares)

    def wide_table(model: Any) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**20
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.arange(3), "three"))
        fill = node("Imputer", "t", to="f", ml=True, imputed_value_floats=[1.0], replaced_value_float=float("nan"))
        model.graph.node.insert(0, fill)
        model.graph.node.insert(0, node("Gather", "x", "three", to="t", axis=1))
        model.graph.node[2].input[0] = "f"

    put("thousands of activations", "which no model file|that no model file has", deep("Tanh"))
    put("thousands of layers", "at most 1,000 are read", lambda model: (square(model), deep("Gemm", "v")(model)))
    put("a table of a million columns", "a table of more than 5,000 numbers", wide_table)
    put("weights in another file", "lies in another file, and none is opened", external)
    put("a constant in another file", "lies in another file, and none is opened", in_attribute)
    put("a cycle", "takes 'later', which nothing before it gives", cycle)
    put("a constant of terabytes", "larger than all that the file holds", huge_fill)
    put("a product of gigabytes", "larger than all that the file holds", huge_product)
    put("too many nodes", "has 10,002 nodes", many)
    put("an input of terabytes", "1 to 1,048,576 numbers", wide)
    put("a shape that lies", "but 6 values: the file is damaged", dims)
    put("a negative shape", "which no tensor has", negative)
    put("a missing tensor", "takes 'w', which nothing before it gives", lambda model: model.graph.initializer.pop(0))
    put("an output that nothing gives", "is given by no node", no_output)
    put("a graph in a graph", "a graph or a type that is not read", loop)
    put("a value given twice", "which there is already", twice)
    put("functions", "functions of its own", functions)
    put("weights that are no numbers", "not finite", nan)
    whole = good.SerializeToString()
    made["cut short"] = whole[: len(whole) // 2], "cannot be parsed|no ONNX file|is damaged|which nothing before it"
    made["noise"] = np.random.default_rng(0).bytes(4000), "no ONNX file"
    made["empty"] = b"", "no ONNX file"
    made["a pickle"] = b"\x80\x04K\x01.", "a pickle, which runs code"
    made["a zip"] = b"PK\x03\x04 and more", "load it where it comes from"
    return made


@pytest.mark.parametrize("name", hostile())
def test_a_file_that_means_harm_is_refused_in_one_sentence(
    mlp_train: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    content, said = hostile()[name]
    (tmp_path / "net.onnx").write_bytes(content)
    tracemalloc.start()
    try:
        done = mlp_train("import", "net.onnx", "-o", "net.mlp")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert re.search(said, done.err), done.err
    assert not (tmp_path / "net.mlp").exists()
    most = 2**29 if name == "many layers that hand on" else 2**26  # two such layers may be there, in float64
    assert peak < most + 50 * len(content)


def test_every_byte_that_is_cut_off_leads_to_a_sentence(take: Any) -> None:
    whole = graph([node("Gemm", "x", "w", "b", to="z"), node("Softmax", "z")], w=WEIGHT, b=BIAS).SerializeToString()
    for length in range(0, len(whole), 7):
        with pytest.raises(ForeignModelError):
            take(whole[:length])


def test_a_damaged_file_is_refused_in_a_sentence_or_taken_and_nothing_else(take: Any) -> None:
    nodes = [node("Sub", "x", "m", to="c"), node("Gemm", "c", "w", "b", to="z"), node("Sigmoid", "z", to="s")]
    nodes += [node("Concat", "s", "s", to="k", axis=1), node("ArgMax", "k", axis=1)]
    whole = graph(nodes, w=WEIGHT[:, :1], b=BIAS[:1], m=WEIGHT[:, 1]).SerializeToString()
    generator, said = np.random.default_rng(5), []
    for _ in range(300):
        damaged = bytearray(whole)
        for at in generator.integers(0, len(whole), 3):
            damaged[at] = generator.integers(0, 256)
        try:
            take(bytes(damaged))
        except MlpError as error:
            said.append(str(error))
    assert len(said) > 100
    assert not any("\n" in sentence for sentence in said)


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    """Another process, because an audit hook stays for good."""
    (tmp_path / "net.onnx").write_bytes(hostile()["weights in another file"][0])
    code = (
        "import sys\n"
        "opened = []\n"
        "from mlp_train import importers\nimport onnx, onnx.reference\n"
        "sys.addaudithook(lambda event, args: opened.append(args[0]) if event == 'open' else None)\n"
        "try:\n    importers.onnx('net.onnx')\nexcept importers.ForeignModelError as error:\n    print(error)\n"
        "assert not any('passwd' in str(name) for name in opened), opened\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "none is opened" in done.stdout


def test_the_command_writes_the_model_and_says_how_far_it_is_from_its_source(
    mlp_train: Callable[..., Any], tmp_path: Path
) -> None:
    made = graph([node("Gemm", "x", "w", "b", to="z"), node("Softmax", "z")], w=WEIGHT, b=BIAS)
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    done = mlp_train("import", "net.onnx", "-o", "net.mlp")
    assert done.code == 0, done.err
    assert "net.mlp: " in done.out
    assert "vector 3-2" in done.out
    assert "256 random inputs" in done.out
    assert "so they are called 0 to 1: --classes names them" in done.err
    assert mlp_train("import", "net.onnx", "-o", "net.mlp").code == 6
    again = mlp_train("import", "net.onnx", "-o", "net.mlp", "--force", "--classes", "no,yes", "--json")
    assert json.loads(again.out)["difference"] <= 1e-5
    assert mlp_runtime.load(tmp_path / "net.mlp").classes == ("no", "yes")
    assert "note" not in again.err


def test_the_command_says_what_to_install_and_what_is_not_there(
    mlp_train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = mlp_train("import", "net.onnx", "-o", "net.mlp")
    assert absent.code == 2
    assert "net.onnx: the file cannot be read" in absent.err
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08")
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = mlp_train("import", "net.onnx", "-o", "net.mlp")
    assert done.code == 2
    assert "pip install 'mlp-train[onnx]'" in done.err


def test_what_is_no_file_is_not_read_to_its_end(mlp_train: Callable[..., Any], tmp_path: Path) -> None:
    for path in ("/dev/zero", "."):
        done = mlp_train("import", path, "-o", "net.mlp")
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
    with (tmp_path / "net.onnx").open("wb") as file:
        file.truncate(2**31)  # takes no room on the disk
    done = mlp_train("import", "net.onnx", "-o", "net.mlp")
    assert done.code == 4
    assert "larger than 2,147,483,647 bytes" in done.err


def test_yes_and_no_are_tried_as_such(take: Any) -> None:
    made = graph([node("Cast", "x", to="c"), node("Gemm", "c", "w")], w=WEIGHT)
    made.graph.node[0].attribute.append(helper.make_attribute("to", 1))
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.BOOL
    assert take(made).difference <= 1e-6


def test_an_import_that_answers_otherwise_is_not_written(take: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check must be able to fail: here a layer is read wrongly on purpose."""
    from mlp_train.importers import onnx_ops

    monkeypatch.setitem(onnx_ops.OPS, "Tanh", onnx_ops.OPS["Sigmoid"])
    made = graph([node("Gemm", "x", "w", to="z"), node("Tanh", "z")], w=WEIGHT)
    with pytest.raises(ForeignModelError, match=r"answers otherwise than onnx.* by .* where 1e-05 is allowed"):
        take(made)


def test_the_models_of_the_exporters_are_all_tried() -> None:
    assert {"numbers of a vector", "two classes of a table"} <= MODELS.keys()
