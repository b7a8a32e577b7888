"""What a graph answers is asked of ONNX Runtime where it is installed, and of onnx's own evaluator elsewhere."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import ForeignModelError
from mlp_train.importers.checking import Feed, Reference
from mlp_train.importers.onnx_file import onnx_package
from mlp_train.importers.sources import Source

Run = Callable[[dict[str, Array]], list[Any]]
TYPES: dict[str, Any] = {
    "FLOAT": np.float32, "DOUBLE": np.float64, "FLOAT16": np.float16, "INT64": np.int64, "INT32": np.int32,
    "INT16": np.int16, "INT8": np.int8, "UINT8": np.uint8, "BOOL": np.bool_, "STRING": object,
}  # fmt: skip


def onnx_reference(model: Any, sources: list[Source], samples: int, scores: str, label: str | None) -> Reference:
    """Return what answers as the graph does. samples: what the graph fixes their number to, 0 for any."""
    onnx = onnx_package()
    asked = _asking(onnx, model, [scores] if label is None else [scores, label])
    kinds = {one.name: onnx.TensorProto.DataType.Name(one.type.tensor_type.elem_type) for one in model.graph.input}
    what, run = _runner(asked)
    known: dict[int, list[Any]] = {}  # the answers to a feed, which are asked for twice

    def answers(feed: Feed) -> list[Any]:
        if id(feed) not in known:
            known[id(feed)] = _answered(run, feed, sources, kinds, samples, what)
        return known[id(feed)]

    def values(feed: Feed) -> Array:
        made = np.asarray(answers(feed)[0], np.float64)
        return made.reshape(len(made), -1)

    return Reference(what, values, None if label is None else lambda feed: list(np.ravel(answers(feed)[1])))


def _asking(onnx: Any, model: Any, names: list[str]) -> Any:
    """Return the graph with those outputs alone; what makes dictionaries of probabilities goes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kept = [node for node in model.graph.node if node.op_type != "ZipMap"]
    del copy.graph.node[:], copy.graph.output[:]
    copy.graph.node.extend(kept)
    declared = {one.name: one for one in model.graph.output}
    for name in names:
        zipped = name in declared and declared[name].type.WhichOneof("value") != "tensor_type"
        copy.graph.output.append(declared[name] if name in declared and not zipped else onnx.ValueInfoProto(name=name))
    return copy


def _runner(model: Any) -> tuple[str, Run]:
    """Return what runs a graph, and its name; ONNX Runtime does not take every graph that is right."""
    try:
        runtime: Any = importlib.import_module("onnxruntime")
    except ImportError:
        return _evaluator(model)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception:  # it raises classes of its own, of which it exports none
        return _evaluator(model)
    return f"onnxruntime {runtime.__version__}", lambda feed: list(session.run(None, feed))


def _evaluator(model: Any) -> tuple[str, Run]:
    version = importlib.metadata.version("onnx")
    try:
        session = importlib.import_module("onnx.reference").ReferenceEvaluator(model)
    except Exception as error:
        why = " ".join(str(error).split())[:120]
        raise ForeignModelError(
            f"onnx's own evaluator, with which it would be compared, does not take the graph ({why}): if the file is "
            "whole, pip install onnxruntime, which may"
        ) from error
    return f"onnx.reference {version}", lambda feed: list(session.run(None, feed))


def _answered(run: Run, feed: Feed, sources: list[Source], kinds: dict[str, str], samples: int, what: str) -> list[Any]:
    arrays = {source.name: _array(feed[source.name], source, kinds[source.name]) for source in sources}
    count = len(next(iter(arrays.values())))
    size = samples or count
    parts = []
    for begin in range(0, count, size):
        some = {name: rows[begin : begin + size] for name, rows in arrays.items()}
        short = size - len(next(iter(some.values())))  # the last samples of a graph for a fixed number of them
        padded = {name: np.concatenate([rows, *[rows[-1:]] * short]) for name, rows in some.items()}
        try:
            made = run(padded)
        except Exception as error:  # each of both raises what it likes
            raise ForeignModelError(f"{what} cannot compute the graph: {' '.join(str(error).split())[:200]}") from error
        parts.append([np.asarray(one)[: size - short] if size - short else one for one in made])
    return [np.concatenate(some) for some in zip(*parts, strict=True)]


def _array(cells: Array, source: Source, kind: str) -> Array:
    """Return rows as the graph takes them: NaN is a missing number, an empty text a missing text."""
    if kind == "STRING":
        made = np.array(["" if cell is None else str(cell) for cell in cells.reshape(-1)], object)
    else:
        numbers = np.array([np.nan if cell is None else cell for cell in cells.reshape(-1)], np.float64)
        made = numbers.astype(TYPES[kind])
    return made.reshape(len(cells), *source.sides)
