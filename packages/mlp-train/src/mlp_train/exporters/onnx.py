"""ONNX is the form in which most other programs read networks: runtimes, browsers, viewers such as Netron.

The graph prepares its input as far as ONNX has words for it: the numbers of a vector, the numbers, flags and categories
of a table, each column an input of its own under its name. Images come as pixels that are fitted already. All of it is
opset 17, which runtimes of 2022 read, with the classical-machine-learning operators for texts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_runtime import Model
from mlp_runtime.activations import GELU_CUBIC, GELU_SCALE, SELU_ALPHA, SELU_SCALE
from mlp_runtime.inputs import ImageInput, TableInput
from mlp_train.errors import UsageError
from mlp_train.exporters.onnx_graph import Graph
from mlp_train.exporters.onnx_rows import add_rows
from mlp_train.exporters.stored import StoredLayer, check_activations, stored_layers

Add = Callable[..., str]  # (graph, z, layer, the layer's name) -> the name of the activation


def export(model: Model, weights: str, name: str) -> dict[str, bytes]:
    """Return the ONNX file, which onnx.checker has passed."""
    try:
        onnx: Any = importlib.import_module("onnx")
    except ImportError as error:
        raise UsageError("--to onnx needs the onnx package: pip install 'mlp-train[onnx]'") from error
    layers = stored_layers(model, weights)
    check_activations(layers, ACTIVATIONS, "ONNX")
    graph = Graph(onnx)
    a = _input(graph, model)
    for index, layer in enumerate(layers):
        a = _layer(graph, a, index, layer)
    _output(graph, model, a)
    made = graph.finish(name)
    onnx.checker.check_model(made, full_check=True)
    return {"": made.SerializeToString(deterministic=True)}


def _input(graph: Graph, model: Model) -> str:
    """Add the inputs and their preparation; return the name of the prepared numbers (n, size)."""
    given = model.input
    if isinstance(given, TableInput):
        return add_rows(graph, given)
    if isinstance(given, ImageInput):
        sides = [given.height, given.width, *([3] if given.channels == 3 else [])]
        pixels = graph.input("pixels", "uint8", sides)
        flat = graph.add(
            "Reshape", [graph.add("Cast", [pixels], "levels", to="float32")], "flat", shape=[-1, given.size]
        )
        return graph.scaled(flat, given.mean, given.factor, "prepared")
    return graph.scaled(graph.input("x", "float32", [given.size]), given.mean, given.factor, "prepared")


def _layer(graph: Graph, a: str, index: int, layer: StoredLayer) -> str:
    name = f"layer{index}"
    weight = graph.constant(f"{name}.weight", layer.values)
    if layer.scale is not None:
        scale = graph.constant(f"{name}.scale", layer.scale)
        weight = graph.add("DequantizeLinear", [weight, scale], f"{name}.weight.wide", axis=0)
    elif layer.values.dtype == np.float16:
        weight = graph.add("Cast", [weight], f"{name}.weight.wide", to="float32")
    z = graph.add("Gemm", [a, weight, graph.constant(f"{name}.bias", layer.bias)], f"{name}.z", transB=1)
    return ACTIVATIONS[layer.activation](graph, z, layer, f"{name}.{layer.activation}")


def _output(graph: Graph, model: Model, a: str) -> None:
    """Add what turns the last activation into answers, under the names of the outputs."""
    said: dict[str, Any] = {"threshold": 0.5, "mean": 0.0, "scale": 1.0}
    said |= {key: value for key, value in model.describe()["output"].items() if value is not None}
    if model.output_kind == "numbers":
        scaled = graph.add("Mul", [a, graph.number("scale", said["scale"])], "scaled")
        graph.output(
            graph.add("Add", [scaled, graph.number("mean", said["mean"])], "numbers"), "float32", len(said["names"])
        )
        return
    if model.output_kind == "labels":
        threshold = graph.number("threshold", said["threshold"])
        graph.output(graph.add("GreaterOrEqual", [a, threshold], "holds"), "bool", len(model.classes))
        graph.output(graph.add("Identity", [a], "probabilities"), "float32", len(model.classes))
        return
    names = graph.constant("classes", np.array(model.classes, object))
    if len(model.layers[-1].bias) == 1:
        other = graph.add("Sub", [graph.number("one", 1.0), a], "other")
        probabilities = graph.add("Concat", [other, a], "probabilities", axis=1)
        reaches = graph.add("GreaterOrEqual", [a, graph.number("threshold", said["threshold"])], "reaches")
        place = graph.add("Reshape", [graph.add("Cast", [reaches], "as_number", to="int64")], "place", shape=[-1])
    else:
        probabilities = graph.add("Identity", [a], "probabilities")
        place = graph.add("ArgMax", [a], "place", axis=1, keepdims=0)
    graph.output(graph.add("Gather", [names, place], "label", axis=0), "string")
    graph.output(probabilities, "float32", len(model.classes))


def _one(operator: str, **attributes: float) -> Add:
    """Return an activation that ONNX has as an operator."""
    return lambda graph, z, layer, name: graph.add(operator, [z], name, **attributes)


def _leaky_relu(graph: Graph, z: str, layer: StoredLayer, name: str) -> str:
    return graph.add("LeakyRelu", [z], name, alpha=layer.parameters["negative_slope"])


def _elu(graph: Graph, z: str, layer: StoredLayer, name: str) -> str:
    return graph.add("Elu", [z], name, alpha=layer.parameters["alpha"])


def _silu(graph: Graph, z: str, layer: StoredLayer, name: str) -> str:
    return graph.add("Mul", [z, graph.add("Sigmoid", [z], f"{name}.gate")], name)


def _exp(graph: Graph, z: str, layer: StoredLayer, name: str) -> str:
    limited = graph.add("Min", [z, graph.number(f"{name}.most", 40.0)], f"{name}.limited")
    return graph.add("Exp", [limited], name)


def _gelu(graph: Graph, z: str, layer: StoredLayer, name: str) -> str:
    """Write out the tanh form, for which opset 17 has no operator: z (1 + tanh(c z (1 + k z^2))) / 2."""

    def times(one: str, other: str, part: str) -> str:
        return graph.add("Mul", [one, other], f"{name}.{part}")

    def constant(part: str, value: float) -> str:
        return graph.number(f"{name}.{part}", value)

    ends = [constant("least", -10.0), constant("most", 10.0)]
    inner = graph.add("Clip", [z, *ends], f"{name}.clipped")
    cubic = times(times(inner, inner, "square"), constant("k", GELU_CUBIC), "cubic")
    bent = times(inner, graph.add("Add", [cubic, constant("one", 1.0)], f"{name}.bend"), "bent")
    tanh = graph.add("Tanh", [times(bent, constant("c", GELU_SCALE), "inner")], f"{name}.tanh")
    gate = times(graph.add("Add", [tanh, constant("one", 1.0)], f"{name}.sum"), constant("half", 0.5), "gate")
    return times(graph.add("Max", [z, ends[0]], f"{name}.outer"), gate, "gelu")


ACTIVATIONS: dict[str, Add] = {
    "sigmoid": _one("Sigmoid"),
    "sigmoid-hybrid": _one("Sigmoid"),
    "leaky-relu": _leaky_relu,
    "relu": _one("Relu"),
    "tanh": _one("Tanh"),
    "elu": _elu,
    "selu": _one("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "gelu": _gelu,
    "silu": _silu,
    "identity": _one("Identity"),
    "exp": _exp,
    "softmax": _one("Softmax", axis=-1),
}
