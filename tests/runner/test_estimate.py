"""How estimates of time follow from the speed of products, which the tests make up."""

import factories
import pytest

from rnnbench.data.load import prepare_corpus
from rnnbench.models.needs import Needs
from rnnbench.runner import estimate
from rnnbench.runner.estimate import estimate_seconds
from rnnbench.runner.plan import plan_benchmark

LARGE = {"layers": [{"lstm": {"units": 100}}, factories.SOFTMAX]}
SMALL = {"layers": [{"lstm": {"units": 8}}, factories.SOFTMAX]}


def seconds(model, known=0, **training):
    """The estimate for a benchmark of one model."""
    training = {"epochs": 100_000} | training
    benchmark = factories.benchmark(models={"m": model}, training=training)
    prepared = prepare_corpus(benchmark.data, factories.corpus(200))
    trials = plan_benchmark(benchmark, prepared, threads=1).trials
    needs = {}
    if "baseline" in model:
        needs["m"] = Needs(0, known)
    return estimate_seconds(trials, prepared.dataset, jobs=2, needs=needs)


@pytest.fixture
def arithmetic(monkeypatch):
    """A machine of one core that multiplies, or adds, in a nanosecond."""

    def of_products(products, _):
        return {product: product.multiply_adds * 1e-9 for product in products}

    monkeypatch.setattr(estimate, "time_products", of_products)
    monkeypatch.setattr(estimate, "_seconds_of_addition", lambda: 1e-9)
    monkeypatch.setattr(estimate, "usable_cores", lambda: 1)


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize(
    ("model", "training"),
    [(LARGE, {}), (SMALL, {"epochs": 1_000_000}), (SMALL, {"seeds": 100})],
    ids=["a larger network", "more epochs", "more seeds"],
)
def test_more_work_takes_longer(model, training):
    assert seconds(model, **training) > 3 * seconds(SMALL)


@pytest.mark.usefixtures("arithmetic")
def test_the_epochs_of_one_model_count():
    once = seconds(SMALL | {"training": {"epochs": 1}})

    assert once < seconds(SMALL) / 2


@pytest.mark.usefixtures("arithmetic")
def test_the_native_engine_takes_less_time_than_keras():
    assert seconds(LARGE, engine="native") < seconds(LARGE, engine="keras")


def with_embedding(*, masking):
    embedding = {"embedding": {"dim": 8, "masking": masking}}
    return {"layers": [embedding, *LARGE["layers"]]}


@pytest.mark.usefixtures("arithmetic")
def test_padding_takes_no_time_where_it_is_skipped():
    masked = seconds(with_embedding(masking=True), engine="native")

    assert masked < seconds(with_embedding(masking=False), engine="native")


@pytest.mark.usefixtures("arithmetic")
def test_keras_reads_all_padding():
    masked = seconds(with_embedding(masking=True), engine="keras")

    assert masked == seconds(with_embedding(masking=False), engine="keras")


@pytest.mark.usefixtures("arithmetic")
def test_a_baseline_takes_the_seconds_that_it_needs():
    assert seconds({"baseline": "nb_svm"}, known=5) == 5


@pytest.mark.parametrize(
    "model", [{"baseline": "most_frequent"}, {"python": "own:make"}], ids=str
)
def test_without_layers_nothing_is_estimated(model):
    assert seconds(model) is None
