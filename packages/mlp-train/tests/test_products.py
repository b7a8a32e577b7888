"""Products of few rows are computed in pieces where NumPy's BLAS does these sooner, and are the same products."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mlp_train import blas, products
from mlp_train.products import DIRECT, DIRECT_TRANSPOSED, cuts, multiply

SHAPES = list(product((2, 7, 16, 20, 32, 61, 64, 200), (30, 257, 784, 1024), (10, 64, 300, 1024)))


@pytest.fixture(params=[False, True], ids=["plain", "transposed"])
def is_transposed(request, monkeypatch):
    monkeypatch.setattr(products, "has_direct_kernels", lambda: True)
    return request.param


def test_pieces_give_the_product_of_the_whole(is_transposed):
    draw = np.random.default_rng(0)
    cut = 0
    for m, k, n in SHAPES:
        a = draw.normal(size=(m, k)).astype(np.float32)
        b = draw.normal(size=(n, k) if is_transposed else (k, n)).astype(np.float32)
        b = b.T if is_transposed else b
        pieces = cuts(m, k, n, np.float32, is_transposed=is_transposed)
        out = np.full((m, n), np.nan, np.float32)
        multiply(a, b, out, pieces)
        np.testing.assert_allclose(out, a @ b, rtol=1e-4, atol=1e-3)
        cut += bool(pieces)
    assert cut > 10


def test_each_piece_is_small_enough_for_the_direct_kernels(is_transposed):
    for m, k, n in SHAPES:
        for rows, columns in cuts(m, k, n, np.float32, is_transposed=is_transposed):
            results = (rows.stop - rows.start) * (columns.stop - columns.start)
            assert results * k <= DIRECT
            assert not is_transposed or results <= DIRECT_TRANSPOSED


def test_every_result_lies_in_one_piece(is_transposed):
    for m, k, n in SHAPES:
        pieces = cuts(m, k, n, np.float32, is_transposed=is_transposed)
        count = np.zeros((m, n), int)
        for rows, columns in pieces:
            count[rows, columns] += 1
        assert not pieces or (count == 1).all()


@pytest.mark.usefixtures("is_transposed")
def test_what_gains_nothing_is_computed_whole():
    assert cuts(32, 784, 128, np.float32)
    assert not cuts(32, 784, 128, np.float64), "the kernels are measured for float32"
    assert cuts(128, 784, 64, np.float32)
    assert not cuts(128, 784, 128, np.float32), "many rows and many columns"
    assert not cuts(128, 784, 50, np.float32), "many rows, and columns that do not divide evenly"
    assert not cuts(128, 1024, 64, np.float32, is_transposed=True), "many rows, which are read across"
    assert not cuts(1, 2048, 2048, np.float32), "one row is a product with a vector"
    assert not cuts(32, 784, 10, np.float32), "small enough as it is"
    assert not cuts(32, 1024, 1024, np.float32), "too large for the cache"
    assert not cuts(32, 64, 784, np.float32, is_transposed=True), "short sums"
    assert not cuts(4, 16, 1024, np.float32, is_transposed=True), "shorter sums than the kernels take"
    assert not cuts(2, 100_000, 128, np.float32), "pieces would be slivers"


def test_a_blas_without_such_kernels_computes_the_whole(monkeypatch):
    class Libraries:
        def __init__(self, **of):
            self.of = of

        def info(self):
            return [{"user_api": "openmp"}, self.of]

    for libraries, direct in (
        (Libraries(user_api="blas", internal_api="openblas", architecture="Haswell"), False),
        (Libraries(user_api="blas", internal_api="mkl"), False),
        (Libraries(user_api="blas", internal_api="openblas", architecture="SkylakeX"), True),
    ):
        blas.has_direct_kernels.cache_clear()
        monkeypatch.setattr(blas, "_controller", lambda libraries=libraries: libraries)
        assert blas.has_direct_kernels() is direct
        assert bool(cuts(32, 784, 128, np.float32)) is direct
    monkeypatch.undo()
    blas.has_direct_kernels.cache_clear()
