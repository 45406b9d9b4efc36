"""The summary of a run, and its JSON Schema."""

import pytest
from factories import finished_run, scored_run

from rnnbench.results.schema import Interval, MissingTrial, PublishedAccuracy, Results


def lacking(missing) -> Results:
    """The results of a run of one trial that lacks others, given as models and seeds."""
    results = finished_run({"svm": [(0, 0, 0, 1)]}).results
    trials = [MissingTrial(model=model, seed=seed, error=None) for model, seed in missing]
    return results.model_copy(update={"missing": trials})


def test_missing_trials_are_listed_by_model_and_of_many_the_first_ten():
    few = lacking([("rnn", 0), ("rnn", 1), ("lstm", 7)])
    many = lacking([("rnn", seed) for seed in range(10_010)])

    assert few.missing_in_words() == (
        "3 of 4 trials are missing: rnn seeds 0, 1 (not run: interrupted); "
        "lstm seed 7 (not run: interrupted)"
    )
    assert many.missing_in_words() == (
        "10,010 of 10,011 trials are missing: rnn seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 "
        "and 10,000 more (not run: interrupted)"
    )
    models = lacking([(f"model{number}", 0) for number in range(12)]).missing_in_words()
    assert models.endswith("model9 seed 0 (not run: interrupted) and 2 more")


def document_of_two_models(**changes):
    run = scored_run({"rnn": [3, 4, 5], "lstm": [9, 8, 9]}, **changes)
    return run.results.model_dump(mode="json")


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.69, "below"), (0.7, "inside"), (0.75, "inside"), (0.8, "inside"), (0.81, "above")],
)
def test_a_value_lies_below_inside_or_above_an_interval_whose_ends_are_inside(value, place):
    assert Interval(low=0.7, high=0.8).place_of(value) == place


@pytest.mark.parametrize("intervals", [["lstm"], ["rnn", "lstm"], []])
def test_a_published_accuracy_of_our_model_is_compared_with_that_model_alone(intervals):
    facts = {"source": "x", "model": "rnn", "accuracy": 0.5, "yardstick": "over documents"}
    facts["intervals"] = dict.fromkeys(intervals, Interval(low=0, high=1))

    assert PublishedAccuracy(**facts, is_of_our_model=False).model == "rnn"
    with pytest.raises(ValueError, match="an earlier result of our model"):
        PublishedAccuracy(**facts, is_of_our_model=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _, rest: rest["comparisons"].pop(), "other comparisons without"),
        (lambda _, rest: rest.update(test_size=20), "another number of test documents without"),
        (lambda _, rest: rest["accuracy"].pop("rnn"), "other models without duplicates"),
        (lambda whole, _: whole["comparisons"].clear(), "other comparisons without duplicates"),
        (lambda whole, _: whole["dataset"].update(duplicates=None), "dataset.duplicates"),
    ],
)
def test_a_summary_is_consistent_with_itself(change, message):
    document = document_of_two_models(dataset={"duplicates": {"same_topic": [3]}})
    assert Results.model_validate(document).model_dump(mode="json") == document

    change(document, document["without_duplicates"])

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
    document = document_of_two_models()

    change(document["comparisons"])

    with pytest.raises(ValueError, match=message):
        Results.model_validate(document)


def test_of_models_with_equally_many_right_answers_the_first_is_the_best():
    results = scored_run({"first": [27, 2, 16, 22, 5], "second": [27, 2, 16, 25, 2]}, of=30).results

    assert results.best.name == "first"
