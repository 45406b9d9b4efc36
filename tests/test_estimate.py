import factories

from rnnbench.data.dataset import make_dataset
from rnnbench.estimate import estimate_seconds, time_products
from rnnbench.models.layers import Product

LARGE = {"layers": [{"lstm": {"units": 100}}, factories.SOFTMAX]}
SMALL = {"layers": [{"lstm": {"units": 8}}, factories.SOFTMAX]}


def seconds(models, **training):
    benchmark = factories.benchmark(models=models, training={"epochs": 100_000} | training)
    dataset = make_dataset(factories.corpus(200), benchmark.data)
    params = {name: 10_000 for name in benchmark.models if name != "baseline"}
    return estimate_seconds(benchmark, dataset, params)


def test_larger_networks_more_epochs_also_of_one_model_and_more_seeds_take_longer():
    once = seconds({"m": SMALL})
    assert seconds({"m": LARGE}) > 3 * once
    assert seconds({"m": SMALL}, epochs=1_000_000) > 3 * once
    assert seconds({"m": SMALL}, seeds=100) > 3 * once
    assert seconds({"m": SMALL | {"training": {"epochs": 1}}}) < once / 2


def test_a_faster_engine_takes_less():
    assert seconds({"m": LARGE}, engine="native") < seconds({"m": LARGE}, engine="compiled")


def test_without_networks_or_with_other_engines_nothing_is_estimated():
    assert seconds({"baseline": {"baseline": "most_frequent"}}) is None
    assert seconds({"m": SMALL}, engine="keras") is None


def test_more_arithmetic_takes_longer():
    small, large = Product(32, 32, 32), Product(256, 256, 256)
    repeated = Product(32, 32, 32, count=50)

    times = time_products([small, large, repeated], 0.02)

    assert times[large] > times[small]
    assert times[small] < times[repeated] < 10 * 50 * times[small]
    # Those that are too thin to be bound by arithmetic are left out.
    thin = [Product(2450, 1, 200), Product(1, 2450, 200), Product(50, 50, 4)]
    assert time_products(thin, 0.02) == {}
