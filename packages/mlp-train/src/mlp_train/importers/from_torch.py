"""PyTorch's modules in a row are layers, one after the other, in the way they answer: as after `eval()`."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.errors import ForeignModelError, UsageError
from mlp_train.importers.answers import LOG_SOFTMAX, Found, Wishes
from mlp_train.importers.checking import Feed, Imported, Reference, taken_over
from mlp_train.importers.net import Net, raw_numbers
from mlp_train.importers.sources import Source

NOTHING = {"Identity", "Dropout", "AlphaDropout", "FeatureAlphaDropout", "Dropout1d"}  # when a network answers
PLAIN = {"ReLU": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "SELU": "selu", "SiLU": "silu"}


def import_torch(module: Any, wish: Wishes) -> Imported:
    """Return the model of a torch.nn.Sequential, or of a single module that is one layer."""
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise UsageError("taking over PyTorch's modules needs the torch package: pip install torch") from error
    parts = list(_parts(module, ""))
    width = next((part.in_features for _, part in parts if _is(part, {"Linear"})), None)
    if width is None:
        raise ForeignModelError("the module has no Linear layer: a torch.nn.Sequential of layers is read")
    net = Net((raw_numbers("x", width),))
    for where, part in parts:
        net = _add(part, net, where)
    alone = copy.deepcopy(module).to("cpu").double().eval()

    def values(feed: Feed) -> Array:
        with torch.no_grad():
            return np.asarray(alone(torch.from_numpy(np.ascontiguousarray(feed["x"]))).numpy())

    version = f"PyTorch {torch.__version__}"
    origin = {"form": version, "module": type(module).__name__[:80]}
    sources = [Source("x", "number", (width,))]
    return taken_over(net, sources, Found(), wish, Reference(f"{version} in float64", values), origin, parts[-1][0])


def _is(part: Any, names: Iterable[str]) -> bool:
    """Tell whether a module is one of PyTorch's own; a class derived from one may compute something else."""
    return type(part).__name__ in names and type(part).__module__.startswith("torch.nn.modules.")


def _parts(module: Any, at: str) -> Iterable[tuple[str, Any]]:
    """Yield the layers of a module with how an error names them."""
    if _is(module, {"Sequential"}):
        for name, part in module.named_children():
            yield from _parts(part, f"{at}.{name}" if at else name)
        return
    yield (f"the module {at!r} ({type(module).__name__})" if at else f"the module ({type(module).__name__})"), module


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().to("cpu").double().numpy())


def _add(part: Any, net: Net, where: str) -> Net:
    name = type(part).__name__
    if _is(part, {"Linear"}):
        return net.dense(_array(part.weight).T, None if part.bias is None else _array(part.bias), where)
    if _is(part, NOTHING):
        return net
    if _is(part, PLAIN):
        return net.activate(PLAIN[name], {}, where)
    if _is(part, {"LeakyReLU"}):
        return net.activate("leaky-relu", {"negative_slope": float(part.negative_slope)}, where)
    if _is(part, {"PReLU"}) and part.weight.numel() == 1:
        return net.activate("leaky-relu", {"negative_slope": float(part.weight.detach())}, where)
    if _is(part, {"ELU"}):
        return net.activate("elu", {"alpha": float(part.alpha)}, where)
    if _is(part, {"GELU"}):
        if part.approximate != "tanh":
            raise ForeignModelError(f"{where} is the form with erf, but a model file has GELU(approximate='tanh')")
        return net.activate("gelu", {}, where)
    if _is(part, {"Softmax", "LogSoftmax"}):
        if part.dim not in (1, -1):
            raise ForeignModelError(f"{where} has dim={part.dim}: over a row it is dim=1")
        return net.activate("softmax" if name == "Softmax" else LOG_SOFTMAX, {}, where)
    if _is(part, {"Flatten"}):
        if part.start_dim != 1 or part.end_dim != -1:
            raise ForeignModelError(f"{where} leaves some axes as they are: the default flattens each sample to a row")
        return net
    if _is(part, {"BatchNorm1d"}):
        if part.running_mean is None:
            raise ForeignModelError(
                f"{where} measures every batch anew (track_running_stats=False), which no layer does"
            )
        by = 1 / np.sqrt(_array(part.running_var) + part.eps)
        shift = -_array(part.running_mean) * by
        if part.affine:
            by, shift = by * _array(part.weight), shift * _array(part.weight) + _array(part.bias)
        return net.scaled(by, shift, where)
    raise ForeignModelError(f"{where} is a layer that is not read: no layer of a model file does what it does")
