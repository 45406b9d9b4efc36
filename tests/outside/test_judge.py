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

    assert found.task == "single_label"
    assert found.models[0].score.mean == np.mean(ANSWERS["good"] == LABELS)
    assert found.models[1].score.n == 3
    (pair,) = found.comparisons
    assert (pair.a, pair.b, pair.verdict) == ("good", "poor", "clear")
    assert [len(table.rows) for table in found.tables()] == [2, 1]
    assert "accuracy of" in repr(found)


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
    assert in_form(change) == verdict(LABELS, ANSWERS)


def test_documents_may_have_any_number_of_topics_as_names_or_as_0_and_1():
    names = in_form(lambda own: [{TOPICS[label]} for label in own])
    indicators = in_form(lambda own: np.eye(3, dtype=int)[own])

    assert names == indicators
    assert names.task == "multi_label"
    means = [model.score.mean for model in verdict(LABELS, ANSWERS).models]
    assert [model.score.mean for model in names.models] == pytest.approx(means)
    assert verdict([["x"], ["y", "z"], []], {"m": [["x"], ["y"], ["z"]]}).models[0].score.mean == (
        pytest.approx(2 * 2 / (3 + 3))
    )


@pytest.mark.parametrize(
    ("labels", "answers", "fault"),
    [
        ([], {"a": []}, "no documents"),
        ([1], {}, "no models"),
        ([1, 2], {"a": [1]}, r"a: answers of the shape \(1,\), labels of the shape \(2,\)"),
    ],
)
def test_a_fault_is_named(labels, answers, fault):
    with pytest.raises(UserError, match=fault):
        verdict(labels, answers)
