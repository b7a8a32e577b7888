"""Throw damaged model files at the reader: it must answer, or refuse with an error of its own. `nox -s fuzz` runs this.

FUZZ_EXAMPLES sets how many files each reader gets (300), the same each time; with --hypothesis-profile=others, others.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlp_runtime
from mlp_runtime.unpack import unpack

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# A damage is a place (a share of the length), how many bytes go there, and the bytes that come instead.
damages = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)


def damage(content: bytes, wounds: list[tuple[float, int, bytes]], start: int = 0) -> bytes:
    """Replace some bytes of `content` from `start` on."""
    for share, gone, come in wounds:
        place = start + int(share * (len(content) - start))
        content = content[:place] + come + content[place + gone :]
    return content


def with_digest(content: bytes) -> bytes:
    """Make a damaged model file's digest right again, so that the checks behind the digest are reached."""
    return content[:17] + hashlib.sha256(content[:17] + content[49:]).digest() + content[49:]


def loads_or_refuses(content: bytes) -> None:
    with suppress(mlp_runtime.ModelFileError):
        mlp_runtime.load(content).describe()


@pytest.fixture(params=["digits_model", "titanic_model"])
def model_file(request) -> bytes:
    return Path(request.getfixturevalue(request.param)).read_bytes()


@bounded
@given(content=st.binary(max_size=200))
def test_the_decoder_decodes_or_refuses_any_bytes(content):
    with suppress(mlp_runtime.ModelFileError):
        unpack(content)


@bounded
@given(wounds=damages)
def test_a_damaged_model_file_is_refused(model_file, wounds):
    content = damage(model_file, wounds)
    if content == model_file:
        return
    with pytest.raises(mlp_runtime.ModelFileError):
        mlp_runtime.load(content)


@bounded
@given(wounds=damages)
def test_a_forged_model_file_loads_or_is_refused(model_file, wounds):
    header_end = 54 + int.from_bytes(model_file[50:54], "big")
    head, body = model_file[:header_end], model_file[header_end:]
    loads_or_refuses(with_digest(damage(head, wounds, start=49) + body))
    loads_or_refuses(with_digest(damage(model_file, wounds, start=49)))
