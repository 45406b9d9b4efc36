"""The speed of matrix products on this machine: a lower bound for training with its BLAS."""

import time
from collections.abc import Iterable

import numpy as np

from rnnbench.models.layers import Product

FEW = 4
"""A product with this few rows, columns or features is bound by memory, not by arithmetic."""
SECONDS = 0.2
"""The time for which each product is repeated, by default."""


def time_products(products: Iterable[Product], seconds: float = SECONDS) -> dict[Product, float]:
    """Return the seconds that NumPy's BLAS takes for each product, all its repeats, on one core.

    The repeats are carried out one after another, like the steps of a recurrent layer; the fastest
    of many attempts counts. Products too thin to be bound by arithmetic are left out.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return {
            product: _seconds(product, seconds)
            for product in set(products)
            if min(product.rows, product.inner, product.columns) > FEW
        }


def _seconds(product: Product, seconds: float) -> float:
    random = np.random.default_rng(0)
    left = random.random((product.count, product.rows, product.inner), np.float32)
    right = random.random((product.inner, product.columns), np.float32)
    out = np.empty((product.count, product.rows, product.columns), np.float32)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        np.matmul(left, right, out=out)
        times.append(time.perf_counter() - start)
    return min(times)
