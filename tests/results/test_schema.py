"""The summary of a run, and its JSON Schema."""

import pytest
from factories import finished_run, scored_run

from rnnbench.results.schema import (
    Interval,
    MissingTrial,
    PublishedAccuracy,
    Results,
)


def lacking(missing) -> Results:
    """The results of a run of one trial that lacks others, given as models and seeds."""
    results = finished_run({"svm": [(0, 0, 0, 1)]}).results
    trials = [MissingTrial(model=model, seed=seed, error=None) for model, seed in missing]
    return results.model_copy(update={"missing": trials})


def test_missing_trials_are_listed_by_model():
    results = lacking([("rnn", 0), ("rnn", 1), ("lstm", 7)])

    assert results.missing_in_words() == (
        "3 of 4 trials are missing: rnn seeds 0, 1 (not run: interrupted); "
        "lstm seed 7 (not run: interrupted)"
    )


def test_of_many_missing_seeds_the_first_ten_are_listed():
    results = lacking([("rnn", seed) for seed in range(10_010)])

    assert results.missing_in_words() == (
        "10,010 of 10,011 trials are missing: rnn seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 "
        "and 10,000 more (not run: interrupted)"
    )


def test_of_many_models_without_trials_the_first_ten_are_listed():
    words = lacking([(f"model{number}", 0) for number in range(12)]).missing_in_words()

    assert "model9 seed 0 (not run: interrupted) and 2 more" in words
    assert "model10" not in words


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.69, "below"), (0.7, "inside"), (0.75, "inside"), (0.8, "inside"), (0.81, "above")],
)
def test_a_value_lies_below_inside_or_above_an_interval_whose_ends_are_inside(value, place):
    assert Interval(low=0.7, high=0.8).place_of(value) == place


def published(intervals, *, is_of_our_model):
    return PublishedAccuracy(
        source="x",
        model="rnn",
        accuracy=0.5,
        yardstick="over documents",
        is_of_our_model=is_of_our_model,
        intervals=dict.fromkeys(intervals, Interval(low=0, high=1)),
    )


@pytest.mark.parametrize("intervals", [["lstm"], ["rnn", "lstm"], []])
def test_a_published_accuracy_of_our_model_is_compared_with_that_model_alone(intervals):
    assert published(["rnn"], is_of_our_model=True).lies("rnn") == "inside"
    assert published(intervals, is_of_our_model=False).model == "rnn"
    with pytest.raises(ValueError, match="an earlier result of our model"):
        published(intervals, is_of_our_model=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda doc: doc.update(comparisons=[]), "other comparisons without duplicates"),
        (
            lambda doc: doc["without_duplicates"]["comparisons"].pop(),
            "other comparisons without duplicates",
        ),
        (
            lambda doc: doc["without_duplicates"].update(test_size=20),
            "another number of test documents without duplicates",
        ),
        (lambda doc: doc["dataset"].update(duplicates=None), "another number of test documents"),
        (
            lambda doc: doc["without_duplicates"]["accuracy"].pop("rnn"),
            "other models without duplicates",
        ),
    ],
)
def test_a_summary_is_consistent_with_itself(change, message):
    facts = {"duplicates": {"same_topic": [3]}}
    run = scored_run({"rnn": [3, 4, 5], "lstm": [9, 8, 9]}, dataset=facts)
    document = run.results.model_dump(mode="json")
    assert Results.model_validate(document) == run.results

    change(document)

    with pytest.raises(ValueError, match=message):
        Results.model_validate(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.clear(), "not compared with the best or the majority"),
        (lambda found: found.pop(), "not compared with the best or the majority"),
        (lambda found: found[0].update(a="x"), "a comparison with x, which is not there"),
    ],
)
def test_each_model_is_compared_with_the_best_and_the_majority(change, message):
    document = scored_run({"rnn": [3, 4, 5], "lstm": [9, 8, 9]}).results.model_dump(mode="json")

    change(document["comparisons"])

    with pytest.raises(ValueError, match=message):
        Results.model_validate(document)


def test_of_models_with_equally_many_right_answers_the_first_is_the_best():
    results = scored_run({"first": [27, 2, 16, 22, 5], "second": [27, 2, 16, 25, 2]}, of=30).results

    assert results.best.name == "first"
