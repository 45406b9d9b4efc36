"""How estimates of time follow from the speed of products, which the tests make up."""

import factories
import pytest

from rnnbench.data.dataset import make_dataset
from rnnbench.runner import check
from rnnbench.runner.check import BenchmarkCheck, estimate_seconds

LARGE = {"layers": [{"lstm": {"units": 100}}, factories.SOFTMAX]}
SMALL = {"layers": [{"lstm": {"units": 8}}, factories.SOFTMAX]}


def seconds(models, **training):
    benchmark = factories.benchmark(
        models=models, training={"epochs": 100_000} | training
    )
    dataset = make_dataset(factories.corpus(200), benchmark.data)
    params = {name: 10_000 for name in benchmark.models if name != "baseline"}
    return estimate_seconds(benchmark, BenchmarkCheck({}, dataset, params))


@pytest.fixture
def arithmetic(monkeypatch):
    """A machine of one core, which takes a nanosecond for a multiplication, or for an
    addition.
    """

    def of_products(products, _):
        return {product: product.multiply_adds * 1e-9 for product in products}

    monkeypatch.setattr(check, "time_products", of_products)
    monkeypatch.setattr(check, "repeat", lambda *_, **__: [2_000_000e-9])
    monkeypatch.setattr(check, "usable_cores", lambda: 1)


@pytest.mark.usefixtures("arithmetic")
def test_larger_networks_more_epochs_also_of_one_model_and_more_seeds_take_longer():
    once = seconds({"m": SMALL})
    assert seconds({"m": LARGE}) > 3 * once
    assert seconds({"m": SMALL}, epochs=1_000_000) > 3 * once
    assert seconds({"m": SMALL}, seeds=100) > 3 * once
    assert seconds({"m": SMALL | {"training": {"epochs": 1}}}) < once / 2
    assert seconds({"m": LARGE}, engine="native") < seconds(
        {"m": LARGE}, engine="keras"
    )


@pytest.mark.usefixtures("arithmetic")
def test_padding_takes_no_time_where_it_is_skipped():
    def of(*, masking):
        embedding = {"embedding": {"dim": 8, "masking": masking}}
        return {"m": {"layers": [embedding, *LARGE["layers"]]}}

    assert seconds(of(masking=True), engine="native") < seconds(
        of(masking=False), engine="native"
    )
    assert seconds(of(masking=True), engine="keras") == seconds(
        of(masking=False), engine="keras"
    )


def test_without_networks_or_with_networks_from_functions_nothing_is_estimated():
    assert seconds({"baseline": {"baseline": "most_frequent"}}) is None
    assert seconds({"m": {"python": "own:make"}}) is None
