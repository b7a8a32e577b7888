"""What the runtime promises to the programs that it is embedded in, each with a test that would fail otherwise."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import sysconfig
import time
import tokenize
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from make_model import Raw, build, digits, lay_out, prices, random_layers, seal, xor

import mlp_runtime
from mlp_runtime import ModelFileError, load

PACKAGE = Path(mlp_runtime.__file__).parent
SLACK = 4  # a test machine may be slow and busy; the figures themselves are measured in benchmarks/
MIB = 2**20

# Loads every file of a folder while an audit hook writes down what Python does for it.
WATCH = """
import json, os, sys, threading, mlp_runtime
from pathlib import Path

def load(source):
    try:
        return mlp_runtime.load(source)
    except mlp_runtime.ModelFileError:
        return None

warm = Path(sys.argv[1], "warm")
for path in sorted(warm.iterdir()):  # what is imported late, such as hashlib, is imported now
    load(path)
paths = [str(path) for path in sorted(Path(sys.argv[1], "files").iterdir())]
events, watching = [], False

def hook(event, arguments):
    if watching:
        events.append([event, str(arguments[0]) if arguments else ""])

class Environment(dict):
    def __getitem__(self, key):
        events.append(["environment", key])
        return super().__getitem__(key)
    def get(self, key, default=None):
        events.append(["environment", key])
        return super().get(key, default)

os.environ = Environment(os.environ)
sys.addaudithook(hook)
found = {}
for path in paths:
    events, watching = [], True
    model = load(path)
    if model is not None:
        model.predict(model.input.synthesise(2))
    watching = False
    found[path] = events
threads = threading.active_count()
events, watching = [], True
compile("1", "x", "eval"); open(os.devnull).close(); os.getenv("HOME")  # does the hook see anything at all?
import colorsys
watching = False
control = [event for event, _ in events]
Path(sys.argv[2]).write_text(json.dumps({"files": found, "threads": threads, "control": control}))
"""


def bad_files():
    """Return files that are damaged or lie, by name."""
    good = digits()
    layer = {"weight": "layers.0.weight", "bias": "layers.0.bias", "activation": "os.system"}
    return {
        "empty": b"",
        "cut": good[:-5],
        "flipped": good[:-5] + b"\x7f" + good[-4:],
        "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "newer": xor(major=9),
        "feature": xor(lambda header: header["requires"].append("os.system")),
        "activation": xor(lambda header: header["layers"].insert(0, layer)),
        "dunder": xor(lambda header: header["input"].update(kind="__class__")),
        "kind": xor(lambda header: header["output"].update(kind="__init__")),
        "self-test": xor(tensors={"selftest.outputs": np.zeros((4, 1), np.float32)}),
        "ext": xor(lambda header: header.update(meta=Raw(b"\xd6\xff" + bytes(4)))),
    }


def good_files():
    def change(header):
        header["meta"] = {"import": "colorsys", "__import__('colorsys')": "!!python/object:os.system"}

    return {"xor": xor(), "digits": digits(fit="ink", ink="auto"), "prices": prices(), "names": xor(change)}


def run(code, *arguments):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    for part in ("warm", "files"):
        (folder / part).mkdir()
        for name, data in {**good_files(), **bad_files()}.items():
            (folder / part / name).write_bytes(data)
    result = run(WATCH, folder, folder / "events.json")
    found = json.loads((folder / "events.json").read_text())
    return {**found, "printed": result.stdout + result.stderr, "folder": folder}


def test_loading_opens_its_file_and_does_nothing_else(watched):
    assert {"open", "compile", "import", "environment"} <= set(watched["control"])
    assert len(watched["files"]) == len(good_files()) + len(bad_files())
    for path, events in watched["files"].items():
        assert events == [["open", path]], path


def test_loading_and_predicting_starts_no_thread_and_prints_nothing(watched):
    assert watched["threads"] == 1
    assert watched["printed"] == ""


def test_the_source_has_nothing_that_runs_code_from_data():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            assert not {"pickle", "marshal", "shelve", "importlib", "subprocess", "socket", "ctypes"} & set(names), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "compile", "__import__"}, f"{path}:{node.lineno}"
                by_name = node.func.id == "getattr" and not isinstance(node.args[1], ast.Constant)
                assert not by_name or "self" in ast.unparse(node.args[0]), f"{path}:{node.lineno}"


# --- work and memory in proportion -----------------------------------------------------------------------------------


def stored_as(kind, sizes):
    """Return a file of that storage type, and how many weights are in it."""
    layers, tensors = random_layers(sizes)
    for name, values in list(tensors.items()):
        if kind == "float16":
            tensors[name] = values.astype(np.float16)
        elif kind == "int8" and values.ndim == 2:
            tensors[name] = (np.clip(values * 20, -127, 127).astype(np.int8), f"{name}.scale")
            tensors[f"{name}.scale"] = np.full(len(values), 0.05, np.float32)
    rows = max(1, min(8, 2**18 // sizes[0]))  # the largest self-test that is allowed
    tensors["i"], tensors["o"] = np.ones((rows, sizes[0]), np.float32), np.zeros((rows, sizes[-1]), np.float32)
    header = {
        "requires": ["input.vector/1", *([] if kind == "float32" else [f"weights.{kind}"])],
        "input": {"kind": "vector", "features": sizes[0]},
        "layers": layers,
        "output": {"kind": "classes", "classes": [str(number) for number in range(sizes[-1])]},
        "selftest": {"inputs": {"tensor": "i"}, "outputs": "o", "tolerance": 1e30},
    }
    return build(header, tensors), sum((v[0] if isinstance(v, tuple) else v).size for v in tensors.values())


def deep():
    """Return the file with the most layers that a header has room for."""
    tensors, layers = {}, []
    for index in range(1400):
        tensors[f"w{index}"], tensors[f"b{index}"] = np.ones((1, 1), np.float32), np.ones(1, np.float32)
        layers.append({"weight": f"w{index}", "bias": f"b{index}", "activation": "softmax"})
    header = {"requires": ["input.vector/1"], "input": {"kind": "vector", "features": 1}, "layers": layers}
    return build({**header, "output": {"kind": "numbers", "names": ["y"]}}, tensors)


def full_header(value):
    """Return a file whose header holds `value` and is as long as can be."""
    table, block = lay_out({})
    return seal({"requires": [], "meta": value, "tensors": table}, block)


def many_categories():
    columns = [{"name": "c", "type": "category", "values": [f"{number:x}" for number in range(40_000)]}]
    layers, tensors = random_layers([40_000, 1], last="identity")
    header = {"requires": ["input.table/1"], "input": {"kind": "table", "columns": columns}, "layers": layers}
    return build({**header, "output": {"kind": "numbers", "names": ["y"]}}, tensors)


def many_columns():
    columns = [{"name": "c", "type": "number", "missing": True}] * 6_000
    layers, tensors = random_layers([12_000, 1], last="identity")
    header = {"requires": ["input.table/1"], "input": {"kind": "table", "columns": columns}, "layers": layers}
    header["selftest"] = {"inputs": {"rows": [{"c": 1.0}] * 8}, "outputs": "o", "tolerance": 1e30}
    output = {"kind": "numbers", "names": ["y"]}
    return build({**header, "output": output}, {**tensors, "o": np.zeros((8, 1), np.float32)})


def large_frames():
    layers, tensors = random_layers([2**20, 1], last="identity")
    spec = {"kind": "image", "height": 1024, "width": 1024, "channels": 1, "ink": "auto", "fit": "ink", "box": 1024}
    spec.update(centre="mass", mean=0.0, scale=1.0)
    frames = np.random.default_rng(0).integers(0, 256, (1, 1024, 1024), np.uint8)
    header = {"requires": ["input.image/1"], "input": spec, "layers": layers}
    header["output"] = {"kind": "numbers", "names": ["y"]}
    header["selftest"] = {"inputs": {"tensor": "i"}, "outputs": "o", "tolerance": 1e30}
    return build(header, {**tensors, "i": frames, "o": np.zeros((1, 1), np.float32)})


FILES = {
    **{f"{kind} deep": (kind, [512, 512, 512, 10]) for kind in ("float32", "float16", "int8")},
    **{f"{kind} large": (kind, [1024, 2048, 2048, 10]) for kind in ("float32", "float16", "int8")},
    **{f"{kind} flat": (kind, [2**18, 4, 2]) for kind in ("float32", "float16", "int8")},
    **{f"{kind} wide": (kind, [1, 2**20, 2]) for kind in ("float32", "float16", "int8")},
    "many layers": deep,
    "many lists": lambda: full_header([[]] * 260_000),
    "many maps": lambda: full_header([{}] * 260_000),
    "nested maps": lambda: full_header([Raw(b"\x81\xa0" * 5 + b"\xc0")] * 23_000),
    "many numbers": lambda: full_header([Raw(b"\xcd\xff\xff")] * 86_000),
    "many features": lambda: seal({"requires": ["é"] * 80_000, "tensors": []}),
    "a long feature": lambda: seal({"requires": ["x" * 262_000]}),
    "a long name": lambda: xor(lambda header: header["layers"][0].update(activation="relu" * 60_000)),
    "many categories": many_categories,
    "many columns": many_columns,
    "large frames": large_frames,
}


@pytest.mark.parametrize("name", FILES)
def test_loading_stays_within_its_memory_and_time(name, tmp_path):
    made = FILES[name]
    data, weights = (made(), 0) if callable(made) else stored_as(*made)
    weights = weights or len(data) // 4
    path = tmp_path / "model.mlp"
    path.write_bytes(data)
    size = len(data)
    del data
    load(xor())  # imports what loading imports late

    def attempt():
        try:
            load(path)
        except ModelFileError as error:
            return str(error)
        return ""

    start = time.process_time()
    message = attempt()
    seconds = time.process_time() - start
    assert len(message) < 500
    tracemalloc.start()
    try:
        attempt()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + 4 * weights + 32 * MIB, f"{peak / MIB:.1f} MiB for a file of {size / MIB:.1f}"
    assert seconds < SLACK * (0.3 + 0.005 * size / 1e6), f"{seconds:.2f} s for a file of {size / MIB:.1f} MiB"


def test_refusing_a_file_again_and_again_keeps_no_memory():
    data = full_header([[]] * 1000)

    def refuse():
        for _ in range(20):
            with pytest.raises(ModelFileError):
                load(data)

    refuse()
    tracemalloc.start()
    try:
        refuse()
        first = tracemalloc.get_traced_memory()[0]
        refuse()
        kept = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    assert kept < 20_000


def test_a_large_file_that_is_no_model_is_not_read(tmp_path):
    path = tmp_path / "video.mlp"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)
    tracemalloc.start()
    try:
        with pytest.raises(mlp_runtime.NotAModel):
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        path.unlink()
    assert peak < MIB


def test_absurd_weights_print_nothing():
    layers, tensors = random_layers([4, 5, 3])
    huge = {name: np.where(values < 0, -3e38, 3e38).astype(np.float32) for name, values in tensors.items()}
    header = {"requires": ["input.vector/1"], "input": {"kind": "vector", "features": 4}, "layers": layers}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(build({**header, "output": {"kind": "classes", "classes": ["a", "b", "c"]}}, huge))


# --- small and quick to import ---------------------------------------------------------------------------------------

IMPORTS = """
import json, sys, time
import numpy
before, start = set(sys.modules), time.process_time()
import mlp_runtime
seconds = time.process_time() - start
files = {name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before}
print(json.dumps({"seconds": seconds, "modules": files}))
"""


def test_importing_brings_numpy_and_the_standard_library_alone():
    found = json.loads(run(IMPORTS).stdout)["modules"]
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    for name, file in found.items():
        if name.split(".")[0] in ("mlp_runtime", "numpy"):
            continue
        path = Path(file).resolve() if file else stdlib
        assert stdlib in [path, *path.parents], name
        assert "site-packages" not in path.parts, name


def test_importing_leaves_what_is_slow_for_later():
    found = json.loads(run(IMPORTS).stdout)["modules"]
    assert not {"argparse", "json", "difflib", "csv", "hashlib", "pathlib", "asyncio", "logging"} & set(found)


def test_importing_costs_little(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))  # compiled the first time, as an installed package is
    assert min(json.loads(run(IMPORTS).stdout)["seconds"] for _ in range(3)) < SLACK * 0.020


def code_lines(path):
    """Count the lines of code: no blanks, no comments, no docstrings."""
    source = path.read_text(encoding="utf-8")
    lines = set()
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            text = body[0].value
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                lines -= set(range(text.lineno, text.end_lineno + 1))
    return len(lines)


def test_the_whole_runtime_can_be_read_in_an_afternoon():
    lines = {str(path.relative_to(PACKAGE)): code_lines(path) for path in PACKAGE.rglob("*.py")}
    assert sum(lines.values()) <= 1940, lines
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 300 for path in PACKAGE.rglob("*.py"))


def test_the_python_floor_is_the_one_in_the_metadata():
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.9"' in project
    for path in PACKAGE.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
