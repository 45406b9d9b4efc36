import numpy as np
import pytest
from factories import benchmark, dataset_summary, result
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis.bootstrap import estimate_mean, resample
from rnnbench.analysis.comparisons import BOOTSTRAP, MCNEMAR
from rnnbench.analysis.intervals import t_interval, wilson_interval
from rnnbench.analysis.metrics import compute_metrics
from rnnbench.analysis.summary import (
    accuracy_interval,
    hits_of,
    majority_name,
    statistic,
    summarize_run,
)
from rnnbench.results.schema import Metrics, Results
from rnnbench.training.outcome import TrialResult

RIGHT, ALWAYS_EARN = (0, 0, 1, 2), (0, 0, 0, 0)


def summarize(*trials, **changes):
    """The summary of the only model."""
    (model,) = summarize_run(benchmark(**changes), dataset_summary(), trials).models
    return model


def two_models(**trials):
    """The results of models by name, each with the answers of its trials."""
    model = benchmark().models["rnn"]
    results = [
        result(answers, model=name, seed=seed)
        for name, of_model in trials.items()
        for seed, answers in enumerate(of_model)
    ]
    return summarize_run(benchmark(models=dict.fromkeys(trials, model)), dataset_summary(), results)


def test_the_spread_is_the_sample_standard_deviation():
    over_three = statistic([1.0, 2.0, 3.0])

    assert (over_three.mean, over_three.std, over_three.n) == (2.0, 1.0, 3)


def test_a_mean_has_students_interval_over_seeds():
    assert statistic([0.5, 0.7, 0.6]).over_seeds == t_interval([0.5, 0.7, 0.6])


def test_a_single_trial_has_no_spread_and_no_interval():
    assert statistic([0.5]).std is None
    assert statistic([0.5]).over_seeds is None


def test_values_that_are_missing_are_left_out():
    assert statistic([None, 0.5, 0.7, None]) == statistic([0.5, 0.7])
    assert statistic([None]) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_the_mean_lies_among_the_values_and_the_spread_is_no_larger_than_they_are_apart(values):
    over_all = statistic(values)

    assert min(values) <= np.nextafter(over_all.mean, 2)
    assert np.nextafter(over_all.mean, -2) <= max(values)
    assert 0 <= over_all.std <= max(values) - min(values) + 1e-12


def test_a_model_is_summarized_over_its_seeds():
    trials = [result(RIGHT, seed=0), result((0, 1, 1, 0), seed=7)]

    summary = summarize(*trials)

    for key in Metrics.model_fields:
        values = [getattr(compute_metrics(trial), key) for trial in trials]
        assert getattr(summary, key) == statistic(values)
    assert summary.accuracy.mean == pytest.approx((1 + 0.5) / 2)
    assert [(trial.seed, trial.accuracy) for trial in summary.trials] == [(0, 1.0), (7, 0.5)]


def test_each_trial_keeps_its_own_numbers():
    trial = result(fingerprint="a" * 64, fit_seconds=3.5, ms_per_step=None, epochs=9, best_epoch=4)

    (stored,) = summarize(trial).trials

    assert stored.model_dump() == compute_metrics(trial).model_dump() | {
        "fingerprint": "a" * 64,
        "seed": 0,
        "fit_seconds": 3.5,
        "ms_per_step": None,
        "epochs": 9,
        "best_epoch": 4,
    }


def test_a_model_without_steps_or_probabilities_has_no_statistic_of_them():
    summary = summarize(result(score_kind="margins", ms_per_step=None))

    assert (summary.log_loss, summary.ms_per_step) == (None, None)


def test_topics_are_never_predicted_if_no_seed_answers_them():
    summary = summarize(result(ALWAYS_EARN, seed=0), result((1, 1, 1, 1), seed=1))

    assert summary.topics_never_predicted == ["grain"]


def test_topics_without_test_wires_are_not_missed():
    labels = np.array([0, 0, 1, 1], np.int32)
    trial = result(ALWAYS_EARN)

    summary = summarize(TrialResult(trial.record, labels, trial.scores))

    assert summary.topics_never_predicted == ["acq"]


def test_hits_say_which_trial_was_right_about_which_wire():
    assert hits_of([result(RIGHT), result((0, 1, 0, 2))]).tolist() == [
        [True, True, True, True],
        [True, False, False, True],
    ]


def test_a_single_trial_has_wilsons_interval():
    summary = summarize(result(ALWAYS_EARN))

    assert summary.accuracy_interval == wilson_interval(2, 4)
    assert summary.accuracy_interval_method == "Wilson"


def test_trials_that_answer_alike_are_no_more_than_one():
    assert summarize(*[result(ALWAYS_EARN, seed=seed) for seed in range(3)]).accuracy_interval == (
        wilson_interval(2, 4)
    )


def test_trials_that_answer_differently_have_the_bootstraps_interval(population):
    hits = population(seeds=0.1).draw(np.random.default_rng(0), 1, [3], 200)[0][0]
    resamples = resample({"a": hits}, 499)["a"]

    interval, method = accuracy_interval(hits, resamples)

    assert method == "bootstrap over wires and seeds"
    assert interval == estimate_mean(hits, resamples).interval


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 4), st.integers(1, 20))
def test_an_accuracys_interval_lies_between_0_and_1(seed, accuracy, n_trials, n_wires):
    hits = np.random.default_rng(seed).random((n_trials, n_wires)) < accuracy

    interval, _ = accuracy_interval(hits, resample({"a": hits}, 99)["a"])

    assert 0 <= interval.low <= interval.high <= 1


def test_models_keep_the_order_of_the_config():
    model = benchmark().models["rnn"]
    plan = benchmark(models={"z": model, "a": model})

    results = summarize_run(plan, dataset_summary(), [result(model="a"), result(model="z")])

    assert [model.name for model in results.models] == ["z", "a"]


def test_each_two_models_and_each_with_the_majority_are_compared():
    results = two_models(z=[RIGHT], a=[ALWAYS_EARN])

    assert majority_name(results.dataset) == "always 'earn'"
    assert [(each.a, each.b, each.difference) for each in results.comparisons] == [
        ("z", "a", 0.5),
        ("z", "always 'earn'", 0.5),
        ("a", "always 'earn'", 0),
    ]


def test_the_majority_is_compared_as_a_single_trial():
    results = two_models(single=[RIGHT], several=[RIGHT, ALWAYS_EARN])

    methods = {(each.a, each.b): each.method for each in results.comparisons}
    assert methods == {
        ("single", "several"): BOOTSTRAP,
        ("single", "always 'earn'"): MCNEMAR,
        ("several", "always 'earn'"): BOOTSTRAP,
    }


def test_the_majority_topic_is_that_of_training_not_the_first():
    dataset = dataset_summary(majority_topic="grain", majority_accuracy=0.25)

    results = summarize_run(benchmark(), dataset, [result(ALWAYS_EARN)])

    assert [(each.b, each.difference) for each in results.comparisons] == [("always 'grain'", 0.25)]


def test_baselines_are_told_from_networks():
    plan = benchmark(
        models=dict(benchmark().models) | {"naive": {"baseline": "multinomial_naive_bayes"}}
    )

    results = summarize_run(plan, dataset_summary(), [result(), result(model="naive")])

    assert [model.is_baseline for model in results.models] == [False, True]


def test_results_say_how_they_came_about():
    plan = benchmark(
        training={"epochs": 7, "seeds": [3, 5], "engine": "keras", "validation_split": 0.25}
    )

    results = summarize_run(
        plan,
        dataset_summary(),
        [result(seed=3, threads=2), result(seed=5, threads=1)],
        command="rnnbench run small.yaml",
    )

    assert results.name == "small"
    assert results.command == "rnnbench run small.yaml"
    assert results.dataset == dataset_summary()
    assert (results.seeds, results.epochs, results.engine) == ([3, 5], 7, "keras")
    assert results.validation_split == 0.25
    assert results.threads == [1, 2]


def test_layers_that_keras_trained_are_named_once():
    trials = [result(seed=seed, stock_layers=["lstm: dropout"]) for seed in range(2)]

    assert summarize(*trials).stock_layers == ["lstm: dropout"]


def test_the_same_trials_give_the_same_results():
    first, again = (two_models(a=[RIGHT, ALWAYS_EARN], b=[(0, 1, 1, 0), RIGHT]) for _ in range(2))

    assert first == again


def test_results_are_what_is_read_back_from_their_json():
    results = two_models(a=[RIGHT, ALWAYS_EARN], b=[(0, 1, 1, 0), RIGHT])

    assert Results.model_validate_json(results.model_dump_json()) == results
