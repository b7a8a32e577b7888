"""An ONNX graph is walked node by node: each adds a layer, a scaling or a part of the input, or is refused by name."""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from typing import Any

import numpy as np

from mlp_runtime.errors import shown
from mlp_train.errors import ForeignModelError
from mlp_train.importers.answers import Found, Wishes
from mlp_train.importers.checking import Imported, taken_over
from mlp_train.importers.curves import Curve
from mlp_train.importers.net import Net, raw_numbers, short
from mlp_train.importers.onnx_file import array, attributes, parsed, source_of
from mlp_train.importers.onnx_fold import folded
from mlp_train.importers.onnx_ml_ops import ML_OPS
from mlp_train.importers.onnx_ops import OPS, as_pair
from mlp_train.importers.onnx_reference import onnx_reference
from mlp_train.importers.onnx_values import Cells, Labels, Pair, Reaches, Step, Top, Value, Zipped, node_name
from mlp_train.importers.sources import Source

LEAST_ROOM = 2**20  # numbers that a constant may have which the graph computes, however small the file
ROOMS = 8  # as many of that size all of them together may have


def import_onnx(content: bytes, name: str, wish: Wishes) -> Imported:
    """Return the model of an ONNX file; `name` is only told."""
    model = parsed(content)
    walk = _Walk(model, wish)
    net, found, scores, label = walk.answer()
    producer = f"{model.producer_name} {model.producer_version}".strip()[:100]
    origin = {"form": "ONNX", "file": name, "sha256": hashlib.sha256(content).hexdigest()}
    origin |= {"producer": producer} if producer else {}
    reference = onnx_reference(model, walk.sources, walk.samples, scores, label)
    return taken_over(
        net, walk.sources, found, wish, reference, origin, f"the output {shown(scores)}", PurePath(name).stem
    )


class _Walk:
    """The values of a graph, by name, from its inputs to its outputs."""

    def __init__(self, model: Any, wish: Wishes) -> None:
        graph = model.graph
        self.values: dict[str, Value] = {"": None}
        self.opset = max([one.version for one in model.opset_import if one.domain in ("", "ai.onnx")], default=1)
        for tensor in graph.initializer:
            self.values[tensor.name] = array(tensor, f"the tensor {shown(tensor.name)}")
        held = sum(value.size for value in self.values.values() if value is not None)
        self.room = max(LEAST_ROOM, held)
        self.left = ROOMS * self.room
        self.sources: list[Source] = []
        self.samples = 0
        given = [one for one in graph.input if one.name not in self.values]
        if not given:
            raise ForeignModelError("the graph has no input")
        width = len(wish.features) if wish.features and len(given) == 1 else None
        for one in given:
            source, samples = source_of(one, width)
            self.samples = max(self.samples, samples)
            self.sources.append(source)
            self.values[one.name] = _raw(source)
        for node in graph.node:
            self._read(node)
        self.outputs = [one.name for one in graph.output]

    def _read(self, node: Any) -> None:
        where = node_name(node.op_type, node.name or next(iter(node.output), ""), node.domain)
        missing = [name for name in node.input if name not in self.values]
        if missing:
            raise ForeignModelError(
                f"{where} takes {shown(missing[0])}, which nothing before it gives (or a cycle does)"
            )
        inputs = [self.values[name] for name in node.input]
        step = Step(
            node.op_type,
            where,
            inputs,
            list(node.input),
            attributes(node, where),
            self.opset,
            self.samples,
            self.room,
            len(node.output),
        )
        for name, value in zip(node.output, self._made(node, step), strict=False):
            if name in self.values and name:
                raise ForeignModelError(f"{where} gives {shown(name)}, which there is already")
            self.values[name] = value
        self.values[""] = None

    def _made(self, node: Any, step: Step) -> list[Value]:
        if node.domain in ("", "ai.onnx") and node.op_type == "Constant":
            return [_constant(step)]
        table = {"": OPS, "ai.onnx": OPS, "ai.onnx.ml": ML_OPS}.get(node.domain, {})
        present = [value for value in step.inputs if value is not None]
        if table is OPS and all(isinstance(value, np.ndarray) for value in present):
            return [*self._kept(step, folded(step), present)]
        if node.op_type not in table:
            raise step.refused("is an operator that is not read: no layer of a model file does what it does")
        try:
            return table[node.op_type](step)
        except ForeignModelError:
            raise
        except Exception as error:  # a damaged graph does not fit together in as many ways as there are operators
            raise step.refused("is given what does not fit together: the file is damaged") from error

    def _kept(self, step: Step, made: list[np.ndarray], given: list[Value]) -> list[np.ndarray]:
        """Return what a node made of constants, unless all such together would fill the memory; views take none."""
        self.left -= sum(one.size for one in made if not any(np.may_share_memory(one, value) for value in given))
        if self.left < 0:
            raise step.refused(f"is one of many that make constants, of more than {ROOMS * self.room:,} numbers in all")
        return made

    def answer(self) -> tuple[Net, Found, str, str | None]:
        """Return the network, what it answers, and the names of its scores and of its labels in the graph."""
        scores: list[tuple[str, Value]] = []
        label: str | None = None
        names: tuple[str, ...] | None = None
        reaches: Reaches | None = None
        for name in self.outputs:
            value = self.values.get(name)
            if name not in self.values:
                raise ForeignModelError(f"the output {shown(name)} is given by no node")
            if isinstance(value, Curve) and value.compared is not None:
                value = Reaches(value.compared[0].net, value.compared[1])
            value = as_pair(value)
            if isinstance(value, Zipped):
                names = names or value.names or None
                name, value = value.name, value.of
            if isinstance(value, (Net, Curve, Pair)):
                scores.append((name, value))
            elif isinstance(value, (Labels, Top)):
                label, names = name, (getattr(value, "names", None) or names)
            elif isinstance(value, Reaches):
                reaches = value
            else:
                raise ForeignModelError(f"the output {shown(name)} is nothing that a layer has computed")
        if len({id(value.of if isinstance(value, Pair) else value) for _, value in scores}) != 1:
            raise ForeignModelError(
                f"the graph gives {len(scores)} outputs of numbers ({', '.join(shown(one) for one, _ in scores[:5])}): "
                "one is read, with or without the label that belongs to it"
            )
        name, value = scores[0]
        is_pair = isinstance(value, Pair)
        net = value.of if isinstance(value, Pair) else value.net if isinstance(value, Curve) else value
        kind = "labels" if reaches is not None else "classes" if is_pair or label is not None or names else ""
        threshold = reaches.threshold if reaches is not None else self._threshold(net)
        if kind == "classes" and names is None and is_pair:
            names = ("0", "1")
        threshold = None if threshold is None else short(threshold)
        return net, Found(kind, names, threshold), name, label if names is not None else None

    def _threshold(self, net: Net) -> float | None:
        """Return what the probability of the second class is compared with, if it is anything but a half."""
        found = {value.threshold for value in self.values.values() if isinstance(value, Reaches)}
        return found.pop() if len(found) == 1 and net.width == 1 else None


def _raw(source: Source) -> Value:
    if source.kind == "text":
        return Cells(tuple((source.name, place) for place in range(source.width)))
    return Net((raw_numbers(source.name, source.width),), sides=source.sides)


def _constant(step: Step) -> np.ndarray:
    for key, value in step.attributes.items():
        if key.startswith("value"):
            return np.array(value, object) if isinstance(value, (str, list)) else np.asarray(value)
    raise step.refused("holds no value")
