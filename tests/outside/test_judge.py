"""One verdict on answers from anywhere."""

import numpy as np
import pytest

from rnnbench import UserError, verdict

RANDOM = np.random.default_rng(0)
TOPICS = np.array(["acq", "earn", "grain"])
LABELS = RANDOM.integers(3, size=300)


def noisy(share):
    return np.where(RANDOM.random(300) < share, LABELS, RANDOM.integers(3, size=300))


ANSWERS = {"good": noisy(0.95), "poor": [noisy(0.5) for _ in range(3)]}


def test_accuracies_are_compared_over_documents_and_seeds():
    found = verdict(LABELS, ANSWERS)

    results = found.results
    assert results.dataset.task == "single_label"
    good, poor = results.models
    assert good.score.mean == np.mean(ANSWERS["good"] == LABELS)
    assert poor.score.n == 3
    pair = results.comparisons_of("good")["poor"]
    assert pair.verdict == "clear"
    assert len(found.tables()[0].rows) == 3  # and always the most frequent label
    assert "accuracy" in repr(found)


def in_form(change):
    one, several = (change(ANSWERS["good"]), [change(own) for own in ANSWERS["poor"]])
    return verdict(change(LABELS), {"good": one, "poor": several})


@pytest.mark.parametrize(
    "change",
    [
        list,
        lambda own: TOPICS[own],
        lambda own: TOPICS[own].tolist(),
        lambda own: own.astype(object),
    ],
)
def test_labels_may_be_of_any_type(change):
    found, expected = in_form(change).results, verdict(LABELS, ANSWERS).results
    assert [one.score for one in found.models] == [one.score for one in expected.models]
    assert found.comparisons_of("good")["poor"] == expected.comparisons_of("good")["poor"]


def test_documents_may_have_any_number_of_topics_as_names_or_as_0_and_1():
    names = in_form(lambda own: [{TOPICS[label]} for label in own])
    indicators = in_form(lambda own: np.eye(3, dtype=int)[own])

    scores = [[model.score for model in found.results.models] for found in (names, indicators)]
    assert scores[0] == scores[1]
    assert names.results.dataset.task == "multi_label"
    means = [model.score.mean for model in verdict(LABELS, ANSWERS).results.models]
    assert [score.mean for score in scores[0]] == pytest.approx(means)
    (model,) = verdict([["x"], ["y", "z"], []], {"m": [["x"], ["y"], ["z"]]}).results.models
    assert model.score.mean == pytest.approx(2 * 2 / (3 + 3))


@pytest.mark.parametrize(
    ("labels", "answers", "fault"),
    [
        ([], {"a": []}, "no documents"),
        ([1], {}, "no models"),
        ([1, 2], {"a": [1]}, "a"),
    ],
)
def test_a_fault_is_named(labels, answers, fault):
    with pytest.raises(UserError, match=fault):
        verdict(labels, answers)
