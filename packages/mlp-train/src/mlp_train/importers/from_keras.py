"""A Keras model that is one row of layers becomes layers too, with what Keras knows only while training left out."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.importers.answers import LOG_SOFTMAX, Found, Wishes
from mlp_train.importers.checking import Feed, Imported, Reference, taken_over, unwarned
from mlp_train.importers.net import Net, raw_numbers
from mlp_train.importers.sources import Source

NOTHING = {
    "InputLayer", "Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization", "Identity",
}  # fmt: skip  # when a network answers
ACTIVATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "linear": ("identity", {}), "relu": ("relu", {}), "sigmoid": ("sigmoid", {}), "tanh": ("tanh", {}),
    "selu": ("selu", {}), "elu": ("elu", {"alpha": 1.0}), "silu": ("silu", {}), "swish": ("silu", {}),
    "leaky_relu": ("leaky-relu", {"negative_slope": 0.2}), "softmax": ("softmax", {}), "log_softmax": (LOG_SOFTMAX, {}),
}  # fmt: skip


def import_keras(model: Any, wish: Wishes) -> Imported:
    """Return the model of a keras.Sequential, or of a functional model that is one row of layers."""
    try:
        keras = importlib.import_module("keras")
    except ImportError as error:
        raise UsageError("taking over Keras models needs the keras package, version 3: pip install keras") from error
    if not keras.__version__.startswith("3."):
        raise UsageError(f"Keras {keras.__version__} is installed, but models of version 3 are read")
    if not isinstance(model, keras.Model) or not getattr(model, "layers", None):
        raise ForeignModelError(f"a {type(model).__name__} came: a Keras model with layers is read")
    if not getattr(model, "built", False) or len(getattr(model, "inputs", None) or [0]) != 1:
        raise ForeignModelError("the Keras model has no input yet, or several: build it with one keras.Input")
    sides = tuple(model.input_shape[1:])
    if None in sides or not sides:
        raise ForeignModelError(f"the Keras model leaves open how many numbers a sample has: its input is {sides}")
    width = math.prod(sides)
    net = Net((raw_numbers("x", width),), sides=sides)
    where = ""
    for index, layer in enumerate(_layers(model)):
        where = f"layer {index} ({type(layer).__name__} {layer.name!r})"
        net = _add(layer, net, where)

    def values(feed: Feed) -> Array:
        rows = np.asarray(feed["x"], np.float32).reshape(-1, *sides)
        answers = np.asarray(keras.ops.convert_to_numpy(model(rows, training=False)))
        return answers.reshape(len(rows), -1)

    what = f"Keras {keras.__version__} on {keras.config.backend()}"
    origin = {"form": f"Keras {keras.__version__}", "model": model.name[:80]}
    sources = [Source("x", "number", (width,))]
    return taken_over(net, sources, Found(), wish, Reference(what, values), origin, where, model.name[:80])


def _layers(model: Any) -> list[Any]:
    """Return the layers of a model in order, those of inner models in their place."""
    found: list[Any] = []
    for layer in model.layers:
        found += _layers(layer) if type(layer).__name__ in ("Sequential", "Functional") else [layer]
    return found


def _array(value: Any) -> Array:
    keras: Any = importlib.import_module("keras")
    with unwarned():
        return np.asarray(keras.ops.convert_to_numpy(value), np.float64)


def _add(layer: Any, net: Net, where: str) -> Net:
    name = type(layer).__name__
    if not type(layer).__module__.startswith("keras."):
        raise ForeignModelError(f"{where} is a class of your own, of which nothing is known")
    if name in NOTHING:
        return net
    if name == "Dense":
        made = net.dense(_array(layer.kernel), None if layer.bias is None else _array(layer.bias), where)
        return _activated(made, layer.activation, where)
    if name == "Activation":
        return _activated(net, layer.activation, where)
    if name == "ReLU":
        if layer.max_value is not None or layer.threshold:
            raise ForeignModelError(f"{where} has a max_value or a threshold, which no layer of a model file has")
        slope = float(layer.negative_slope or 0.0)
        return (
            net.activate("leaky-relu", {"negative_slope": slope}, where) if slope else net.activate("relu", {}, where)
        )
    if name == "LeakyReLU":
        return net.activate("leaky-relu", {"negative_slope": float(layer.negative_slope)}, where)
    if name == "ELU":
        return net.activate("elu", {"alpha": float(layer.alpha)}, where)
    if name == "Softmax":
        if layer.axis not in (-1, 1):
            raise ForeignModelError(f"{where} is taken over the axis {layer.axis}: over a row it is -1")
        return net.activate("softmax", {}, where)
    if name == "Flatten":
        return net.shaped((net.width,))
    if name == "Reshape":
        return net.shaped(tuple(layer.target_shape) if -1 not in layer.target_shape else (net.width,))
    if name == "BatchNormalization":
        _check_axis(layer.axis, net, where)
        by = 1 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
        by = by * (_array(layer.gamma) if layer.scale else 1.0)
        return net.scaled(by, (_array(layer.beta) if layer.center else 0.0) - _array(layer.moving_mean) * by, where)
    if name == "Rescaling":
        return net.scaled(_array(layer.scale), _array(layer.offset), where)
    if name == "Normalization":
        if getattr(layer, "invert", False):
            raise ForeignModelError(f"{where} turns a normalisation back, which is not read")
        mean, spread = _array(layer.mean), np.maximum(np.sqrt(_array(layer.variance)), 1e-7)
        return net.centred(mean, 1 / spread, where)
    raise ForeignModelError(f"{where} is a layer that is not read: no layer of a model file does what it does")


def _check_axis(axis: Any, net: Net, where: str) -> None:
    if axis not in (-1, len(net.shape)):
        raise ForeignModelError(f"{where} normalises along the axis {axis}: the last one can be read")


def _activated(net: Net, function: Any, where: str) -> Net:
    """Return a network with the activation of a layer."""
    if function is None:
        return net
    keras: Any = importlib.import_module("keras")
    if isinstance(function, keras.layers.Layer):
        return _add(function, net, where)
    name = getattr(function, "__name__", "")
    if name == "gelu":
        raise ForeignModelError(f"{where} has the gelu with erf, but a model file has the tanh form")
    if name == "exponential":
        raise ForeignModelError(f"{where} has an exponential without a limit, but a model file's ends at exp(40)")
    if name not in ACTIVATIONS or getattr(keras.activations, name, None) is not function:
        raise ForeignModelError(f"{where} has the activation {name[:80]!r}, which no model file has")
    known, parameters = ACTIVATIONS[name]
    return net.activate(known, parameters, where)
