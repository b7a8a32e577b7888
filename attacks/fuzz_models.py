"""Load mutants of model files until the time or the number is up: each loads or is refused, at a small price.

python attacks/fuzz_models.py --cases 2000000      what breaks the reader is written to attacks/corpus
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import resource
import sys
import time
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mutate

import mlp_runtime

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20
SECONDS = 1.0  # of processor time for one file, a ceiling for safety: the slowest usual one takes a fiftieth
ADDRESS_SPACE = 512 * MIB  # beyond what the process has at its start: a larger allocation fails, and that is a crash
PEAK = 16 * MIB  # of memory for one file of some kilobytes, measured for every hundredth
GROWTH = 64 * MIB  # of the whole process, over all files


def attempt(data: bytes) -> str:
    """Load a file and ask it twice; return the refusal, or an empty text. Anything but a ModelFileError comes out."""
    try:
        model = mlp_runtime.load(data)
    except mlp_runtime.ModelFileError as error:
        message = str(error)
        if not message.isprintable() or len(message) > 500:
            raise AssertionError(f"a refusal that is no short sentence: {message[:600]!r}") from error
        return message
    model.describe()
    with np.errstate(all="ignore"):
        x = model.input.scale(model.input.prepare(model.input.synthesise(2), True))
        model.forward(x)
        model.predict(list(model.input.synthesise(1)))
    return ""


def measured(data: bytes, watch_memory: bool) -> str:
    """Attempt, and raise where it took too long or too much memory."""
    if watch_memory:
        tracemalloc.start()
    began = time.process_time()
    try:
        message = attempt(data)
        seconds = time.process_time() - began
        peak = tracemalloc.get_traced_memory()[1] if watch_memory else 0
    finally:
        tracemalloc.stop()
    if seconds > SECONDS:
        raise AssertionError(f"{seconds:.2f} s of processor time")
    if peak > PEAK + 8 * len(data):
        raise AssertionError(f"{peak / MIB:.1f} MiB for a file of {len(data)} bytes")
    return message


def peak_of_process() -> int:
    """Return the largest resident size so far, in bytes (Linux counts KiB, macOS bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def limit_memory() -> None:
    """Let the system refuse memory that no file of this size may ask for."""
    if sys.platform == "linux":
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> int:
    """Run, print the figures as JSON, and return 1 where something broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2**62)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--first", type=int, default=0, help="the number of the first mutant")
    parser.add_argument("--crashes", type=Path, default=mutate.CORPUS)
    options = parser.parse_args()
    files = mutate.seeds()
    for data in files:
        measured(data, watch_memory=True)  # brings in what is imported late
    limit_memory()
    warnings.simplefilter("error")
    before, began, slowest = peak_of_process(), time.monotonic(), 0.0
    refusals, loaded, crashes, number = Counter[str](), 0, 0, options.first
    while number < options.first + options.cases and time.monotonic() - began < options.seconds:
        data = mutate.mutant(number, files)
        start = time.process_time()
        try:
            message = measured(data, watch_memory=number % 100 == 0)
        except Exception as error:  # what must never happen is kept and told
            crashes += 1
            options.crashes.mkdir(exist_ok=True)
            path = options.crashes / f"crash-{hashlib.sha256(data).hexdigest()[:12]}.mlp"
            path.write_bytes(data)
            sys.stderr.write(f"mutant {number}: {type(error).__name__}: {error} ({path})\n")
        else:
            loaded += not message
            refusals[re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+-]*|\b[0-9a-f]{2}\b", "_", message)] += 1
        slowest = max(slowest, time.process_time() - start)
        number += 1
    growth = peak_of_process() - before
    figures = {
        "cases": number - options.first, "loaded": loaded, "different refusals": len(refusals), "crashes": crashes,
        "seconds": round(time.monotonic() - began, 1), "slowest case, CPU s": round(slowest, 3),
        "growth of the process, MiB": round(growth / MIB, 1),
    }  # fmt: skip
    print(json.dumps(figures))
    return int(crashes > 0 or growth > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
