import pytest
from factories import benchmark, dataset_summary, result

from rnnbench.analysis.published import locate_published
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
    assert (found.inside, found.above, found.below) == (["rnn"], [], [])


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
    gcn, fast_text = found
    assert (gcn.below, gcn.inside, gcn.above) == ([], ["high"], ["low", "rnn"])
    assert (fast_text.below, fast_text.inside, fast_text.above) == (["high"], ["rnn"], ["low"])


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

    assert found.inside == ["rnn"]


def test_each_of_our_models_has_one_place():
    for found in published(OTHERS, intervals=[(0.5, 0.6), (0.9, 0.965), (0.97, 0.98)]):
        assert sorted([*found.inside, *found.above, *found.below]) == sorted(NAMES)


def test_without_references_nothing_is_shown():
    assert published() == []
