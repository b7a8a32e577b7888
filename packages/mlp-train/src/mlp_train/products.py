"""A matrix product of few rows, cut into pieces that NumPy's BLAS computes sooner than the whole.

Before OpenBLAS multiplies, it copies both matrices into the order that its kernels read, which with few rows is a good
part of the work. For processors with AVX-512 it has other kernels as well, which read float32 where it lies. But it
takes them for small products only (its kernel/x86_64/sgemm_small_kernel_permit_skylakex.c): at most 100^3
multiplications, and where the second matrix is transposed for 1,200 results and sums of 32 at least. A larger product
can be had as several such ones. What that brings is in docs/speed.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_train.array import Array
from mlp_train.blas import has_direct_kernels

Cuts = Sequence[tuple[slice, slice]]

DIRECT = 100**3  # multiplications
DIRECT_TRANSPOSED = 1200  # results
MOST = 13  # times DIRECT; beyond that both matrices no longer stay in the cache while all pieces are computed
SHORTEST = 32  # sums, where the second matrix is transposed
FEW = 64  # rows of a batch, or inputs of a layer
SLIM = (32, 64)  # columns with which pieces pay for more rows as well, if they are of whole rows
NARROW = 16  # rows or columns: what the kernels compute at a time, and less is slow
SMALL = 1 << 16  # results; `dot` is quicker to call than `matmul`, but clears its output first


def cuts(m: int, k: int, n: int, dtype: Any, *, is_transposed: bool = False) -> Cuts:
    """Return rows and columns of each piece of an (m, k) by (k, n) product; nothing where the whole is as soon done.

    `is_transposed` says that the second matrix is the transpose of one that lies in C order.
    """
    fewest = min(m, k)
    if dtype != np.float32 or fewest < 2 or not has_direct_kernels():
        return ()
    results = DIRECT // k  # of one piece
    if fewest > FEW and (n not in SLIM or results < n * NARROW):
        return ()
    if is_transposed:
        if m > FEW or k < max(4 * m, SHORTEST):
            return ()
        results = min(results, DIRECT_TRANSPOSED)
    elif m * k * n > MOST * DIRECT:
        return ()
    if m * n <= results or results < NARROW * NARROW:
        return ()
    height = min(m, _multiple(results // n))
    width = _multiple(results // height)
    return [
        (slice(top, min(top + height, m)), slice(left, min(left + width, n)))
        for top in range(0, m, height)
        for left in range(0, n, width)
    ]


def _multiple(size: int) -> int:
    return max(NARROW, size // NARROW * NARROW)


def multiply(a: Array, b: Array, out: Array, pieces: Cuts = ()) -> None:
    """Write a @ b into `out`, piece by piece where it is cut."""
    if pieces:
        for rows, columns in pieces:
            np.matmul(a[rows], b[:, columns], out=out[rows, columns])
    elif out.size <= SMALL:
        np.dot(a, b, out=out)
    else:
        np.matmul(a, b, out=out)
