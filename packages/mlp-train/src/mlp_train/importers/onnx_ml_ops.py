"""What the operators of ai.onnx.ml mean, in which scikit-learn's pipelines are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.importers.net import Category, Gaps, Net, joined
from mlp_train.importers.onnx_activations import Read
from mlp_train.importers.onnx_ops import as_pair, filled
from mlp_train.importers.onnx_shapes import cells_at, text_of
from mlp_train.importers.onnx_values import Cells, Labels, Looked, Pair, Reaches, Step, Top, Value, Zipped, raw


def scaler(step: Step) -> list[Value]:
    """(x - offset) * scale."""
    said = step.attributes
    return [step.net().centred(said.get("offset", 0.0), said.get("scale", 1.0), step.where)]


def normalizer(step: Step) -> list[Value]:
    """A row divided by its length: only of probabilities, which sum to 1 already, it does nothing."""
    value = as_pair(step.given(0))
    if step.attributes.get("norm", "MAX") == "L1":
        if isinstance(value, Pair):
            return [value]
        net = step.net()
        if net.layers and net.layers[-1][2] == "softmax":
            return [net]
    raise step.refused("divides every row by its own length, which no layer does")


def _names(said: Mapping[str, Any], *keys: str) -> tuple[str, ...] | None:
    for key in keys:
        if len(said.get(key, ())):
            return tuple(text_of(one) for one in said[key])
    return None


def linear_classifier(step: Step) -> list[Value]:
    """Scores of classes, and probabilities of them."""
    said, net = step.attributes, step.net()
    names = _names(said, "classlabels_ints", "classlabels_strings")
    weight, bias = _linear(step, net, max(1, len(names or ())))
    made = net.dense(weight, bias, step.where)
    after = said.get("post_transform", "NONE")
    if after == "LOGISTIC":
        made = made.activate("sigmoid", {}, step.where)
    elif after == "SOFTMAX":
        made = made.activate("softmax", {}, step.where)
    elif after != "NONE":
        raise step.refused(f"ends with the transformation {after[:40]}, which no layer does")
    value = as_pair(made)
    if made.width == 1 and names is not None and len(names) == 2:
        if after != "LOGISTIC":
            raise step.refused("has one score for two classes, and makes no probability of it")
        value = Pair(made)
    return [Labels(names), value]


def _linear(step: Step, net: Net, outputs: int) -> tuple[Array, Array]:
    coefficients = np.asarray(step.attributes.get("coefficients", ()), np.float64)
    if net.width and len(coefficients) == net.width:
        outputs = 1  # two classes may share one score
    if len(coefficients) != net.width * outputs:
        raise step.refused(f"has {len(coefficients)} coefficients for {net.width} inputs and {outputs} outputs")
    intercepts = np.asarray(step.attributes.get("intercepts", ()), np.float64)
    return coefficients.reshape(outputs, net.width).T, intercepts if len(intercepts) else np.zeros(outputs)


def linear_regressor(step: Step) -> list[Value]:
    """Weighted sums of the inputs."""
    if step.attributes.get("post_transform", "NONE") != "NONE":
        raise step.refused("ends with a transformation, which no layer does")
    net, targets = step.net(), int(step.attributes.get("targets", 1))
    if not 1 <= targets <= 2**20:
        raise step.refused(f"has {targets} targets")
    weight, bias = _linear(step, net, targets)
    return [net.dense(weight, bias, step.where)]


def imputer(step: Step) -> list[Value]:
    """What is read where a number is missing."""
    said = step.attributes
    if "imputed_value_floats" not in said or not np.isnan(said.get("replaced_value_float", 0.0)):
        raise step.refused("fills something else than numbers that are NaN")
    return [filled(step, step.net(), said["imputed_value_floats"])]


def one_hot_encoder(step: Step) -> list[Value]:
    """A one in the place of the cell's value."""
    said, value = step.attributes, step.given(0)
    strict = not said.get("zeros", 1)
    names = _names(said, "cats_int64s", "cats_strings") or ()
    if isinstance(value, Looked):
        order = {text_of(place): text for text, place in reversed(list(value.places.items())) if text}
        fills = [order.get(text_of(place)) for text, place in value.places.items() if not text]
        if any(name not in order for name in names) or any(fill not in map(order.get, names) for fill in fills):
            raise step.refused("counts other places than the LabelEncoder before it gives")
        block = Category(*value.spot, tuple(order[name] for name in names), fills[0] if fills else None, strict=strict)
        return [Net((block,), sides=(1, block.width))]
    spots = raw(value)
    if not spots or not names:
        raise step.refused("encodes what is no cell of the input as it comes")
    if len(spots) * len(names) > step.room:
        raise step.refused(f"makes {len(spots) * len(names):,} numbers, more than the file holds")
    made = Net(tuple(Category(source, place, names, strict=strict) for source, place in spots))
    return [made.shaped((len(spots), len(names)))]


def label_encoder(step: Step) -> list[Value]:
    """The place of a text in a list; other names for the answers; whether a text is missing."""
    said, value = step.attributes, step.given(0)
    keys, values = _column(said, "keys"), _column(said, "values")
    if len(keys) != len(values):
        raise step.refused(f"has {len(keys)} keys, but {len(values)} values")
    table = dict(zip(map(text_of, keys), values, strict=True))
    if isinstance(value, Labels):
        known = value.names or tuple(table)
        if any(name not in table for name in known):
            raise step.refused("has no name for an answer")
        return [Labels(tuple(text_of(table[name]) for name in known))]
    if isinstance(value, Cells) and len(value.spots) == 1:
        if list(table) == [""] and float(values[0]) == 1 and float(said.get("default_float", 0.0)) == 0:
            source, place = value.spots[0]
            return [Net((Gaps(source, np.array([place])),))]
        if all(isinstance(one, (int, np.integer)) for one in values) and int(said.get("default_int64", -1)) == -1:
            return [Looked(value.spots[0], {key: int(one) for key, one in table.items()})]
    raise step.refused("looks up something else than a text of the input or an answer")


def _column(said: Mapping[str, Any], side: str) -> list[Any]:
    for kind in ("strings", "int64s", "floats", "tensor"):
        if f"{side}_{kind}" in said:
            return list(np.ravel(np.array(said[f"{side}_{kind}"], object)))
    return []


def array_feature_extractor(step: Step) -> list[Value]:
    """Some of the numbers of a row, or the name of the answer."""
    value, which = step.given(0), step.given(1)
    if isinstance(value, np.ndarray) and isinstance(which, (Top, Reaches)):
        return [Labels(tuple(text_of(one) for one in np.ravel(value)))]
    indices = np.ravel(step.constant(1))
    if isinstance(value, Cells):
        return [cells_at(step, value, indices)]
    if isinstance(value, Pair) and list(indices) == [1]:
        return [value.of]
    return [step.net().selected(indices, step.where)]


def zip_map(step: Step) -> list[Value]:
    """Probabilities under the names of their classes."""
    names = _names(step.attributes, "classlabels_int64s", "classlabels_strings") or ()
    return [Zipped(as_pair(step.given(0)), names, step.input_names[0])]


def binarizer(step: Step) -> list[Value]:
    """Which of the labels hold."""
    return [Reaches(step.net(), float(step.attributes.get("threshold", 0.0)))]


def feature_vectorizer(step: Step) -> list[Value]:
    """Several inputs beside each other."""
    return [joined([step.net(index).shaped(()) for index in range(len(step.inputs))], step.where)]


ML_OPS: dict[str, Read] = {
    "Scaler": scaler,
    "Normalizer": normalizer,
    "LinearClassifier": linear_classifier,
    "LinearRegressor": linear_regressor,
    "Imputer": imputer,
    "OneHotEncoder": one_hot_encoder,
    "LabelEncoder": label_encoder,
    "ArrayFeatureExtractor": array_feature_extractor,
    "ZipMap": zip_map,
    "Binarizer": binarizer,
    "FeatureVectorizer": feature_vectorizer,
}
