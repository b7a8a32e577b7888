"""A NumPy script is a whole model in one Python file, for places where not even the runtime may be installed.

What it computes is the runtime's own source: the preparation and the activations that the model needs are cut out of
mlp_runtime (`cut_source`), so that there is no second version of them that could come to differ. Only the few lines
below, which put an answer together, are the script's own.
"""

from __future__ import annotations

import base64
import textwrap
from pprint import pformat
from typing import Any

from mlp_runtime import Model
from mlp_runtime.activations import ACTIVATIONS
from mlp_train.array import Array
from mlp_train.errors import UsageError
from mlp_train.exporters.cut_source import cut
from mlp_train.exporters.stored import StoredLayer, stored_layers

PACKAGE = "mlp_runtime"
MODULE = '''
def _array(dtype, shape, text):
    """Return an array from its bytes, which are little-endian and written as base64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)


def forward(x):
    """Return the last activation (n, outputs) for prepared numbers (n, inputs)."""
    for weight, bias, activation, parameters in LAYERS:
        x = layer(x, weight.T, bias, out=np.empty((len(x), len(bias)), np.float32))
        activation(x, x, **parameters)
    return x


def _run(raw):
    """Prepare and compute: return whether raw holds many inputs, and the output (n, outputs)."""
    many = INPUT.is_batch(raw)
    return many, forward(INPUT.scale(INPUT.prepare(raw, many)))
'''
PROBABILITIES = '''
def predict_proba(raw):
    """Return the probability of each of CLASSES, for one input or for many."""
    many, output = _run(raw){two}
    return output if many else output[0]
'''
TWO = "\n    output = np.concatenate((1 - output, output), axis=1)  # it is the second class's"
PREDICT = '''
def predict(raw):
    """Return the {what} of one input, or {them} for many."""
    many, output = _run(raw)
'''
SINGLE = "    best = (output[:, 0] >= np.float32({threshold!r})).astype(int)\n"
BEST = "    best = output.argmax(axis=1)\n"
CLASS = "    return np.array(CLASSES)[best] if many else CLASSES[best[0]]\n"
LABELS = """    holding = [tuple(np.array(CLASSES)[row].tolist()) for row in output >= np.float32({threshold!r})]
    return holding if many else holding[0]
"""
NUMBERS = """    output = output * {scale!r} + {mean!r}
    return output if many else output[0]
"""
NUMBER = """    output = output[:, 0] * {scale!r} + {mean!r}
    return output if many else float(output[0])
"""
MAIN = """
if __name__ == "__main__":
    given = sys.argv[1:]
    if len(given) != 1:
        sys.exit("usage: python " + sys.argv[0] + " INPUT.npy | INPUT.json")
    with open(given[0], "rb") as file:
        raw = np.load(file) if given[0].endswith(".npy") else json.load(file)
    said = predict(raw)
    for one in said if INPUT.is_batch(raw) else [said]:
        print(", ".join(one) if isinstance(one, tuple) else one)
"""


def export(model: Model, weights: str, name: str) -> dict[str, bytes]:
    """Return the script."""
    layers = stored_layers(model, weights)
    used = {layer.activation: ACTIVATIONS[layer.activation].forward for layer in layers}
    for activation, forward in used.items():
        if forward.__module__ != f"{PACKAGE}.activations":
            raise UsageError(
                f"the activation {activation!r} is a plug-in's, which the script would not have: export a model with "
                "built-in activations"
            )
    kind = type(model.input)
    wanted = [(kind.__module__, kind.__name__), (f"{PACKAGE}.activations", "layer")]
    imports, source = cut([*wanted, *((forward.__module__, forward.__name__) for forward in used.values())])
    lines = sorted({*imports, "import base64", "import json", "import sys", "import numpy as np"}, key=_import_order)
    parts = [
        _opening(model, name),
        "from __future__ import annotations\n\n" + "\n".join(lines),
        "# The following is cut out of mlp-runtime (MIT licence), of which this model needs no more.\n\n" + source,
        "# What follows is this model." + MODULE.rstrip(),
        *_answer(model),
        _numbers(model, layers),
        MAIN.strip(),
    ]
    return {"": ("\n\n\n".join(part.strip("\n") for part in parts) + "\n").encode()}


def _import_order(line: str) -> tuple[bool, str]:
    return "numpy" in line, line


def _opening(model: Model, name: str) -> str:
    takes = {
        "vector": f"an array of {model.input.size} numbers",
        "image": "an image as a uint8 array, h x w or h x w x 3",
        "table": "a row as a dict, by the names of its columns",
    }[model.input.kind]
    module = name if name.isidentifier() else "model"  # what stands in a file name must not become code
    return (
        f'"""A small neural network in one file that needs NumPy and nothing else: `predict` answers.\n\n'
        f"It takes {takes}, or many of them.\n\n"
        f"    import {module}\n    {module}.predict(raw)\n\n"
        f'From a shell: python {module}.py INPUT.npy, or INPUT.json.\n"""'
    )


def _answer(model: Model) -> list[str]:
    """Return the functions that turn the last activation into an answer."""
    output: dict[str, Any] = {"threshold": 0.5, "mean": 0.0, "scale": 1.0}
    output |= {key: value for key, value in model.describe()["output"].items() if value is not None}
    if model.output_kind == "numbers":
        names = output["names"]
        body = NUMBER if len(names) == 1 else NUMBERS
        return [f"NAMES = {names!r}", PREDICT.format(what="number", them="an array") + body.format(**output)]
    single = model.output_kind == "classes" and len(model.layers[-1].bias) == 1
    choose = (SINGLE if single else BEST) + CLASS if model.output_kind == "classes" else LABELS
    what, them = ("class", "an array of them") if model.output_kind == "classes" else ("labels", "a list of them")
    return [
        "CLASSES = " + pformat(list(model.classes), width=110, compact=True),
        PREDICT.format(what=what, them=them) + choose.format(**output),
        PROBABILITIES.format(two=TWO if single else ""),
    ]


def _numbers(model: Model, layers: list[StoredLayer]) -> str:
    """Write the spec of the input and the layers, with all their numbers."""
    spec, tensors = model.input.spec()
    described = textwrap.indent(pformat(spec, width=110, compact=True, sort_dicts=False), "    ")
    arrays = "".join(f"        {key!r}: {_array(array)},\n" for key, array in tensors.items())
    named = f"    {{\n{arrays}    }},\n" if arrays else "    {},\n"
    text = f"INPUT = {type(model.input).__name__}.from_spec(\n{described},\n{named})\n"
    text += "LAYERS = [\n"
    for layer in layers:
        weight = _array(layer.values)
        if layer.values.dtype != "float32":
            weight += ".astype(np.float32)"
        if layer.scale is not None:
            weight += f"\n        * {_array(layer.scale)}[:, np.newaxis]"
        function = ACTIVATIONS[layer.activation].forward.__name__
        rest = f"{function},\n        {dict(layer.parameters)!r}"
        text += f"    (\n        {weight},\n        {_array(layer.bias)},\n        {rest},\n    ),\n"
    return text + "]"


def _array(array: Array) -> str:
    dtype: Any = array.dtype.newbyteorder("<")
    text = base64.encodebytes(array.astype(dtype).tobytes()).decode()
    return f'_array("{dtype.str}", {array.shape}, """\n{text}""")'
