import pytest
from factories import benchmark, dataset_summary, result

from rnnbench.analysis.intervals import prediction_interval, wilson_interval
from rnnbench.analysis.published import (
    ONE_MORE,
    OVER_WIRES,
    OVER_WIRES_AND_SEEDS,
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
"""What three trials say: they are right about 2, 3 and 4 of the 4 test wires."""


def published(*references, intervals=None, **changes):
    """The published accuracies that are shown beside our three models, of 10 parameters each."""
    model = benchmark().models["rnn"]
    plan = benchmark(
        models=dict.fromkeys(NAMES, model),
        references={f"reference{number}": each for number, each in enumerate(references)},
    )
    dataset = dataset_summary(**changes)
    models = [
        model.model_copy(update={"accuracy_interval": Interval(low=low, high=high)})
        for model, (low, high) in zip(
            summarize_run(plan, dataset, [result(model=name) for name in NAMES]).models,
            intervals or [(0.7, 0.8)] * len(NAMES),
            strict=True,
        )
    ]
    return locate_published(plan, dataset, models)


def test_an_accuracy_of_the_same_setting_is_compared_with_our_model_of_that_name():
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
    ids=[
        "dataset",
        "epochs",
        "batch size",
        "optimizer",
        "learning rate",
        "validation split",
        "size",
        "name",
    ],
)
def test_an_accuracy_of_our_models_in_another_setting_is_not_shown(changes):
    assert published(OURS | changes) == []


@pytest.mark.parametrize(
    "changes",
    [{"training": None}, {"models": {"rnn": {"accuracy": 0.7563}}}],
    ids=["training", "size"],
)
def test_what_a_publication_does_not_tell_need_not_be_the_same(changes):
    assert [found.model for found in published(OURS | changes)] == ["rnn"]


def of_several_seeds(*references, answers=ANSWERS, accuracies=None):
    """The results of a model with several trials, and the published accuracies beside it."""
    trials = [
        result(given, seed=seed, **({"accuracy": accuracies[seed]} if accuracies else {}))
        for seed, given in enumerate(answers)
    ]
    plan = benchmark(
        training={"epochs": 1, "batch_size": 4, "seeds": len(trials)},
        references={f"reference{number}": each for number, each in enumerate(references)},
    )
    return summarize_run(plan, dataset_summary(), trials)


def test_an_accuracy_of_our_model_is_held_against_what_one_more_training_would_score():
    (found,) = of_several_seeds(OURS).published

    assert found.yardstick == ONE_MORE
    assert found.intervals == {"rnn": prediction_interval([0.5, 0.75, 1.0])}


@pytest.mark.parametrize(
    ("accuracy", "lies"),
    [(0.735, "below"), (0.745, "inside"), (0.765, "inside"), (0.785, "inside"), (0.795, "above")],
)
def test_one_more_training_may_score_what_no_mean_would_but_is_on_the_same_wires(accuracy, lies):
    named = OURS | {"models": {"rnn": {"accuracy": accuracy}}}

    results = of_several_seeds(named, accuracies=[0.760, 0.765, 0.770])

    (model,), (found,) = results.models, results.published
    assert found.lies("rnn") == lies
    assert (accuracy in model.accuracy.over_seeds) == (accuracy == 0.765)
    assert accuracy in model.accuracy_interval  # four wires alone tell hardly anything


def test_a_single_seed_tells_nothing_of_one_more_training_so_wilsons_interval_stands_in():
    (found,) = of_several_seeds(OURS, answers=ANSWERS[:1]).published

    assert found.yardstick == OVER_WIRES
    assert found.intervals == {"rnn": wilson_interval(2, 4)}


def test_an_accuracy_of_another_model_is_held_against_our_intervals_over_wires_and_seeds():
    results = of_several_seeds(OTHERS)

    (model,) = results.models
    for found in results.published:
        assert found.yardstick == OVER_WIRES_AND_SEEDS
        assert found.intervals == {"rnn": model.accuracy_interval}


def test_the_engine_and_the_seeds_need_not_be_the_same():
    plan = benchmark(
        references={"notebook": OURS},
        training={"epochs": 1, "batch_size": 4, "engine": "keras", "seeds": [3]},
    )

    results = summarize_run(plan, dataset_summary(), [result(seed=3)])

    assert [found.model for found in results.published] == ["rnn"]


def test_accuracies_of_other_models_are_compared_with_all_of_ours_on_the_same_split():
    found = published(OTHERS, intervals=[(0.5, 0.6), (0.9, 0.965), (0.97, 0.98)])

    assert [each.model for each in found] == ["Text GCN", "fastText"]
    places = {each.model: {name: each.lies(name) for name in each.intervals} for each in found}
    assert places == {
        "Text GCN": {"rnn": "above", "low": "above", "high": "inside"},
        "fastText": {"rnn": "inside", "low": "above", "high": "below"},
    }


def test_accuracies_of_other_models_on_another_split_are_not_shown():
    assert published(OTHERS, split_fingerprint="6" * 64) == []


def test_other_padding_of_the_same_split_leaves_other_models_comparable():
    assert [each.source for each in published(OURS, OTHERS, fingerprint="e" * 64)] == [
        "a paper"
    ] * 2


def test_accuracies_come_in_the_order_of_their_references():
    found = published(OTHERS, OURS)

    assert [each.model for each in found] == ["Text GCN", "fastText", "rnn"]


@pytest.mark.parametrize("end", ["low", "high"])
def test_the_ends_of_an_interval_are_inside(end):
    interval = {"low": (0.7563, 0.8), "high": (0.7, 0.7563)}[end]

    (found,) = published(OURS, intervals=[interval] * 3)

    assert found.lies("rnn") == "inside"


def test_without_references_nothing_is_shown():
    assert published() == []
