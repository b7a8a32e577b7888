"""A graph of ONNX grows here node by node, every value under a name that says what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_train.array import Array

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8


class Graph:
    """The inputs, constants, nodes and outputs of one graph; `onnx` is the package of that name."""

    def __init__(self, onnx: Any) -> None:
        self._onnx, self._helper = onnx, onnx.helper
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def input(self, name: str, dtype: str, sides: Sequence[int]) -> str:
        """Add an input (n, *sides)."""
        self._inputs.append(self._helper.make_tensor_value_info(name, self._type(dtype), ["n", *sides]))
        return name

    def output(self, name: str, dtype: str, *sides: int) -> None:
        """Add an output (n, *sides), which a node has computed."""
        self._outputs.append(self._helper.make_tensor_value_info(name, self._type(dtype), ["n", *sides]))

    def constant(self, name: str, values: Array) -> str:
        """Add an array; texts come as objects."""
        if values.dtype == object:
            encoded = [text.encode() for text in values]
            self._constants[name] = self._helper.make_tensor(name, self._type("string"), values.shape, encoded)
        else:
            self._constants[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def number(self, name: str, value: float) -> str:
        """Add a single float32."""
        return self.constant(name, np.array(value, np.float32))

    def add(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node with one output and return its name. `to` names a type; `shape` is Reshape's second input."""
        inputs = list(inputs)
        if "shape" in attributes:
            inputs.append(self.constant(f"{name}.shape", np.array(attributes.pop("shape"), np.int64)))
        if "to" in attributes:
            attributes["to"] = self._type(attributes["to"])
        domain = "ai.onnx.ml" if operator in ("LabelEncoder", "OneHotEncoder") else ""
        self._nodes.append(self._helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def scaled(self, rows: str, mean: Any, factor: Any, name: str) -> str:
        """Add `(rows - mean) * factor` and return its name."""
        means = self.constant(f"{name}.mean", np.asarray(mean, np.float32))
        factors = self.constant(f"{name}.scale", np.asarray(factor, np.float32))
        return self.add("Mul", [self.add("Sub", [rows, means], f"{name}.centred"), factors], name)

    def finish(self, name: str) -> Any:
        """Return the model."""
        helper = self._helper
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, list(self._constants.values()))
        domains = {node.domain for node in self._nodes}
        opsets = [helper.make_opsetid("", OPSET)]
        opsets += [helper.make_opsetid("ai.onnx.ml", ML_OPSET)] if "ai.onnx.ml" in domains else []
        return helper.make_model(graph, producer_name="mlp-train", opset_imports=opsets, ir_version=IR_VERSION)

    def _type(self, name: str) -> int:
        words = {"float32": "FLOAT", "string": "STRING", "bool": "BOOL", "uint8": "UINT8", "int64": "INT64"}
        number: int = getattr(self._onnx.TensorProto, words[name])
        return number
