import numpy as np
import pytest
from factories import MARGINS, benchmark, dataset_summary, result, scored_run

from rnnbench.analysis.comparisons import ANOVA, BLOCKS, MCNEMAR
from rnnbench.analysis.intervals import accuracy_interval, estimate_difference, t_interval
from rnnbench.analysis.summary import (
    compute_metrics,
    hits_of,
    metrics_of,
    statistic,
    summarize_run,
)
from rnnbench.metrics import METRICS
from rnnbench.training.outcome import TrialResult

RIGHT, ALWAYS_EARN = (0, 0, 1, 2), (0, 0, 0, 0)
ALWAYS = "always 'earn'"


def summarize(*trials):
    """The summary of the only model."""
    (model,) = summarize_run(benchmark(), dataset_summary(), trials).models
    return model


def summarize_models(**trials):
    """The results of models by name, each with the answers of its trials."""
    model = benchmark().models["rnn"]
    results = [
        result(answers, model=name, seed=seed)
        for name, of_model in trials.items()
        for seed, answers in enumerate(of_model)
    ]
    plan = benchmark(models=dict.fromkeys(trials, model))
    return summarize_run(plan, dataset_summary(), results[::-1])


def test_a_statistic_has_mean_sample_standard_deviation_and_students_interval():
    over_three = statistic([1.0, 2.0, 3.0])

    assert (over_three.mean, over_three.std, over_three.n) == (2.0, 1.0, 3)
    assert over_three.over_seeds == t_interval([1.0, 2.0, 3.0])
    assert statistic([0.5]).std is statistic([0.5]).over_seeds is None


def test_a_model_is_summarized_over_its_seeds():
    trials = [result(RIGHT, seed=0), result((0, 1, 1, 0), seed=7, fingerprint="a" * 64)]

    summary = summarize(*trials)

    metrics = compute_metrics({"rnn": trials})["rnn"]
    assert list(metrics[0]) == list(METRICS)
    assert summary.metrics == {
        name: statistic([each[name] for each in metrics]) for name in METRICS
    }
    assert summary.accuracy.mean == summary.mean_of("accuracy") == (1 + 0.5) / 2
    assert [(each.seed, each.fingerprint[0]) for each in summary.trials] == [(0, "f"), (7, "a")]
    assert [each.metrics for each in summary.trials] == metrics


@pytest.mark.parametrize("changes", [{}, MARGINS])
def test_the_metrics_of_a_trial_are_those_that_its_summary_has(changes):
    one = result(**changes)
    assert metrics_of(one) == compute_metrics({"rnn": [one]})["rnn"][0]


def test_a_model_without_steps_or_probabilities_has_no_statistic_of_them():
    trials = [result(RIGHT, ms_per_step=None, **MARGINS), result(RIGHT)]

    assert "log_loss" not in summarize(trials[0]).metrics
    assert summarize(trials[0]).mean_of("log_loss") is summarize(trials[0]).ms_per_step is None
    assert summarize(*trials).metrics["log_loss"].n == summarize(*trials).ms_per_step.n == 1


def test_the_topics_of_test_documents_that_no_seed_answers_are_never_predicted():
    trial, other = result(ALWAYS_EARN, seed=0), result((1, 1, 1, 1), seed=1)
    without_grain = TrialResult(trial.record, np.array([0, 0, 1, 1], np.int32), trial.scores)

    assert summarize(trial, other).topics_never_predicted == ["grain"]
    assert summarize(without_grain).topics_never_predicted == ["acq"]


def test_a_model_has_the_interval_of_its_mean_accuracy():
    trials = [result(RIGHT, seed=0), result(ALWAYS_EARN, seed=1)]

    assert summarize(*trials).accuracy_interval == accuracy_interval(hits_of(trials))


def test_all_pairs_of_models_and_the_majority_are_compared_in_the_order_of_the_config():
    results = summarize_models(z=[RIGHT], a=[ALWAYS_EARN], b=[RIGHT, ALWAYS_EARN])

    assert [model.name for model in results.models] == ["z", "a", "b"]
    assert [(each.a, each.b, each.difference, each.method) for each in results.comparisons] == [
        ("z", "a", 0.5, MCNEMAR),
        ("z", "b", 0.25, ANOVA),
        ("z", ALWAYS, 0.5, MCNEMAR),
        ("a", "b", -0.25, ANOVA),
        ("a", ALWAYS, 0, MCNEMAR),
        ("b", ALWAYS, 0.25, ANOVA),
    ]


def test_intervals_and_p_values_come_from_blocks_if_documents_are_in_order_of_time():
    facts = {"duplicates": {"same_topic": [3]}, "in_order": True}

    run = scored_run({"a": [160, 150, 140], "b": [100]}, of=200, dataset=facts)

    hits = {name: hits_of(trials) for name, trials in run.trials.items()}
    for model in run.results.models:
        assert model.accuracy_interval == accuracy_interval(hits[model.name], in_order=True)
    for comparisons in (run.results.comparisons, run.results.without_duplicates.comparisons):
        assert [each.method for each in comparisons] == [ANOVA, ANOVA, BLOCKS]
    of_blocks = estimate_difference(*hits.values(), in_order=True)
    assert run.results.comparisons[0].p == of_blocks.p > estimate_difference(*hits.values()).p


def test_the_majority_topic_is_that_of_training_not_the_first():
    dataset = dataset_summary(majority_topic="grain", majority_accuracy=0.25)

    results = summarize_run(benchmark(), dataset, [result(ALWAYS_EARN)])

    assert [(each.b, each.difference) for each in results.comparisons] == [("always 'grain'", 0.25)]


def test_several_engines_are_named_with_their_models():
    rnn = benchmark().models["rnn"]
    plan = benchmark(models={"a": rnn, "b": rnn, "c": rnn, "naive": {"baseline": "most_frequent"}})
    engines = {"a": "native", "b": "compiled", "c": "native", "naive": "scikit-learn"}
    trials = [result(model=name, engine=engine) for name, engine in engines.items()]

    results = summarize_run(plan, dataset_summary(), trials)

    assert results.engine == "native (a, c), compiled (b)"


def test_results_have_the_facts_of_the_run():
    training = {"epochs": 7, "seeds": [3, 5], "engine": "keras", "validation_split": 0.25}
    naive = {"naive": {"baseline": "multinomial_naive_bayes"}}
    layers = ["lstm: dropout"]
    trials = [
        *(result(seed=seed, threads=seed - 2, stock_layers=layers) for seed in (3, 5)),
        result(model="naive", seed=3),
    ]

    plan = benchmark(training=training, models=dict(benchmark().models) | naive)
    results = summarize_run(plan, dataset_summary(), trials, command="rnnbench run small.yaml")

    assert (results.name, results.command) == ("small", "rnnbench run small.yaml")
    assert results.dataset == dataset_summary()
    assert (results.seeds, results.epochs, results.engine) == ([3, 5], 7, "keras")
    assert (results.validation_split, results.threads) == (0.25, [1, 3])
    assert [model.is_baseline for model in results.models] == [False, True]
    assert results.models[0].stock_layers == layers
    assert results.metrics == list(METRICS)
