"""A target for atheris, Google's coverage-guided fuzzer: it sees which lines of the reader a file reaches.

pip install atheris; python attacks/atheris_target.py -runs=100000 attacks/corpus
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent))

with atheris.instrument_imports(include=["mlp_runtime"]):
    import mlp_runtime

import models
import mutate

FILES = mutate.seeds()


def one_input(data: bytes) -> None:
    """Load the bytes with their digest made right, and the mutant that they number."""
    for content in (data, models.with_digest(data), mutate.mutant(int.from_bytes(data[-8:], "big"), FILES)):
        try:
            mlp_runtime.load(content).describe()
        except mlp_runtime.ModelFileError:
            continue


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Change bytes as atheris does, half of the time behind the digest alone, which is made right."""
    if seed % 2 or len(data) < 64:
        return atheris.Mutate(data, max_size)
    return models.with_digest(data[:49] + atheris.Mutate(data[49:], max_size - 49))[:max_size]


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=mutated)
    atheris.Fuzz()
