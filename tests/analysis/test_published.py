import numpy as np
import pytest
from factories import benchmark, dataset_summary, result

from rnnbench.analysis.intervals import accuracy_interval, prediction_interval
from rnnbench.analysis.published import (
    ONE_MORE,
    OVER_DOCUMENTS,
    OVER_DOCUMENTS_AND_SEEDS,
    locate_published,
)
from rnnbench.analysis.summary import summarize_run
from rnnbench.results.schema import Interval

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


def test_an_accuracy_in_the_same_setting_is_compared_with_our_model_of_that_name():
    (found,) = published(OURS)

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


@pytest.mark.parametrize(
    ("changes", "training"),
    [
        ({"training": None}, {}),
        ({"models": {"rnn": {"accuracy": 0.7563}}}, {}),
        ({}, {"engine": "keras", "seeds": [3]}),
    ],
    ids=["training not published", "size not published", "engine and seeds differ"],
)
def test_unpublished_facts_and_those_that_do_not_matter_need_not_be_the_same(changes, training):
    found = published(OURS | changes, training=training)

    assert [each.model for each in found] == ["rnn"]


def test_an_accuracy_of_our_model_is_compared_with_the_interval_of_one_more_training():
    results = of_several_seeds(OURS)

    (found,), (model,) = results.published, results.models
    assert found.yardstick == ONE_MORE
    assert found.intervals == {"rnn": prediction_interval([0.5, 0.75, 1.0])}
    assert found.intervals["rnn"].low < model.accuracy.over_seeds.low


def test_a_single_seed_says_nothing_about_another_training_so_wilsons_interval_is_used():
    (found,) = of_several_seeds(OURS, answers=ANSWERS[:1]).published

    assert found.yardstick == OVER_DOCUMENTS
    assert found.intervals == {"rnn": accuracy_interval(np.array([[True, True, False, False]]))}


def test_an_accuracy_of_another_model_is_compared_with_our_intervals_over_documents_and_seeds():
    results = of_several_seeds(OTHERS)

    (model,) = results.models
    assert len(results.published) == 2
    for found in results.published:
        assert found.yardstick == OVER_DOCUMENTS_AND_SEEDS
        assert found.intervals == {"rnn": model.accuracy_interval}


def test_the_conditions_of_an_accuracy_are_kept_and_those_not_published_stay_unknown():
    conditions = {
        "std": 0.001,
        "runs": 10,
        "transductive": True,
        "pretrained": "word vectors",
        "caveat": "chosen on the test documents",
    }
    models = {"Text GCN": {"accuracy": 0.9707} | conditions, "fastText": {"accuracy": 0.9613}}

    known, unknown = published(OTHERS | {"where": "Table 2", "models": models})

    assert (known.where, unknown.where) == ("Table 2", "Table 2")
    assert known.model_dump(include=set(conditions)) == conditions
    assert set(unknown.model_dump(include=set(conditions)).values()) == {None}


def test_accuracies_of_other_models_are_compared_with_all_of_ours_on_the_same_split():
    found = published(OTHERS, OURS, intervals=[(0.5, 0.6), (0.9, 0.965), (0.97, 0.98)])

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


@pytest.mark.parametrize("interval", [(0.7563, 0.8), (0.7, 0.7563)])
def test_the_ends_of_an_interval_are_inside(interval):
    (found,) = published(OURS, intervals=[interval] * 3)

    assert found.lies("rnn") == "inside"
