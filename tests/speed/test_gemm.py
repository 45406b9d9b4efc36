import pytest

from rnnbench.models.products import Product
from rnnbench.speed import gemm
from rnnbench.speed.gemm import measure_products


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(gemm, "SECONDS", 0.02)


def test_a_product_is_timed_by_itself_however_often_it_is_carried_out():
    once, often = Product(64, 64, 64), Product(64, 64, 64, count=50)

    rates = measure_products([once, often])

    assert rates[often].microseconds < 10 * rates[once].microseconds
    for rate in rates.values():
        assert rate.gflops == pytest.approx(2 * 64**3 / rate.microseconds / 1000)


def test_a_larger_product_takes_longer():
    small, large = Product(32, 32, 32), Product(256, 256, 256)

    rates = measure_products([small, large])

    assert rates[large].microseconds > rates[small].microseconds


def test_products_that_are_too_thin_to_be_bound_by_arithmetic_are_left_out():
    thin = [Product(2450, 1, 200), Product(1, 2450, 200), Product(50, 50, 4)]

    assert measure_products(thin) == {}
