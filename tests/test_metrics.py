"""The metrics, against those of scikit-learn."""

import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from sklearn import metrics as sklearn

from rnnbench.errors import UserError
from rnnbench.metrics import METRICS, find_quantity


@st.composite
def predictions(draw, *, is_tied=False):
    """Labels and log-probabilities of up to 40 documents and 4 to 8 topics."""
    seed = draw(st.integers(0, 2**32 - 1))
    n_documents = draw(st.integers(1, 40))
    n_topics = draw(st.integers(4, 8))
    random = default_rng(seed)
    labels = random.integers(n_topics, size=n_documents, dtype=np.int32)
    if is_tied:
        scores = random.integers(1, 4, (n_documents, n_topics)).astype(float)
    else:
        ranks = np.tile(np.arange(n_topics), (n_documents, 1))
        scores = random.permuted(ranks, axis=1) + 0.5
    shares = scores / scores.sum(axis=1, keepdims=True)
    return labels, np.log(shares).astype(np.float32)


def compute(name, labels, scores):
    return METRICS[name].of(labels, scores.argmax(axis=1), scores)


def names_for(task):
    return {name for name, metric in METRICS.items() if task in metric.tasks}


@given(predictions())
def test_each_metric_is_that_of_scikit_learn_under_its_name(predicted):
    labels, scores = predicted
    answers = scores.argmax(axis=1)
    topics = range(scores.shape[1])
    f1 = partial(
        sklearn.f1_score,
        labels,
        answers,
        labels=np.unique(labels),
        zero_division=0,
    )
    shares = np.exp(scores.astype(float))
    shares /= shares.sum(axis=1, keepdims=True)
    in_first_3 = partial(sklearn.top_k_accuracy_score, k=3)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", "A single label was found")
        expected = {
            "accuracy": sklearn.accuracy_score(labels, answers),
            "balanced_accuracy": sklearn.balanced_accuracy_score(labels, answers),
            "macro_f1": f1(average="macro"),
            "weighted_f1": f1(average="weighted"),
            "top3_accuracy": in_first_3(labels, scores, labels=topics),
            "log_loss": sklearn.log_loss(labels, shares, labels=topics),
        }
    values = {}
    for name in names_for("single_label"):
        values[name] = compute(name, labels, scores)
    assert values == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_documents=st.integers(2, 40),
    n_topics=st.integers(4, 8),
)
def test_metrics_of_any_number_of_topics_are_those_of_scikit_learn(
    seed, n_documents, n_topics
):
    random = default_rng(seed)
    both = random.random((2, n_documents, n_topics)) < 0.3
    labels, answers = both.astype(np.uint8)
    labels[0, 0] = 1
    labels[:, -1] = 0
    percents = random.integers(1, 99, labels.shape)
    scores = np.log(percents / 100).astype(np.float32)
    f1 = partial(sklearn.f1_score, labels, answers, zero_division=0)
    n_documents_of = labels.sum(axis=0)
    order = np.argsort(-scores, axis=1, kind="stable")
    in_order = np.take_along_axis(labels, order, axis=1)
    average_precision = sklearn.label_ranking_average_precision_score

    expected = {
        "micro_f1": f1(average="micro"),
        "macro_f1": f1(average="macro", labels=np.flatnonzero(n_documents_of)),
        "exact_match": sklearn.accuracy_score(labels, answers),
        "hamming_loss": sklearn.hamming_loss(labels, answers),
        "precision_at_1": in_order[:, 0].mean(),
        "precision_at_3": in_order[:, :3].mean(),
        "ranking_precision": average_precision(labels, scores),
        "binary_log_loss": sklearn.log_loss(labels.ravel(), np.exp(scores).ravel()),
    }
    values = {}
    for name in names_for("multi_label"):
        values[name] = METRICS[name].of(labels, answers, scores)
    frequent = np.flatnonzero(n_documents_of >= 10)
    if frequent.size:
        expected["macro_f1_of_10"] = f1(average="macro", labels=frequent)
    else:
        assert values.pop("macro_f1_of_10") is None
    assert values == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_topic_without_test_documents_is_no_part_of_the_means():
    labels = np.array([0, 0, 1], np.int32)
    # Topics 2 and 3 have no test documents.
    scores = np.eye(4, dtype=np.float32)[[0, 3, 1]]

    assert compute("balanced_accuracy", labels, scores) == pytest.approx(3 / 4)
    assert compute("macro_f1", labels, scores) == pytest.approx(5 / 6)


CERTAIN = np.array([[0, -5000], [0, -5000]], np.float32)


def test_log_loss_counts_probabilities_that_no_float_can_hold():
    labels = np.array([1, 0])

    loss = compute("log_loss", labels, CERTAIN)

    assert loss == 2500


def test_log_loss_is_never_minus_0():
    labels = np.array([0, 0])

    loss = compute("log_loss", labels, CERTAIN)

    assert str(loss) == "0.0"


@given(predictions(is_tied=True))
def test_a_topic_that_ties_with_the_one_after_the_last_place_does_not_count(predicted):
    labels, scores = predicted
    hits = []
    for label, row in zip(labels, scores, strict=True):
        others = np.delete(row, label)
        n_before = np.sum(others >= row[label])
        hits.append(n_before < 3)

    accuracy = compute("top3_accuracy", labels, scores)

    assert accuracy == pytest.approx(np.mean(hits))


def test_long_times_have_no_exponent():
    seconds = find_quantity("fit_seconds", "somewhere")

    assert seconds.spell(0.01234) == "0.0123"
    assert seconds.spell(98.76) == "98.8"
    assert seconds.spell(1_264.2) == "1,260"
    assert seconds.spell(1e15) == "1e+15"
    assert METRICS["log_loss"].spell(float("inf")) == "inf"


def test_metrics_are_found_by_name():
    metric = find_quantity("macro_f1", "somewhere")

    assert metric is METRICS["macro_f1"]


def test_costs_are_found_by_name():
    cost = find_quantity("ms_per_step", "somewhere")

    assert not cost.higher_is_better


def test_an_unknown_metric_is_the_users_error():
    with pytest.raises(UserError, match=r"somewhere: no metric 'macro_f2'.*macro_f1"):
        find_quantity("macro_f2", "somewhere")
