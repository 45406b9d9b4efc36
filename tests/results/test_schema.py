"""What a summary says about a run."""

import pytest
from factories import finished_run

from rnnbench.results.schema import Interval, MissingTrial, PublishedAccuracy, Results


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


@pytest.mark.parametrize(
    ("intervals", "is_of_ours"),
    [(["rnn"], True), (["lstm"], False), (["rnn", "lstm"], False)],
)
def test_a_published_accuracy_of_our_model_is_compared_with_that_model_alone(intervals, is_of_ours):
    published = PublishedAccuracy(
        source="x",
        model="rnn",
        accuracy=0.5,
        yardstick="over documents",
        intervals=dict.fromkeys(intervals, Interval(low=0, high=1)),
    )

    assert published.is_of_our_model == is_of_ours
