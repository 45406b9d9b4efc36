"""Summaries of runs, with all documents and without duplicates, and published accuracies."""

from dataclasses import replace

import numpy as np
import pytest
from factories import (
    MARGINS,
    benchmark,
    dataset_summary,
    finished_run,
    result,
    scored_run,
    write_run,
)

from rnnbench.analysis.comparisons import ANOVA, BLOCKS, MCNEMAR
from rnnbench.analysis.intervals import (
    Hits,
    accuracy_interval,
    estimate_difference,
    prediction_interval,
    t_interval,
)
from rnnbench.analysis.summary import (
    compute_metrics,
    drop_duplicates,
    load_runs,
    locate_published,
    metrics_of,
    statistic,
    summarize_run,
)
from rnnbench.errors import UserError
from rnnbench.metrics import METRICS
from rnnbench.results.schema import Interval
from rnnbench.training.outcome import TrialResult

RIGHT, ALWAYS_EARN = (0, 0, 1, 2), (0, 0, 0, 0)
ALWAYS = "always 'earn'"


def summarize(*trials):
    """The summary of the only model."""
    (model,) = summarize_run(benchmark(), dataset_summary(), trials).models
    return model


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
    assert [each.metrics for each in summary.trials] == list(map(metrics_of, trials)) == metrics


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


def test_all_pairs_of_models_and_the_majority_are_compared_in_the_order_of_the_config():
    answers = {"z": [RIGHT], "a": [ALWAYS_EARN], "b": [RIGHT, ALWAYS_EARN]}

    results = finished_run(answers).results

    assert [model.name for model in results.models] == ["z", "a", "b"]
    assert [(each.a, each.b, each.difference, each.method) for each in results.comparisons] == [
        ("z", "a", 0.5, MCNEMAR),
        ("z", "b", 0.25, ANOVA),
        ("z", ALWAYS, 0.5, MCNEMAR),
        ("a", "b", -0.25, ANOVA),
        ("a", ALWAYS, 0, MCNEMAR),
        ("b", ALWAYS, 0.25, ANOVA),
    ]
    dataset = dataset_summary(majority_topic="grain", majority_accuracy=0.25)
    (other,) = summarize_run(benchmark(), dataset, [result(ALWAYS_EARN)]).comparisons
    assert (other.b, other.difference) == ("always 'grain'", 0.25), "the majority in training"


def test_intervals_and_p_values_come_from_blocks_if_documents_are_in_order_of_time():
    facts = {"duplicates": {"same_topic": [3]}, "in_order": True}

    run = scored_run({"a": [160, 150, 140], "b": [100]}, of=200, dataset=facts)

    hits = {name: Hits.of(trials, in_order=True) for name, trials in run.trials.items()}
    for model in run.results.models:
        assert model.accuracy_interval == accuracy_interval(hits[model.name])
    for comparisons in (run.results.comparisons, run.results.without_duplicates.comparisons):
        assert [each.method for each in comparisons] == [ANOVA, ANOVA, BLOCKS]
    single = (replace(of_model, in_order=False) for of_model in hits.values())
    of_blocks = estimate_difference(*hits.values())
    assert run.results.comparisons[0].p == of_blocks.p > estimate_difference(*single).p


def test_results_have_the_facts_of_the_run():
    rnn = benchmark().models["rnn"]
    models = {"a": rnn, "b": rnn, "c": rnn, "naive": {"baseline": "most_frequent"}}
    training = {"epochs": 7, "seeds": [3, 5], "validation_split": 0.25}
    engines = {"a": "native", "b": "compiled", "c": "native", "naive": "scikit-learn"}
    trials = [
        result(model=name, engine=engine, threads=len(name), stock_layers=["lstm: dropout"])
        for name, engine in engines.items()
    ]

    plan = benchmark(training=training, models=models)
    results = summarize_run(plan, dataset_summary(), trials, command="rnnbench run small.yaml")

    assert (results.name, results.command) == ("small", "rnnbench run small.yaml")
    assert results.dataset == dataset_summary()
    assert (results.seeds, results.epochs) == ([3, 5], 7)
    assert results.engine == "native (a, c), compiled (b)"
    assert (results.validation_split, results.threads) == (0.25, [1, 5])
    assert [model.is_baseline for model in results.models] == [False, False, False, True]
    assert results.models[0].stock_layers == ["lstm: dropout"]
    assert results.metrics == list(METRICS)


OURS = {
    "source": "notebook",
    "dataset": "d" * 64,
    "training": {"epochs": 1, "batch_size": 4},
    "models": {"rnn": {"params": 10, "accuracy": 0.7563}},
}
OTHERS = {
    "source": "a paper",
    "split": "5" * 64,
    "models": {"Text GCN": {"accuracy": 0.9707}, "fastText": {"accuracy": 0.9613}},
}
NAMES = ["low", "rnn", "high"]
ANSWERS = [(0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2)]
"""The answers of three trials, which are right about 2, 3 and 4 of the 4 test documents."""


def named(references):
    return {f"reference{number}": each for number, each in enumerate(references)}


def published(*references, intervals=((0.7, 0.8),) * 3, training=None, **changes):
    """The published accuracies that are shown beside our three models, of 10 parameters each."""
    plan = benchmark(
        models=dict.fromkeys(NAMES, benchmark().models["rnn"]),
        references=named(references),
        training={"epochs": 1, "batch_size": 4} | (training or {}),
    )
    dataset = dataset_summary(**changes)
    ours = summarize_run(plan, dataset, [result(model=name) for name in NAMES]).models
    models = [
        model.model_copy(update={"accuracy_interval": Interval(low=low, high=high)})
        for model, (low, high) in zip(ours, intervals, strict=True)
    ]
    return locate_published(plan, dataset, models)


def of_several_seeds(*references, answers=ANSWERS):
    """The results of one model with several trials."""
    trials = [result(given, seed=seed) for seed, given in enumerate(answers)]
    training = {"epochs": 1, "batch_size": 4, "seeds": len(trials)}
    plan = benchmark(training=training, references=named(references))
    return summarize_run(plan, dataset_summary(), trials)


@pytest.mark.parametrize(
    ("changes", "training"),
    [
        ({}, {}),
        ({"training": None}, {}),
        ({"models": {"rnn": {"accuracy": 0.7563}}}, {}),
        ({}, {"engine": "keras", "seeds": [3]}),
    ],
    ids=["all the same", "training not published", "size not published", "engine and seeds differ"],
)
def test_an_accuracy_in_the_same_setting_is_compared_with_our_model_of_that_name(changes, training):
    (found,) = published(OURS | changes, training=training)

    assert (found.source, found.model, found.accuracy) == ("notebook", "rnn", 0.7563)
    assert (list(found.intervals), found.lies("rnn")) == (["rnn"], "inside")


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "e" * 64},
        {"training": {"epochs": 200, "batch_size": 4}},
        {"training": {"epochs": 1, "batch_size": 50}},
        {"training": {"epochs": 1, "batch_size": 4, "optimizer": "sgd"}},
        {"training": {"epochs": 1, "batch_size": 4, "learning_rate": 0.01}},
        {"training": {"epochs": 1, "batch_size": 4, "validation_split": 0.1}},
        {"models": {"rnn": {"params": 11, "accuracy": 0.7563}}},
        {"models": {"another": {"params": 10, "accuracy": 0.7563}}},
    ],
    ids=str,
)
def test_an_accuracy_of_our_models_in_another_setting_is_not_shown(changes):
    assert published(OURS | changes) == []


def test_an_accuracy_of_our_model_is_compared_with_the_interval_of_one_more_training():
    results = of_several_seeds(OURS)

    (found,), (model,) = results.published, results.models
    assert found.yardstick == "of one more training"
    assert found.intervals == {"rnn": prediction_interval([0.5, 0.75, 1.0])}
    assert found.intervals["rnn"].low < model.accuracy.over_seeds.low
    for other in of_several_seeds(OTHERS).published:
        assert other.yardstick == "over documents and seeds"
        assert other.intervals == {"rnn": model.accuracy_interval}


def test_a_single_seed_says_nothing_about_another_training_so_wilsons_interval_is_used():
    (found,) = of_several_seeds(OURS, answers=ANSWERS[:1]).published

    assert found.yardstick == "over documents"
    right = np.array([[True, True, False, False]])
    assert found.intervals == {"rnn": accuracy_interval(Hits(right))}


def test_accuracies_of_other_models_are_compared_with_all_of_ours_on_the_same_split():
    found = published(OTHERS, OURS, intervals=[(0.5, 0.6), (0.9, 0.9613), (0.97, 0.98)])

    places = [(each.model, {name: each.lies(name) for name in each.intervals}) for each in found]
    assert places == [
        ("Text GCN", {"low": "above", "rnn": "above", "high": "inside"}),
        ("fastText", {"low": "above", "rnn": "inside", "high": "below"}),
        ("rnn", {"rnn": "below"}),
    ]


def test_another_split_rules_out_other_models_and_another_padding_only_ours():
    assert published(OTHERS, split_fingerprint="6" * 64) == []
    found = published(OURS, OTHERS, fingerprint="e" * 64)
    assert {each.source for each in found} == {"a paper"}


LABELS = [0, 0, 1, 2] * 10
DUPLICATES = [0, 5, 6, 39]


def run_with(duplicates, answers=None):
    """A run of two models of three seeds, with these test documents in the training set."""
    random = np.random.default_rng(0)
    answers = answers or {
        name: [np.where(random.random(40) < share, LABELS, 1).tolist() for _ in range(3)]
        for name, share in (("rnn", 0.5), ("lstm", 0.9))
    }
    facts = {"test_size": 40, "duplicates": {"other_topics": duplicates}}
    return finished_run(answers, labels=LABELS, dataset=facts, training={"seeds": 3})


def test_labels_and_scores_of_duplicates_are_left_out():
    run = run_with(DUPLICATES)

    rest = drop_duplicates(run)

    kept = np.setdiff1d(np.arange(40), DUPLICATES)
    for model, trials in rest.trials.items():
        for trial, whole in zip(trials, run.trials[model], strict=True):
            assert (trial.labels == whole.labels[kept]).all()
            assert (trial.scores == whole.scores[kept]).all()
    assert rest.results.dataset.test_size == 36
    assert rest.folder == run.folder


def test_the_summary_has_what_a_run_without_duplicates_has():
    run = run_with(DUPLICATES)

    found, rest = run.results.without_duplicates, drop_duplicates(run).results

    assert found.test_size == 36
    assert found.accuracy == {model.name: model.accuracy for model in rest.models}
    assert found.comparisons == rest.comparisons
    assert found.majority_accuracy == rest.dataset.majority_accuracy == 18 / 36
    assert rest.without_duplicates is None
    none = run_with([])
    assert drop_duplicates(none) is none
    assert (none.results.without_duplicates, none.results.changed_verdicts) == (None, [])


def test_a_test_set_of_nothing_but_duplicates_is_refused():
    run = run_with(list(range(40)))

    assert run.results.without_duplicates is None
    with pytest.raises(UserError, match="all test documents are also in the training set"):
        drop_duplicates(run)


def test_runs_that_cannot_be_had_without_duplicates_are_left_out(tmp_path, caplog):
    good, bad = (
        write_run(replace(run_with(duplicates), folder=tmp_path / name))
        for name, duplicates in (("good", DUPLICATES), ("bad", list(range(40))))
    )

    (found,) = load_runs([good, bad], without_duplicates=True)

    assert found.results.dataset.test_size == 36
    assert "all test documents are also in the training set, left out" in caplog.text
    with pytest.raises(UserError, match="all test documents"):
        load_runs([bad], without_duplicates=True)
