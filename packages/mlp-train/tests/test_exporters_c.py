from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import BUILT_IN, MODELS, of_kind, raw, with_activation

import mlp_data
import mlp_runtime
import mlp_train
from mlp_runtime.activations import ACTIVATIONS, Activation
from mlp_runtime.inputs import Column, TableInput, VectorInput
from mlp_train.errors import UsageError
from mlp_train.export import to_bytes
from mlp_train.exporters import export
from mlp_train.exporters.c_activations import EXPRESSIONS

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc, which compiles the C, is not installed")
STRICT = ("gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2")
FLOATS = ctypes.POINTER(ctypes.c_float)


def compiled(model: mlp_runtime.Model, folder: Path, weights: str = "float32", more: str = "") -> ctypes.CDLL:
    """Export a model as net.c and net.h, compile them so that a warning is an error, and load the result."""
    for path, content in export(model, "c", folder / "net.c", weights).items():
        path.write_bytes(content)
    (folder / "more.c").write_text(f'#include "net.h"\n{more}\ntypedef int nothing;\n', encoding="utf-8")
    command = [*STRICT, "-shared", "-fPIC", "net.c", "more.c", "-o", "net.so", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "net.so"))


def called(function: Callable[..., None], given: Any, count: int, dtype: Any = np.float32) -> Any:
    """Call function(row, out) for each row, where out takes `count` float32."""
    rows = np.ascontiguousarray(given, dtype)
    out = np.empty((len(rows), count), np.float32)
    for row, one in zip(rows, out, strict=True):
        function(row.ctypes.data_as(ctypes.c_void_p), one.ctypes.data_as(FLOATS))
    return out


def assert_equal(found: Any, wanted: Any) -> None:
    """Compare to 1e-6 of the largest number in a row, or of 1: sums of float32 that cancel each other keep no more."""
    largest = np.maximum(1, np.abs(wanted).max(axis=1, keepdims=True))
    np.testing.assert_array_less(np.abs(found - wanted) / largest, 1e-6)


def test_every_activation_has_its_c() -> None:
    assert EXPRESSIONS.keys() == set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_activation_gives_the_runtimes_outputs(name: str, tmp_path: Path) -> None:
    model = with_activation(name)
    x = np.random.default_rng(0).normal(size=(200, 20)).astype(np.float32)
    assert_equal(called(compiled(model, tmp_path).net_forward, x, 3), model.forward(x))


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_activation_has_the_runtimes_limits(name: str, tmp_path: Path) -> None:
    layers = [(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), name, {})]
    output = {"kind": "numbers", "names": ["p", "q", "r"]}
    model = mlp_runtime.load(to_bytes(VectorInput(3), layers, output))
    x = np.array([[1e4, -1e4, 0], [-90, 95, 1e-20], [-1e-3, 11, -11], [50, 50, 50]], np.float32)
    assert_equal(called(compiled(model, tmp_path).net_forward, x, 3), model.forward(x))


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_every_kind_of_model_compiles_without_a_warning_and_computes_the_same(
    kind: str, weights: str, tmp_path: Path
) -> None:
    model = of_kind(kind, weights)
    x = model.input.transform(raw(model))
    found = called(compiled(model, tmp_path, weights).net_forward, x, len(model.layers[-1].bias))
    assert_equal(found, model.forward(x))


@pytest.mark.parametrize("kind", ["numbers of a vector", "one number of a plain vector"])
def test_a_vector_is_scaled_and_its_numbers_scaled_back(kind: str, tmp_path: Path) -> None:
    model = of_kind(kind)
    library = compiled(model, tmp_path)
    x = called(library.net_prepare, raw(model), model.input.size)
    np.testing.assert_array_equal(x, model.input.transform(raw(model)))
    output = called(library.net_forward, x, len(model.layers[-1].bias))
    wanted = model.predict(raw(model)).reshape(output.shape)
    assert_equal(called(library.net_numbers, output, output.shape[1]), wanted)


@pytest.mark.parametrize("kind", ["classes of an image", "classes of a stretched image", "classes of a colour image"])
def test_an_images_pixels_are_scaled_and_the_likeliest_class_chosen(kind: str, tmp_path: Path) -> None:
    model = of_kind(kind)
    library = compiled(model, tmp_path)
    pixels = model.input.prepare(raw(model))
    x = called(library.net_prepare, pixels, model.input.size, np.uint8)
    np.testing.assert_array_equal(x, model.input.scale(pixels))
    places = [library.net_choose(row.ctypes.data_as(FLOATS)) for row in called(library.net_forward, x, 3)]
    names = (ctypes.c_char_p * 3).in_dll(library, "net_names")
    assert [names[place].decode() for place in places] == model.predict(raw(model)).tolist()


ROW = """
void fill(net_row *row, int which) {
    static const net_row rows[3] = {
        {40.0f, 25.0f, NET_SEX_FEMALE, NET_PORT_Q, 1.0f},
        {NAN, NAN, NET_MISSING, NET_MISSING, NAN},
        {2.5f, 500.0f, NET_UNKNOWN, NET_UNKNOWN, 0.0f}};
    *row = rows[which];
}
"""
MEANT = [
    {"Age": 40, "Fare (low)": 25, "Sex": "female", "Port": "Q", "Alone": True},
    {"Age": None, "Fare (low)": None, "Sex": None, "Port": None, "Alone": None},
    {"Age": 2.5, "Fare (low)": 500, "Sex": "?", "Port": "?", "Alone": "no"},
]


@pytest.mark.parametrize("kind", ["two classes of a table", "labels of a table"])
def test_a_tables_row_is_a_struct_whose_gaps_are_filled_as_in_the_runtime(kind: str, tmp_path: Path) -> None:
    model = of_kind(kind)
    library = compiled(model, tmp_path, more=f"#include <math.h>\n{ROW}")
    row = ctypes.create_string_buffer(200)
    x, output = np.empty((2, 64), np.float32)
    for which, meant in enumerate(MEANT):
        library.fill(row, which)
        library.net_prepare(row, x.ctypes.data_as(FLOATS))
        np.testing.assert_array_equal(x[: model.input.size], model.input.transform(meant)[0])
        library.net_forward(x.ctypes.data_as(FLOATS), output.ctypes.data_as(FLOATS))
        if kind.startswith("two"):
            assert model.classes[library.net_choose(output.ctypes.data_as(FLOATS))] == model.predict(meant)
        else:
            hold = [library.net_holds(output.ctypes.data_as(FLOATS), at) for at in range(3)]
            assert tuple(name for name, holds in zip("xyz", hold, strict=True) if holds) == model.predict(meant)


def test_texts_and_dates_are_looked_up_by_the_caller(tmp_path: Path) -> None:
    model = of_kind("a table of texts and dates")
    more = """#include <math.h>
    void fill(net_row *row) {
        static const net_row one = {40.0f, 25.0f, NET_SEX_MALE, NET_PORT_S, 0.0f, {0, 1}, 0, NET_CABIN_C, 14.0f,
                                    NET_WHEN_WEEKDAY_6};
        *row = one;
    }"""
    library = compiled(model, tmp_path, more=more)
    row, x = ctypes.create_string_buffer(200), np.empty(64, np.float32)
    library.fill(row)
    library.net_prepare(row, x.ctypes.data_as(FLOATS))
    meant = {"Age": 40, "Fare (low)": 25, "Sex": "male", "Port": "S", "Alone": "no", "Name": "Cumings, Mrs. John"}
    meant |= {"Cabin": "C85", "when": "2026-01-31 14:05"}
    np.testing.assert_array_equal(x[: model.input.size], model.input.transform(meant)[0])


def test_columns_of_strange_or_equal_names_make_different_fields(tmp_path: Path) -> None:
    columns = [Column(name, "number") for name in ("a b", "a-b", "int", "7", "ü")]
    columns += [Column("a b", "category", values=("x y", "x-y", "é")), Column("a b", "number", edges=(0.0, 1.0))]
    table = TableInput(columns)
    layers = [(np.ones((table.size, 1)), np.zeros(1), "identity", {})]
    model = mlp_runtime.load(to_bytes(table, layers, {"kind": "numbers", "names": ["n"]}))
    compiled(model, tmp_path)
    struct = re.search(r"typedef struct \{(.*?)\}", (tmp_path / "net.h").read_text(encoding="utf-8"), re.DOTALL)
    assert struct
    assert re.findall(r"^ +\w+ (\w+);", struct[1], re.MULTILINE) == ["a_b", "a_b_2", "int_", "_7", "_", "a_b_category"]


def test_real_digits_are_read_as_the_runtime_reads_them(tmp_path: Path) -> None:
    digits = mlp_data.load("digits")
    model = mlp_train.fit(digits, epochs=1, seed=1).model
    library = compiled(model, tmp_path)
    images = digits.splits["test"].x[:300]
    x = called(library.net_prepare, model.input.prepare(images), model.input.size, np.uint8)
    assert_equal(called(library.net_forward, x, 10), model.predict_proba(images))


def test_the_source_allocates_nothing_and_calls_only_the_math_library(tmp_path: Path) -> None:
    compiled(of_kind("a table of texts and dates"), tmp_path)
    source = (tmp_path / "net.c").read_text(encoding="utf-8")
    assert re.findall("#include .*", source) == ['#include "net.h"', "#include <math.h>"]
    symbols = subprocess.run(["nm", "-u", "net.so"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    outside = {line.split()[-1].partition("@")[0] for line in symbols.splitlines()}
    assert {name for name in outside if not name.startswith("_")} <= {"expf", "tanhf", "expm1f"}


def test_a_plug_ins_activation_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "wavy", Activation("wavy", lambda z, out: np.sin(z, out=out)))
    model = with_activation("wavy")
    for form in ("c", "numpy-script"):
        with pytest.raises(UsageError, match="activation 'wavy'"):
            export(model, form, Path("net"))
