"""C takes a model to a microcontroller: a C99 header and a source that allocate nothing and need only the math library.

The weights are constants, which a linker puts into flash; two buffers as wide as the widest layers take the rest. So
one model answers one caller at a time. Sums run in blocks, because in float32 many small sums lose fewer digits than a
long one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlp_runtime import Model
from mlp_runtime.inputs import ImageInput, TableInput
from mlp_train.array import Array
from mlp_train.errors import UsageError
from mlp_train.exporters.c_activations import EXPRESSIONS, HELPERS, apply, number
from mlp_train.exporters.c_rows import Names, Rows
from mlp_train.exporters.stored import StoredLayer, check_activations, stored_layers

WIDTH = 110
BLOCK = 16  # products that are summed before they join the rest
DENSE = """\
static void {name}(const float *a, int n_in, const {type} *weight, {more}const float *bias, float *z, int n_out)
{{
    int i, j;
    for (j = 0; j < n_out; j++) {{
        float sum = 0.0f;
        for (i = 0; i < n_in;) {{
            const int end = n_in - i < {block} ? n_in : i + {block};
            float part = 0.0f;
            for (; i < end; i++) {{
                part += a[i] * {weight};
            }}
            sum += part;
        }}
        z[j] = sum{scale} + bias[j];
        weight += n_in;
    }}
}}
"""


def export(model: Model, weights: str, name: str) -> dict[str, bytes]:
    """Return the header and the source."""
    if weights == "float16":
        raise UsageError("C99 has no 16-bit floating-point numbers: export with --weights float32 or int8")
    layers = stored_layers(model, weights)
    check_activations(layers, EXPRESSIONS, "C")
    writer = _Writer(model, layers, Names()(name))
    return {".h": writer.header().encode(), ".c": writer.source(weights, f"{name}.h").encode()}


class _Writer:
    """Writes the two files of one model, whose names all begin with `name`."""

    def __init__(self, model: Model, layers: list[StoredLayer], name: str) -> None:
        self.model, self.layers, self.name, self.big = model, layers, name, name.upper()
        table = isinstance(model.input, TableInput)
        self.rows = Rows(model.input, self.big) if isinstance(model.input, TableInput) else None
        kind = "unsigned char pixels" if isinstance(model.input, ImageInput) else "float raw"
        self.raw = f"const {name}_row *row" if table else f"const {kind}[{self.big}_INPUTS]"
        self.prepare = f"void {name}_prepare({self.raw}, float x[{self.big}_INPUTS])"
        self.forward = f"void {name}_forward(const float x[{self.big}_INPUTS], float output[{self.big}_OUTPUTS])"
        said = {"threshold": 0.5, "mean": 0.0, "scale": 1.0}
        self.output = said | {key: value for key, value in model.describe()["output"].items() if value is not None}
        self.names: tuple[str, ...] = model.classes or tuple(self.output["names"])
        self.answer, self.answer_says, self.answer_code = self._answer()

    def header(self) -> str:
        """Return the header."""
        names = f"extern const char *const {self.name}_names[{len(self.names)}]; /* UTF-8 */"
        struct, says = "", "raw numbers"
        if self.rows:
            values = "\n".join(self.rows.values)
            struct = (
                f"enum {{ {self.big}_MISSING = -1, {self.big}_UNKNOWN = -2 }}; /* for the int fields below */\n"
                f"{values}\n\ntypedef struct {{\n" + "\n".join(self.rows.fields) + f"\n}} {self.name}_row;\n\n"
            )
            says = "a row"
        elif isinstance(self.model.input, ImageInput):
            one = self.model.input
            size = f"{one.height} x {one.width} x {one.channels}"
            says = f"the {size} pixels, light on dark, of a frame that is fitted already"
        return (
            f"/* A small neural network: {self._sizes()}. Plain C99; link with the math library.\n"
            " * Nothing is allocated; one call at a time, because the buffers are shared. */\n"
            f"#ifndef {self.big}_H\n#define {self.big}_H\n\n"
            f"#define {self.big}_INPUTS {self.model.input.size}\n#define {self.big}_OUTPUTS {self._outputs}\n\n"
            f"{names}\n\n{struct}"
            f"/* Turn {says} into what the network reads. */\n{self.prepare};\n\n"
            f"/* Compute the last activation. */\n{self.forward};\n\n"
            f"/* {self.answer_says} */\n{self.answer};\n\n#endif\n"
        )

    def source(self, weights: str, header: str) -> str:
        """Return the source, which includes the header by its file's name."""
        helpers = dict.fromkeys(HELPERS[one.activation] for one in self.layers if one.activation in HELPERS)
        quoted = ",\n".join(f'    "{_escaped(name)}"' for name in self.names)
        constants = [part for index, layer in enumerate(self.layers) for part in self._constants(index, layer)]
        int8 = weights == "int8"
        dense = DENSE.format(
            name="dense",
            type="signed char" if int8 else "float",
            more="const float *scale, " if int8 else "",
            weight="(float)weight[i]" if int8 else "weight[i]",
            scale=" * scale[j]" if int8 else "",
            block=BLOCK,
        )
        parts = [
            f'#include "{header}"\n\n#include <math.h>',
            f"const char *const {self.name}_names[{len(self.names)}] = {{\n{quoted}\n}};",
            *constants,
            dense.strip(),
            *(helper.strip() for helper in helpers),
            self._prepare(),
            self._forward(),
            f"{self.answer}\n{{\n{self.answer_code}}}",
        ]
        return "\n\n".join(parts) + "\n"

    @property
    def _outputs(self) -> int:
        return len(self.layers[-1].bias)

    def _sizes(self) -> str:
        return "-".join(map(str, [self.model.input.size, *(len(layer.bias) for layer in self.layers)]))

    def _constants(self, index: int, layer: StoredLayer) -> Iterable[str]:
        kind = "signed char" if layer.scale is not None else "float"
        yield _array(f"{kind} weight{index}", layer.values)
        if layer.scale is not None:
            yield _array(f"float scale{index}", layer.scale)
        yield _array(f"float bias{index}", layer.bias)

    def _prepare(self) -> str:
        given = self.model.input
        mean, factor = np.asarray(given.mean, np.float32), np.asarray(given.factor, np.float32)
        arrays, code = "", ""
        if mean.ndim or factor.ndim:
            mean, factor = (np.broadcast_to(values, given.size) for values in (mean, factor))
            arrays = "\n".join(f"    {_array(f'float {key}', v)}" for key, v in (("mean", mean), ("factor", factor)))
            scaled = "({} - mean[i]) * factor[i]"
        else:
            scaled = f"({{}} - {number(float(mean))}) * {number(float(factor))}"
        if self.rows:
            assert isinstance(given, TableInput)
            code = f"    for (i = 0; i < {given.size}; i++) {{\n        x[i] = 0.0f;\n    }}\n"
            code += "".join(f"    {line}\n" for line in self.rows.code)
        source = "x[i]" if self.rows else "(float)pixels[i]" if isinstance(given, ImageInput) else "raw[i]"
        code += f"    for (i = 0; i < {given.size}; i++) {{\n        x[i] = {scaled.format(source)};\n    }}\n"
        code += "".join(f"    {line}\n" for line in _bins(given)) if isinstance(given, TableInput) else ""
        return f"{self.prepare}\n{{\n{arrays}{chr(10) if arrays else ''}    int i;\n{code}}}"

    def _forward(self) -> str:
        hidden = [len(layer.bias) for layer in self.layers[:-1]]
        sizes = [max(hidden[at::2], default=0) for at in (0, 1)]
        code = "".join(f"    static float {b}[{n}];\n" for b, n in zip(("even", "odd"), sizes, strict=True) if n)
        loops = any(layer.activation not in ("identity", "softmax") for layer in self.layers)
        code += "    int i;\n" if loops else ""
        given, width = "x", self.model.input.size
        for index, layer in enumerate(self.layers):
            is_last = index == len(self.layers) - 1
            buffer, count = "output" if is_last else ("even", "odd")[index % 2], len(layer.bias)
            scale = "" if layer.scale is None else f"scale{index}, "
            code += f"    dense({given}, {width}, weight{index}, {scale}bias{index}, {buffer}, {count});\n"
            code += apply(layer.activation, layer.parameters, buffer, count)
            given, width = buffer, count
        return f"{self.forward}\n{{\n{code}}}"

    def _answer(self) -> tuple[str, str, str]:
        """Return the function that turns the last activation into an answer: its head, what it does, its body."""
        output = f"const float output[{self.big}_OUTPUTS]"
        threshold = number(self.output["threshold"])
        loop = f"    int i;\n    for (i = 0; i < {self._outputs}; i++) {{\n"
        if self.model.output_kind == "numbers":
            head = f"void {self.name}_numbers({output}, float numbers[{self.big}_OUTPUTS])"
            mean, scale = number(self.output["mean"]), number(self.output["scale"])
            return (
                head,
                "Turn it into the numbers.",
                f"{loop}        numbers[i] = output[i] * {scale} + {mean};\n    }}\n",
            )
        if self.model.output_kind == "labels":
            head = f"int {self.name}_holds({output}, int label)"
            return head, "Tell whether a label holds.", f"    return output[label] >= {threshold};\n"
        head, says = f"int {self.name}_choose({output})", f"Return the place of the answer in {self.name}_names."
        if self._outputs == 1:
            return head, says, f"    return output[0] >= {threshold};\n"
        best = (
            f"    int best = 0;\n{loop}        best = output[i] > output[best] ? i : best;\n    }}\n    return best;\n"
        )
        return head, says, best


def _bins(table: TableInput) -> Iterable[str]:
    """Keep what stands for a bin of a number within 0 and 1; beyond the first and the last edge it goes on."""
    start = 0
    for column in table.columns:
        last = start + len(column.edges) - 2
        for at in range(start, last + 1):
            if at > start:
                yield f"x[{at}] = x[{at}] < 0.0f ? 0.0f : x[{at}];"
            if at < last:
                yield f"x[{at}] = x[{at}] > 1.0f ? 1.0f : x[{at}];"
        start += len(column.output_names)


def _array(declared: str, values: Array) -> str:
    """Write a constant array, with as many numbers a line as fit."""
    flat = np.ravel(values)
    words = [str(one) for one in flat.tolist()] if flat.dtype == np.int8 else [number(one) for one in flat]
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > WIDTH:
            lines.append("")
        lines[-1] += f"{word}, "
    body = "\n".join(f"    {line.rstrip()}" for line in lines).rstrip(",")
    return f"static const {declared}[{len(flat)}] = {{\n{body}\n}};"


def _escaped(text: str) -> str:
    """Write a text in C's quotes: what is not plain as octal bytes, and question marks too, which make trigraphs."""
    plain = {*range(32, 127)} - {*b'"\\?'}
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode())
