"""Rules that turn scores into any number of topics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.tasks import ALWAYS, MULTI_LABEL, Decision
from rnnbench.training.decision import (
    DecisionRule,
    best_decision,
    decide,
    thresholds_by_topic,
)

SEEDS = st.integers(0, 2**32 - 1)


def made_up(seed, shape, shares):
    """Return labels and scores, of which some are equal."""
    random = default_rng(seed)
    labels = random.random(shape) < shares
    noise = random.normal(size=shape)
    scores = np.round(labels + noise, 1)
    return labels.astype(np.uint8), scores.astype(np.float32)


@given(
    seed=SEEDS,
    none=st.sampled_from(["empty", "best", "chosen"]),
)
def test_no_other_thresholds_have_a_higher_micro_f1(seed, none):
    labels, scores = made_up(seed, (6, 3), 0.4)

    def micro_f1(threshold, best_above):
        decision = Decision(threshold=threshold, best_above=best_above)
        answers = MULTI_LABEL.answers(scores, decision)
        return MULTI_LABEL.score(labels, answers)

    decision = best_decision(labels, scores, none)

    thresholds = [*np.unique(scores).tolist(), 9.0]
    fallbacks = {
        "empty": [None],
        "best": [ALWAYS],
        "chosen": thresholds,
    }
    values = []
    for threshold in thresholds:
        for best_above in fallbacks[none]:
            values.append(micro_f1(threshold, best_above))
    ours = micro_f1(decision.threshold, decision.best_above)
    assert ours == pytest.approx(max(values))


def rule(**keys):
    return DecisionRule.model_validate(keys)


ONE_EACH = np.eye(3, dtype=np.uint8)
SOME_NONE = np.array([[0, 1, 1], [0, 0, 0]], np.uint8)


@pytest.mark.parametrize(
    ("score_kind", "threshold"),
    [
        ("log_probabilities", np.log(0.5)),
        ("margins", 0),
    ],
)
def test_a_probability_is_a_log_probability_or_the_log_odds_of_a_margin(
    score_kind, threshold
):
    half = rule(threshold=0.5, none="empty")

    decision = decide(half, score_kind, None, ONE_EACH)

    assert decision.threshold == threshold


def test_the_best_topic_is_always_given_where_every_training_document_has_one():
    fixed = rule(threshold=0.5)

    decision = decide(fixed, "margins", None, ONE_EACH)

    assert decision.best_above == ALWAYS


def test_a_second_threshold_is_chosen_where_some_training_documents_have_no_topic():
    rows = [
        [-1.0, -0.2, -0.3],
        [-1.0, -0.6, -0.7],
    ]
    scores = np.array(rows, np.float32)
    fixed = rule(threshold=0.5)

    chosen = decide(fixed, "margins", (SOME_NONE, scores), SOME_NONE)

    assert chosen.threshold == 0
    assert -0.6 < chosen.best_above <= -0.2


def test_a_topic_with_equal_scores_has_the_threshold_of_all_topics():
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 0]], np.uint8)
    scores = np.array([[0.9, -5], [0.7, -5], [0.3, -5], [0.1, -5]], np.float32)

    thresholds = thresholds_by_topic(labels, scores)

    assert thresholds == [pytest.approx(0.5), pytest.approx(0.5)]


def test_a_topic_without_held_out_documents_is_given_to_none_of_them():
    labels = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.uint8)
    scores = np.array([[0.9, 0.9], [0.7, 0.1], [0.3, 0.1], [0.1, 0.1]], np.float32)

    by_topic = rule(threshold="by_topic")
    decision = decide(by_topic, "margins", (labels, scores), ONE_EACH)

    frequent, rare = decision.threshold
    assert frequent == pytest.approx(0.5)
    assert 0.9 < rare < 0.91


@given(SEEDS)
def test_rare_topics_have_a_say_in_proportion_to_the_topics_so_far(seed):
    labels, scores = made_up(seed, (8, 3), [0.6, 0.4, 0.2])
    thresholds = thresholds_by_topic(labels, scores)
    twice_right_before = 0  # for the topics so far
    n_before = 0  # given or true ones of these
    by_frequency = np.argsort(-labels.sum(axis=0, dtype=int), kind="stable")
    for number, topic in enumerate(by_frequency, 1):

        def counts(threshold, topic=topic):
            accepted = scores[:, topic] >= np.float32(threshold)
            right = int(labels[accepted, topic].sum())
            return 2 * right, int(accepted.sum() + labels[:, topic].sum())

        def value(threshold, number=number, before=(twice_right_before, n_before)):
            twice_right, n = counts(threshold)
            own_f1 = twice_right / max(n, 1)
            micro_f1 = (before[0] + twice_right) / max(n + before[1], 1)
            return own_f1 / number + micro_f1

        values = map(value, [*scores[:, topic].tolist(), 9.0])
        if np.ptp(scores[:, topic]):
            assert value(thresholds[topic]) == pytest.approx(max(values))
        twice_right, n = counts(thresholds[topic])
        twice_right_before += twice_right
        n_before += n
