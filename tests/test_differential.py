"""Random networks answer as the training computes them, as a float64 reference does, and as onnxruntime does."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import mlp_runtime
from mlp_runtime.activations import ACTIVATIONS, get_activation, layer
from mlp_runtime.inputs import VectorInput
from mlp_train import export

NETWORKS = 510  # 170 of each storage type
TOLERANCE = 1e-5
NAMES = tuple(name for name in ACTIVATIONS if name != "exp")  # in a row of layers exp makes any rounding large
ONNX = {"identity": "Identity", "relu": "Relu", "leaky-relu": "LeakyRelu", "elu": "Elu", "selu": "Selu", "tanh": "Tanh"}
ONNX |= {"sigmoid": "Sigmoid", "sigmoid-hybrid": "Sigmoid", "softmax": "Softmax"}


def network(seed: int, names: tuple[str, ...] = NAMES) -> tuple[bytes, list[export.Layer], np.ndarray]:
    """Return a random network as a file, its layers, and rows for it."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, 40, draw.integers(2, 6)).tolist()
    layers: list[export.Layer] = []
    for n_in, n_out in itertools.pairwise(sizes):
        name = names[draw.integers(len(names))]
        weight = draw.normal(size=(n_in, n_out)) / np.sqrt(n_in)
        layers.append((weight, draw.normal(size=n_out) / 4, name, dict(get_activation(name).parameters)))
    output = {"kind": "numbers", "names": [f"y{number}" for number in range(sizes[-1])]}
    data = export.to_bytes(VectorInput(sizes[0]), layers, output, weights=export.WEIGHTS[seed % 3])
    return data, layers, draw.normal(size=(9, sizes[0])).astype(np.float32)


def computed(model: mlp_runtime.Model, x: np.ndarray, dtype: Any) -> np.ndarray:
    """Run the training's own definition of a layer over a model's weights, in the dtype given."""
    a = x.astype(dtype)
    for one in model.layers:
        weight, bias = one.weight.T.astype(dtype), one.bias.astype(dtype)
        a = layer(a, weight, bias, out=np.empty((len(a), len(bias)), dtype))
        one.activation.forward(a, a, **{**one.activation.parameters, **one.parameters})
    return a


def worst(found: np.ndarray, wanted: np.ndarray) -> float:
    return float((np.abs(found - wanted) / np.maximum(1, np.abs(wanted))).max())


def test_random_networks_agree_with_the_training_and_with_a_float64_reference():
    off_training = off_reference = 0.0
    for seed in range(NETWORKS):
        data, layers, x = network(seed)
        model = mlp_runtime.load(data)
        for kept, (weight, bias, _, _) in zip(model.layers, layers, strict=True):  # what was stored is what was trained
            step = {"float32": 1e-7, "float16": 1e-3, "int8": 1 / 127}[export.WEIGHTS[seed % 3]]
            assert np.abs(kept.weight.T - weight).max() <= step * np.abs(weight).max()
            assert np.allclose(kept.bias, bias, atol=1e-7)
        single = np.stack([model.forward(row) for row in x])
        for answer in (model.forward(x), model.forward(x, strict=True), single):
            off_training = max(off_training, worst(answer, computed(model, x, np.float32)))
            off_reference = max(off_reference, worst(answer, computed(model, x, np.float64)))
    print(f"{NETWORKS} networks: {off_training:.2g} from the training, {off_reference:.2g} from float64")
    assert off_training <= TOLERANCE
    assert off_reference <= TOLERANCE


def test_random_networks_agree_with_onnxruntime():
    onnx = pytest.importorskip("onnx", reason="onnx and onnxruntime are not installed: pip install onnx onnxruntime")
    runtime = pytest.importorskip("onnxruntime")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    off = 0.0
    for seed in range(NETWORKS):
        data, _, x = network(seed, tuple(ONNX))
        model = mlp_runtime.load(data)
        nodes, constants = [], []
        for at, one in enumerate(model.layers):
            for name, array in (("w", one.weight), ("b", one.bias)):
                constants.append(numpy_helper.from_array(np.ascontiguousarray(array), f"{name}{at}"))
            nodes.append(helper.make_node("Gemm", [f"a{at}", f"w{at}", f"b{at}"], [f"z{at}"], transB=1))
            renamed = {"negative_slope": "alpha"}
            numbers = {renamed.get(key, key): value for key, value in one.parameters.items()}
            nodes.append(helper.make_node(ONNX[one.activation.name], [f"z{at}"], [f"a{at + 1}"], **numbers))
        value = helper.make_tensor_value_info
        ends = value("a0", 1, [None, x.shape[1]]), value(f"a{len(model.layers)}", 1, [None, len(model.layers[-1].bias)])
        graph = helper.make_graph(nodes, "network", [ends[0]], [ends[1]], constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        off = max(off, worst(model.forward(x), session.run(None, {"a0": x})[0]))
    print(f"{NETWORKS} networks: {off:.2g} from onnxruntime")
    assert off <= TOLERANCE
