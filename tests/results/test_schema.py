"""The summary of a run, and its JSON Schema."""

import pytest
from factories import finished_run, scored_run

from rnnbench.results.schema import MissingTrial, PublishedScore, Results
from rnnbench.stats.correctness import Interval


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (
            [("rnn", 0), ("rnn", 1), ("lstm", 7)],
            "3 of 4 trials are missing: rnn seeds 0, 1 (not run: interrupted); lstm seed 7 (not run"
            ": interrupted)",
        ),
        (
            [("rnn", n) for n in range(10_010)],
            "8, 9 and 10,000 more (not run: interrupted)",
        ),
        (
            [(f"model{n}", 0) for n in range(12)],
            "model9 seed 0 (not run: interrupted) and 2 more",
        ),
    ],
)
def test_missing_trials_are_listed_by_model_up_to_ten(missing, words):
    trials = []
    for model, seed in missing:
        trials.append(MissingTrial(model=model, seed=seed, error=None))
    results = finished_run({"svm": [(0, 0, 0, 1)]}).results
    partial = results.model_copy(update={"missing": trials})

    assert partial.missing_in_words().endswith(words)


def test_a_value_lies_below_inside_or_above_an_interval_whose_ends_are_inside():
    places = map(Interval(low=0.7, high=0.8).place_of, (0.69, 0.7, 0.8, 0.81))
    assert list(places) == ["below", "inside", "inside", "above"]


@pytest.mark.parametrize("intervals", [["lstm"], ["rnn", "lstm"], []])
def test_a_published_accuracy_of_our_model_is_compared_with_that_model_alone(intervals):
    document = {
        "source": "x",
        "model": "rnn",
        "accuracy": 0.5,
        "yardstick": "over documents",
        "intervals": dict.fromkeys(intervals, Interval(low=0, high=1)),
        "is_of_our_model": False,
    }

    assert PublishedScore.model_validate(document).model == "rnn"
    document["is_of_our_model"] = True
    with pytest.raises(ValueError, match="an earlier result of our model"):
        PublishedScore.model_validate(document)


def in_both(change):
    """Change the comparisons on all documents and on those without duplicates."""

    def change_both(document, rest):
        change(document["comparisons"])
        change(rest["comparisons"])

    return change_both


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _, rest: rest["comparisons"].pop(), "other comparisons without"),
        (
            lambda _, rest: rest.update(test_size=20),
            "another number of test documents without",
        ),
        (lambda _, rest: rest["scores"].pop("rnn"), "other models without duplicates"),
        (
            lambda document, _: document["comparisons"].clear(),
            "other comparisons without duplicates",
        ),
        (
            lambda document, _: document["dataset"].update(duplicates=None),
            "dataset.duplicates",
        ),
        (
            in_both(lambda pairs: pairs.pop()),
            "not compared with the best or the majority",
        ),
        (in_both(lambda pairs: pairs[0].update(a="x")), "with x, which is not there"),
        (
            lambda document, _: document.update(cheapest="x"),
            "a cheapest model that is not there",
        ),
    ],
)
def test_a_summary_is_consistent_with_itself(change, message):
    run = scored_run(
        {"rnn": [3, 4, 5], "lstm": [9, 8, 9]},
        dataset={"duplicates": {"same_topic": [3]}},
    )
    document = run.results.model_dump(mode="json")
    assert Results.model_validate(document).model_dump(mode="json") == document

    change(document, document["without_duplicates"])

    with pytest.raises(ValueError, match=message):
        Results.model_validate(document)


def test_of_models_with_equally_many_right_answers_the_first_is_the_best():
    results = scored_run(
        {"first": [27, 2, 16, 22, 5], "second": [27, 2, 16, 25, 2]}, of=30
    ).results

    assert results.best.name == "first"


CLEAR_OR_NOT = {
    "svm": [9] * 3,
    "rnn": [2, 3, 2],
    "gru": [19, 18, 18],
    "lstm": [18, 18, 19],
}
"""Only the last two, of which the first is the best, do not clearly differ."""


@pytest.mark.parametrize(
    ("seconds", "params", "n_seeds", "cheapest"),
    [
        ((1, 1, 9, 8), (1, 1, 1, 1), 3, "lstm"),
        ((1, 1, 8, 9), (1, 1, 1, 1), 3, "gru"),
        ((1, 1, 9, 9), (1, 1, 6, 5), 3, "lstm"),
        ((1, 1, 9, 8), (1, 1, 1, 1), 2, None),
        ((8, 8, 7, 8), (1, 1, 1, 1), 2, "gru"),
    ],
    ids=[
        "faster",
        "the best itself",
        "equally fast, but smaller",
        "two seeds",
        "fastest of all",
    ],
)
def test_the_cheapest_is_the_fastest_model_that_is_not_clearly_worse(
    seconds, params, n_seeds, cheapest
):
    rights = {model: right[:n_seeds] for model, right in CLEAR_OR_NOT.items()}
    records = {}
    for model, time, size in zip(rights, seconds, params, strict=True):
        records[model] = {"fit_seconds": time, "params": size}

    results = scored_run(rights, records=records).results

    assert results.cheapest == cheapest
    older = results.model_dump(mode="json")
    del older["cheapest"]
    assert Results.model_validate(older) == results, "it follows from the rest"
