import factories
import pytest

from rnnbench.data.dataset import make_dataset
from rnnbench.models.build import build
from rnnbench.models.layers.base import Shape
from rnnbench.speed.estimate import estimate_seconds

LARGE = {"layers": [{"lstm": {"units": 100}}, factories.SOFTMAX]}
SMALL = {"layers": [{"lstm": {"units": 8}}, factories.SOFTMAX]}
BASELINE = {"baseline": "most_frequent"}


def seconds(models, **training):
    benchmark = factories.benchmark(models=models, training={"epochs": 100_000} | training)
    dataset = make_dataset(factories.corpus(200), benchmark.data)
    shape = Shape.of(dataset)
    params = {
        name: build(model, shape, seed=0).count_params()
        for name, model in benchmark.models.items()
        if name != "baseline"
    }
    return estimate_seconds(benchmark, dataset, params)


def test_larger_networks_more_epochs_and_more_seeds_take_longer():
    once = seconds({"m": SMALL})
    assert seconds({"m": LARGE}) > 3 * once
    assert seconds({"m": SMALL}, epochs=1_000_000) > 3 * once
    assert seconds({"m": SMALL}, seeds=100) > 3 * once


def test_a_model_of_its_own_training_counts_as_it_is_trained():
    assert seconds({"m": SMALL | {"training": {"epochs": 1}}}) < seconds({"m": SMALL}) / 2


def test_a_faster_engine_takes_less():
    assert seconds({"m": LARGE}, engine="native") < seconds({"m": LARGE}, engine="compiled")


def test_without_networks_there_is_nothing_to_estimate():
    assert seconds({"baseline": BASELINE}) is None


@pytest.mark.parametrize("training", [{"engine": "keras"}])
def test_the_time_of_other_engines_is_not_known(training):
    assert seconds({"m": SMALL}, **training) is None
