import numpy as np
import pytest
from factories import benchmark, dataset_summary, record
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis.summary import statistic, summarize, summarize_run

REFERENCE = {
    "source": "notebook",
    "dataset": "d" * 64,
    "training": {"epochs": 1, "batch_size": 4},
    "models": {"rnn": {"params": 10, "accuracy": 0.7563}},
}


def test_the_spread_is_the_sample_standard_deviation():
    over_three = statistic([1.0, 2.0, 3.0])

    assert (over_three.mean, over_three.std, over_three.n) == (2.0, 1.0, 3)


def test_a_single_trial_has_no_spread():
    assert statistic([0.5]).std is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_the_mean_lies_among_the_values_and_the_spread_is_no_larger_than_they_are_apart(values):
    over_all = statistic(values)

    assert min(values) <= np.nextafter(over_all.mean, 2)
    assert np.nextafter(over_all.mean, -2) <= max(values)
    assert 0 <= over_all.std <= max(values) - min(values) + 1e-12


def test_a_model_is_summarized_over_its_seeds():
    summary = summarize(
        "rnn",
        [
            record(seed=0, accuracy=0.5, predicted_topics=[0, 1]),
            record(seed=7, accuracy=0.7, predicted_topics=[1, 2]),
        ],
        reference_accuracy=None,
    )

    assert summary.accuracy.mean == pytest.approx(0.6)
    assert summary.topics_predicted == 3
    assert [(trial.seed, trial.accuracy) for trial in summary.trials] == [(0, 0.5), (7, 0.7)]


def test_a_published_accuracy_stands_beside_ours_in_the_same_setting():
    results = summarize_run(benchmark(reference=REFERENCE), dataset_summary(), [record()])

    assert results.reference_source == "notebook"
    assert results.models[0].reference_accuracy == 0.7563


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "e" * 64},
        {"training": {"epochs": 200, "batch_size": 4}},
        {"training": {"epochs": 1, "batch_size": 50}},
        {"training": {"epochs": 1, "batch_size": 4, "optimizer": "sgd"}},
        {"training": {"epochs": 1, "batch_size": 4, "learning_rate": 0.01}},
        {"models": {"rnn": {"params": 11, "accuracy": 0.7563}}},
        {"models": {"another": {"params": 10, "accuracy": 0.7563}}},
    ],
    ids=["dataset", "epochs", "batch size", "optimizer", "learning rate", "size", "name"],
)
def test_a_published_accuracy_of_another_setting_is_not_shown(changes):
    results = summarize_run(benchmark(reference=REFERENCE | changes), dataset_summary(), [record()])

    assert results.models[0].reference_accuracy is None


def test_models_keep_the_order_of_the_config():
    models = benchmark().models
    plan = benchmark(models={"z": models["rnn"], "a": models["rnn"]})
    records = [record(model="a"), record(model="z")]

    results = summarize_run(plan, dataset_summary(), records)

    assert [model.name for model in results.models] == ["z", "a"]
