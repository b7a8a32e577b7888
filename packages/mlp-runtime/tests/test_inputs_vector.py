"""A vector input takes finite numbers in the right order and scales them as its spec says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlp_runtime.errors import InputError, Invalid
from mlp_runtime.inputs import VectorInput, input_from_spec

FLOWER = VectorInput(3, names=("sepal", "petal", "stem"), mean=[1.0, 2.0, 3.0], scale=[0.5, 2.0, -1.0])


def test_each_feature_is_shifted_and_scaled_to_the_bit():
    raw = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    wanted = (raw - np.float32([1, 2, 3])) * np.float32([0.5, 2, -1])
    assert FLOWER.transform(raw).tobytes() == wanted.tobytes()
    out = np.empty((50, 3), np.float32)
    assert FLOWER.scale(FLOWER.prepare(raw), out) is out
    assert out.tobytes() == wanted.tobytes()


def test_without_a_mean_and_scale_the_numbers_stay_as_they_are():
    assert VectorInput(2).transform([[1, 2], [3, -4]]).tolist() == [[1, 2], [3, -4]]


def test_only_one_of_mean_and_scale_is_enough():
    assert VectorInput(2, mean=[1, 1]).transform([3, 4]).tolist() == [[2, 3]]
    assert VectorInput(2, scale=[2, 3]).transform([3, 4]).tolist() == [[6, 12]]


@given(arrays.arrays(np.float64, (4, 3), elements=st.floats(-1e30, 1e30)))
def test_one_vector_gives_the_same_bits_as_in_a_batch(raw):
    batch = FLOWER.transform(raw)
    assert batch.dtype == np.float32
    assert np.concatenate([FLOWER.transform(row) for row in raw]).tobytes() == batch.tobytes()


def test_what_comes_out_is_not_what_went_in():
    raw = np.ones((2, 3), np.float32)
    FLOWER.prepare(raw)[:] = 0
    assert (raw == 1).all()


@pytest.mark.parametrize(
    "raw", [[1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3], np.uint8), np.array([1, 2, 3], np.float16)]
)
def test_one_dimension_is_one_vector(raw):
    assert FLOWER.is_batch(raw) is False
    assert FLOWER.is_batch([raw]) is True
    assert FLOWER.prepare(raw).tolist() == FLOWER.prepare([raw]).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, "None came"),
        ("1,2,3", "'1,2,3' came"),
        ([], "a list of 0 came"),
        (np.zeros((0, 3)), r"shape \(0, 3\) came"),
        (
            [1, 2],
            r"shape \(2,\) came, but the model wants .* \(3,\), or \(n, 3\) for many in the order sepal, petal, stem",
        ),
        ([[1, 2, 3], [4, 5]], "a list of 2 rows of different lengths came"),
        (np.zeros((2, 2, 3)), r"shape \(2, 2, 3\) came"),
        (np.array(["1", "2", "3"]), "<U1 array"),
        (np.array([1, None, 3]), "object array"),
        ({"sepal": 1, "petal": 2, "stem": 3}, "a map of 3 came"),
        (np.zeros(3, complex), "complex128 array"),
        (3.0, "3.0 came"),
        ([1, np.nan, 3], "row 0, feature 'petal' is nan"),
        ([[1, 2, 3], [1, 2, np.inf]], "row 1, feature 'stem' is inf"),
        ([1, 1e300, 3], r"feature 'petal' is 1e\+300"),
    ],
)
def test_what_is_no_vector_is_refused_in_one_sentence(raw, message):
    with pytest.raises(InputError, match=message) as caught:
        FLOWER.transform(raw)
    assert "\n" not in str(caught.value)


def test_one_and_many_are_not_mixed_up():
    with pytest.raises(InputError, match=r"shape \(3,\) came, but the model wants an array of numbers"):
        FLOWER.prepare([1, 2, 3], many=True)
    with pytest.raises(InputError, match=r"shape \(1, 3\) came, but the model wants an array of numbers"):
        FLOWER.prepare([[1, 2, 3]], many=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 0}, "features: found 0, wanted a positive count"),
        ({"features": 2**20 + 1}, "features: found 1048577, wanted at most 1048576"),
        ({"features": True}, "features"),
        ({"features": 2.0}, "features"),
        ({"features": 2, "names": ["a"]}, "different names"),
        ({"features": 2, "names": ["a", "a"]}, "different names"),
        ({"features": 2, "mean": [1.0]}, "mean: found .*, wanted 2 finite numbers"),
        ({"features": 2, "mean": np.array([1e300, 0])}, "mean: found .*, wanted 2 finite numbers"),
        ({"features": 2, "scale": [1.0, np.nan]}, "scale: found .*, wanted 2 finite numbers"),
    ],
)
def test_an_impossible_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        VectorInput(**arguments)


def test_an_input_cannot_be_changed():
    with pytest.raises(AttributeError):
        FLOWER.features = 4
    with pytest.raises(ValueError, match="read-only"):
        FLOWER.mean[0] = 9


@pytest.mark.parametrize(
    "made", [FLOWER, VectorInput(5), VectorInput(1, scale=[3.0]), VectorInput(2, names=["a", "b"])]
)
def test_a_spec_comes_back_as_the_same_input(made):
    spec, tensors = made.spec()
    back = input_from_spec({**spec, "something": "newer"}, tensors)
    assert back == made
    assert back != VectorInput(7)
    raw = np.random.default_rng(0).normal(size=(4, made.size))
    assert back.transform(raw).tobytes() == made.transform(raw).tobytes()


@pytest.mark.parametrize(
    "change",
    [
        {"features": None}, {"features": 0}, {"features": "3"}, {"features": 4}, {"features": 2**70},
        {"names": ["a", "b"]}, {"names": [1, 2, 3]}, {"names": "abc"}, {"mean": "absent"}, {"mean": 1.0},
        {"scale": "whole"}, {"mean": "short"}, {"mean": "nan"}, {"mean": "flat"},
    ],
)  # fmt: skip
def test_a_spec_that_breaks_a_rule_is_refused(change):
    spec, tensors = FLOWER.spec()
    others = {
        "whole": np.ones(3, np.int8),
        "short": np.ones(2, np.float32),
        "nan": np.full(3, np.nan, np.float32),
        "flat": np.ones((3, 1), np.float32),
    }
    with pytest.raises(Invalid, match=r"header key input"):
        input_from_spec({**spec, **change}, {**tensors, **others})


@pytest.mark.parametrize("made", [FLOWER, VectorInput(1), VectorInput(2, mean=[1e30, 0], scale=[0, 1e-35])])
def test_vectors_for_a_self_test_come_from_the_spec_alone(made):
    raw = made.synthesise(6)
    assert raw.shape == (6, made.size)
    assert raw.tobytes() == made.synthesise(6).tobytes()
    assert np.isfinite(made.transform(raw)).all()
    assert len(np.unique(raw, axis=0)) == 6 or made.factor is not None
