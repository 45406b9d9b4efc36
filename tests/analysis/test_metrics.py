import warnings

import numpy as np
import pytest
from factories import LABELS, record, result
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from rnnbench.analysis.metrics import TOP, check_measure, compute_metrics, top_accuracy
from rnnbench.errors import UserError
from rnnbench.training.outcome import TrialResult


@st.composite
def trials(draw, *, is_tied=False, **changes):
    """A trial on up to 40 wires and 4 to 8 topics, its scores shares of 1."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_wires, n_topics = draw(st.integers(1, 40)), draw(st.integers(TOP + 1, 8))
    labels = random.integers(n_topics, size=n_wires, dtype=np.int32)
    if is_tied:
        scores = random.integers(1, 4, (n_wires, n_topics)).astype(np.float32)
    else:
        scores = np.stack([random.permutation(n_topics) for _ in labels]) + random.random(
            (n_wires, 1)
        )
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    accuracy = float(np.mean(scores.argmax(axis=1) == labels))
    return TrialResult(record(**{"accuracy": accuracy} | changes), labels, scores)


@given(trials())
def test_each_metric_is_what_scikit_learn_has_under_its_name(trial):
    metrics = compute_metrics(trial)

    labels, answers, topics = trial.labels, trial.answers, np.unique(trial.labels)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", "A single label was found")
        balanced = sklearn_metrics.balanced_accuracy_score(labels, answers)
    f1 = {
        average: sklearn_metrics.f1_score(
            labels, answers, labels=topics, average=average, zero_division=0
        )
        for average in ("macro", "weighted")
    }
    assert metrics.accuracy == pytest.approx(sklearn_metrics.accuracy_score(labels, answers))
    assert metrics.balanced_accuracy == pytest.approx(balanced)
    assert metrics.macro_f1 == pytest.approx(f1["macro"])
    assert metrics.weighted_f1 == pytest.approx(f1["weighted"])
    assert metrics.top3_accuracy == pytest.approx(
        sklearn_metrics.top_k_accuracy_score(
            labels, trial.scores, k=3, labels=range(trial.scores.shape[1])
        )
    )


@given(trials())
def test_log_loss_is_the_mean_of_what_the_true_topics_probability_is_short_of(trial):
    of_true = trial.scores[np.arange(len(trial.labels)), trial.labels]
    smallest = np.finfo(np.float32).eps

    assert compute_metrics(trial).log_loss == pytest.approx(
        -np.log(of_true.clip(smallest, 1)).mean(), rel=1e-4, abs=1e-5
    )


def test_the_metrics_of_a_trial_by_hand():
    metrics = compute_metrics(result(answers=(0, 1, 1, 1)))

    assert LABELS.tolist() == [0, 0, 1, 2]
    assert metrics.accuracy == 0.5
    assert metrics.balanced_accuracy == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert metrics.weighted_f1 == pytest.approx((2 * 2 / 3 + 1 / 2 + 0) / 4)
    assert metrics.top3_accuracy == 1
    assert metrics.log_loss == pytest.approx(np.log([2, 4, 2, 4]).mean())


def test_a_topic_without_test_wires_is_no_part_of_the_means():
    labels = np.array([0, 0, 1], np.int32)
    scores = np.eye(4, dtype=np.float32)[[0, 3, 1]]  # topics 2 and 3 have no test wires

    metrics = compute_metrics(TrialResult(record(score_kind="margins"), labels, scores))

    assert metrics.balanced_accuracy == pytest.approx((1 / 2 + 1) / 2)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_log_loss_stays_finite_where_a_topic_has_no_probability():
    labels = np.array([1, 0], np.int32)
    scores = np.array([[1, 0], [1, 0]], np.float32)

    metrics = compute_metrics(TrialResult(record(), labels, scores))

    assert metrics.log_loss == pytest.approx(-np.log(np.finfo(np.float32).eps) / 2, rel=1e-3)


@given(trials(score_kind="margins"))
def test_margins_have_no_log_loss(trial):
    assert compute_metrics(trial).log_loss is None


@given(trials(is_tied=True), st.integers(1, 8))
def test_a_topic_that_is_level_with_the_one_after_the_last_place_does_not_count(trial, k):
    hits = []
    for label, scores in zip(trial.labels, trial.scores, strict=True):
        others = np.delete(scores, label)
        hits.append(sum(other >= scores[label] for other in others) < k)

    assert top_accuracy(trial.labels, trial.scores, k) == pytest.approx(np.mean(hits))


@pytest.mark.parametrize(
    ("scores", "hit"),
    [
        ([0.2, 0.4, 0.3, 0.1], True),
        ([0.1, 0.4, 0.3, 0.2], False),
        ([0.2, 0.4, 0.3, 0.2], False),
        ([0.3, 0.3, 0.3, 0.1], True),
        ([0.3, 0.3, 0.3, 0.3], False),
    ],
    ids=["third", "fourth", "third and fourth", "three level first", "all level"],
)
def test_ties_count_only_where_all_fit_into_three_places(scores, hit):
    assert top_accuracy(np.array([0]), np.array([scores]), 3) == hit


@given(trials(is_tied=True))
def test_more_places_hold_no_less_and_as_many_as_topics_hold_all(trial):
    n_topics = trial.scores.shape[1]
    shares = [top_accuracy(trial.labels, trial.scores, k) for k in range(1, n_topics + 1)]

    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_measure_is_known_by_name():
    check_measure("macro_f1", "somewhere")

    with pytest.raises(UserError, match=r"somewhere: no metric 'macro_f2'.*macro_f1"):
        check_measure("macro_f2", "somewhere")
