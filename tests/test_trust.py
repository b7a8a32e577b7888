"""A model file may come from anyone and the power may fail at any time: what is promised then, tried at every step."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from copy import copy, deepcopy
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import mlp_runtime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "attacks"))

import models
import mutate

WATCH = """
import json, sys
from pathlib import Path
import mlp_runtime

def load(path):
    try:
        mlp_runtime.load(path)
    except mlp_runtime.ModelFileError:
        pass

events, watching = [], False
sys.addaudithook(lambda event, args: events.append([event, str(args[0]) if args else ""]) if watching else None)
found = {}
for turn in range(2):  # the first brings in what is imported late, such as hashlib
    for path in map(str, sorted(Path(sys.argv[1]).iterdir())):
        events, watching = [], True
        load(path)
        watching = False
        found[path] = events
print(json.dumps(found))
"""


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def test_loading_any_file_of_the_corpus_opens_that_file_and_does_nothing_else(tmp_path):
    files = [path.read_bytes() for folder in (mutate.GOLDEN, mutate.CORPUS) for path in sorted(folder.glob("*.mlp"))]
    files += [make() for make, _ in models.REFUSED.values()] + [make() for make in models.TAKEN.values()]
    seeds = mutate.seeds()
    files += [mutate.mutant(number, seeds) for number in range(500)]
    for number, data in enumerate(files):
        (tmp_path / f"{number:04}.mlp").write_bytes(data)
    found = json.loads(run(WATCH, tmp_path))
    assert len(found) == len(files) > 580
    assert [events for path, events in found.items() if events != [["open", path]]] == []


# At the n-th line that the writer runs, something happens: the process is killed, or the system reports a fault.
SAVE = """
import json, os, sys
from pathlib import Path
from mlp_data import atomic
from mlp_data.errors import OutputError

old, new, folder, fault = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]), sys.argv[4]
target = folder / "model.mlp"

def save(at):
    lines = 0
    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename != atomic.__file__ or frame.f_code.co_name == "output_error":
            return None
        if event == "line":
            lines += 1
            if lines == at:
                if fault == "kill":
                    os.kill(os.getpid(), 9)
                raise OSError(int(fault), os.strerror(int(fault)))
        return trace
    sys.settrace(trace)
    try:
        atomic.write_bytes(target, new)
    except OutputError:
        os._exit(3)
    except OSError:  # where the fault came before the writer's own try, or in its clearing up
        os._exit(4)
    os._exit(0)

ends = []
while not ends or ends[-1][0] != 0:
    target.write_bytes(old)
    child = os.fork()
    if not child:
        save(len(ends) + 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    content = target.read_bytes()
    left = [path.name for path in folder.iterdir() if path != target]
    ends.append([code, "old" if content == old else "new" if content == new else "neither", len(left)])
    for name in left:
        (folder / name).unlink()
print(json.dumps(ends))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process that is killed at a line is made by fork")
@pytest.mark.parametrize("fault", ["kill", "28", "5"], ids=["kill -9", "ENOSPC", "EIO"])
def test_saving_that_is_broken_at_any_line_leaves_a_file_that_loads(fault, tmp_path):
    old, new = mutate.GOLDEN / "1.0-counts.mlp", mutate.GOLDEN / "1.0-vector.mlp"
    (tmp_path / "there").mkdir()
    ends = json.loads(run(SAVE, old, new, tmp_path / "there", fault))
    assert len(ends) > 20  # lines of the writer
    assert {content for _, content, _ in ends} == {"old", "new"}
    assert [content for _, content, _ in ends] == sorted(
        (content for _, content, _ in ends), reverse=True
    )  # old, then new
    assert ends[-1] == [0, "new", 0]
    if fault == "kill":
        assert {code for code, _, _ in ends[:-1]} == {-9}
    else:  # what is reported is cleared up, but for a fault in the clearing itself
        assert all(code in (3, 4) for code, _, _ in ends[:-1])
        assert sum(left for _, _, left in ends) <= 1
    for path in (old, new):
        mlp_runtime.load(path)


@pytest.fixture(scope="module")
def model():
    return mlp_runtime.load(models.honest())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_model_answers_alike_in_a_pool_of_processes(model, method):
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        answers = list(pool.map(mlp_runtime.Model.forward, [model] * len(rows), rows))
    for row, answer in zip(rows, answers, strict=True):
        assert answer.tobytes() == model.forward(row).tobytes()


def test_copies_and_pickles_answer_with_the_same_bits(model):
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    for other in (copy(model), deepcopy(model), *(pickle.loads(pickle.dumps(model, level)) for level in range(2, 6))):
        assert other.forward(rows).tobytes() == model.forward(rows).tobytes()
        assert other.describe() == model.describe()
