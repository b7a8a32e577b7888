"""An ONNX file is read without opening another one, and nothing in it is believed before its size was compared."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from mlp_runtime.errors import shown
from mlp_train.array import Array
from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.importers.sources import Source

MAX_NODES = 10_000
KINDS = {  # of a graph's inputs, by the names of ONNX's types
    "FLOAT": "number", "DOUBLE": "number", "FLOAT16": "number", "INT64": "whole", "INT32": "whole", "INT16": "whole",
    "INT8": "whole", "BOOL": "bits", "UINT8": "pixels", "STRING": "text",
}  # fmt: skip
SIZES = {
    "FLOAT": 4, "DOUBLE": 8, "FLOAT16": 2, "INT64": 8, "INT32": 4, "INT16": 2, "INT8": 1, "UINT8": 1, "BOOL": 1,
}  # fmt: skip
FIELDS = {"FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data"}  # the others are in int32_data


def onnx_package() -> Any:
    """Return the package onnx, or say how to install it."""
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise UsageError("reading ONNX needs the onnx package: pip install 'mlp-train[onnx]'") from error


def parsed(content: bytes) -> Any:
    """Return the ModelProto of a file whose weights are all in it."""
    onnx = onnx_package()
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf raises its own, which it does not always import
        raise ForeignModelError("the file is no ONNX file, or a damaged one: it cannot be parsed") from error
    graph = model.graph
    if not graph.node or not graph.output:
        raise ForeignModelError("the file is no ONNX file, or a damaged one: its graph has no nodes or no outputs")
    if len(graph.node) > MAX_NODES:
        raise ForeignModelError(f"the graph has {len(graph.node):,} nodes, more than the {MAX_NODES:,} that are read")
    if model.functions:
        raise ForeignModelError("the file has functions of its own, which are not read: export it with them inlined")
    if graph.sparse_initializer:
        raise ForeignModelError("the file has sparse weights, which are not read: export it with dense ones")
    for tensor in _tensors(graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ForeignModelError(
                f"the tensor {shown(tensor.name)} lies in another file, and none is opened: export one file with "
                "everything in it (in PyTorch external_data=False)"
            )
    return model


def _tensors(graph: Any) -> Iterable[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def array(tensor: Any, where: str) -> Array:
    """Return a tensor's values, after its shape was compared with what it holds."""
    onnx = onnx_package()
    kind = onnx.TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in _types(onnx) else "unknown"
    dims = tuple(tensor.dims)
    if kind not in (*SIZES, "STRING"):
        raise ForeignModelError(f"{where} is of the type {kind}, which is not read")
    if len(dims) > 8 or any(side < 0 for side in dims):
        raise ForeignModelError(f"{where} has the shape {dims[:9]}, which no tensor has")
    count = math.prod(dims)
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data) / SIZES.get(kind, 1)
    elif kind == "STRING":
        held = len(tensor.string_data)
    else:
        held = len(getattr(tensor, FIELDS.get(kind, "int32_data")))
    if held != count or (kind == "STRING" and tensor.HasField("raw_data")):
        raise ForeignModelError(f"{where} has the shape {dims}, but {held:g} values: the file is damaged")
    try:
        values = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # texts that are no UTF-8, segments, and whatever comes
        raise ForeignModelError(f"{where} cannot be read: the file is damaged") from error
    if kind == "STRING":
        return np.array([_text(one, where) for one in values.reshape(-1)], object).reshape(dims)
    return np.asarray(values)


def _text(value: Any, where: str) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise ForeignModelError(f"{where} holds a text that is no UTF-8") from error


def _types(onnx: Any) -> set[int]:
    return set(onnx.TensorProto.DataType.values())


def attributes(node: Any, where: str) -> dict[str, Any]:
    """Return a node's attributes: numbers, texts, lists of them, and arrays."""
    onnx = onnx_package()
    made: dict[str, Any] = {}
    kinds = onnx.AttributeProto
    for one in node.attribute:
        if one.type == kinds.TENSOR:
            made[one.name] = array(one.t, f"the attribute {shown(one.name)} of {where}")
        elif one.type == kinds.STRING:
            made[one.name] = _text(one.s, where)
        elif one.type == kinds.STRINGS:
            made[one.name] = [_text(text, where) for text in one.strings]
        elif one.type == kinds.FLOAT:
            made[one.name] = one.f
        elif one.type == kinds.INT:
            made[one.name] = one.i
        elif one.type == kinds.FLOATS:
            made[one.name] = np.array(one.floats, np.float32)
        elif one.type == kinds.INTS:
            made[one.name] = np.array(one.ints, np.int64)
        else:
            raise ForeignModelError(f"{where} has the attribute {shown(one.name)}, a graph or a type that is not read")
    return made


def source_of(given: Any, width: int | None) -> tuple[Source, int]:
    """Return an input of the graph, and the number of samples that it fixes, 0 for any.

    width: how many numbers a sample has, where the file leaves that open.
    """
    onnx = onnx_package()
    name = given.name
    label = f"the input {shown(name)}"
    if not name or given.type.WhichOneof("value") != "tensor_type" or not given.type.tensor_type.HasField("shape"):
        raise ForeignModelError(f"{label} is no tensor whose shape is known")
    tensor = given.type.tensor_type
    kind = KINDS.get(onnx.TensorProto.DataType.Name(tensor.elem_type) if tensor.elem_type in _types(onnx) else "")
    if kind is None:
        raise ForeignModelError(f"{label} is of a type that no input of a model file can be")
    sizes = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in tensor.shape.dim]
    if not 2 <= len(sizes) <= 5:
        raise ForeignModelError(f"{label} has {len(sizes)} axes: the first is of the samples, one to four are theirs")
    samples, *sides = sizes
    if min(sides) < 1 and width is not None and len(sides) == 1:
        sides = [width]
    if min(sides) < 1:
        raise ForeignModelError(f"{label} leaves open how many numbers a sample has: --features names them")
    if not 0 <= samples <= 4096:
        raise ForeignModelError(f"{label} is for {samples} samples at a time: export it for any number")
    return Source(name, kind, tuple(sides)), samples
