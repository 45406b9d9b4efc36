"""How fast this machine multiplies matrices: what no training with its BLAS can do without."""

import time
from collections.abc import Iterable

import numpy as np

from rnnbench.models.products import Product
from rnnbench.results.speed import ProductRate

FEW = 4
"""A product with so few rows, columns or features is a scaling, and bound by memory."""
SECONDS = 0.2
"""How long each product is repeated."""


def measure_products(products: Iterable[Product]) -> dict[Product, ProductRate]:
    """Return how fast NumPy's BLAS carries out each product on one core.

    Products of one shape are carried out one after the other, as over time; the fastest of
    many repetitions counts. Products that are too thin to be bound by arithmetic are left out.

    Args:
        products: of any number of models.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return {
            product: _rate(product)
            for product in set(products)
            if min(product.rows, product.inner, product.columns) > FEW
        }


def _rate(product: Product) -> ProductRate:
    random = np.random.default_rng(0)
    left = random.random((product.count, product.rows, product.inner), np.float32)
    right = random.random((product.inner, product.columns), np.float32)
    out = np.empty((product.count, product.rows, product.columns), np.float32)
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        np.matmul(left, right, out=out)
        times.append(time.perf_counter() - start)
    return ProductRate(
        rows=product.rows,
        inner=product.inner,
        columns=product.columns,
        count=product.count,
        microseconds=min(times) / product.count * 1e6,
        gflops=2 * product.multiply_adds / min(times) / 1e9,
    )
