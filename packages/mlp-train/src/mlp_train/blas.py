"""NumPy's matrix products may use several threads; for small layers one thread is faster and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

from mlp_train.network import Network

# Multiplications in one product of the largest layer, from which two OpenBLAS threads were measured to pay even when
# other processes want the cores as well: at a tenth of it they took three times as long as one (docs/speed.md).
WORTH_THREADS = 1_000_000_000
DIRECT_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")  # OpenBLAS's names for AVX-512


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looking for the libraries takes milliseconds, so once


@contextmanager
def one_thread_where_small(network: Network, rows: int) -> Iterator[None]:
    """Hold BLAS to one thread inside, unless the network's largest product is worth more."""
    if rows * max(weight.size for weight in network.weights) >= WORTH_THREADS:
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def has_direct_kernels() -> bool:
    """Say whether NumPy's BLAS multiplies small float32 matrices where they lie; see `products`."""
    libraries = [library for library in _controller().info() if library["user_api"] == "blas"]
    return bool(libraries) and all(  # which of them is NumPy's is not told
        library["internal_api"] == "openblas" and library.get("architecture") in DIRECT_KERNELS for library in libraries
    )
