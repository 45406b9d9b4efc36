import pytest

from rnnbench.models.layers import Product
from rnnbench.speed import gemm
from rnnbench.speed.gemm import time_products


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(gemm, "SECONDS", 0.02)


def test_more_arithmetic_takes_longer():
    small, large = Product(32, 32, 32), Product(256, 256, 256)
    repeated = Product(32, 32, 32, count=50)

    seconds = time_products([small, large, repeated])

    assert seconds[large] > seconds[small]
    assert seconds[small] < seconds[repeated] < 10 * 50 * seconds[small]


def test_products_that_are_too_thin_to_be_bound_by_arithmetic_are_left_out():
    thin = [Product(2450, 1, 200), Product(1, 2450, 200), Product(50, 50, 4)]

    assert time_products(thin) == {}
